import { describe, expect, it } from "vitest";
import { outline, placeOf } from "@/components/calls/sound";

describe("a recording that is drawn", () => {
  it("is a closed outline around its own middle line", () => {
    expect(outline([1, 0], 25)).toBe("M250.0,3.0L750.0,24.6L750.0,25.4L250.0,47.0Z");
  });

  it("is nothing before its levels are known", () => {
    expect(outline([], 25)).toBe("");
  });

  it.each([
    [0, 0],
    [50, 30],
    [100, 60],
    [-5, 0],
    [140, 60],
  ])("has at %i of 100 its second %i of 60", (x, second) => {
    expect(placeOf(x, 100, 60)).toBe(second);
  });

  it("has only a beginning while it has no width", () => {
    expect(placeOf(3, 0, 60)).toBe(0);
  });
});
