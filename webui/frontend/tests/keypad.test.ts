import { describe, expect, it } from "vitest";
import { keyPath } from "@/components/keypad/keys";
import { beginOf } from "@/format/time";

describe("the keypad log's conditions", () => {
  it.each([
    ["12", "1-2"],
    [" 1 - 2 ", "1-2"],
    ["1›2，#", "1-2-#"],
    ["*", "*"],
    ["", ""],
    ["1-a", null],
    ["一", null],
  ])("the keys %s are %s", (typed, keys) => {
    expect(keyPath(typed)).toBe(keys);
  });

  it("a day begins at the reader's midnight and lasts until the next one", () => {
    const begin = new Date(beginOf("2026-03-31"));
    const end = new Date(beginOf("2026-03-31", 1));
    expect([begin.getDate(), begin.getHours(), begin.getMinutes()]).toEqual([31, 0, 0]);
    expect([end.getMonth(), end.getDate(), end.getHours()]).toEqual([3, 1, 0]);
    expect(beginOf("")).toBe("");
  });
});
