import { describe, expect, it } from "vitest";
import { levelOf, moved } from "@/components/skills/grid";

describe("the grid of skills", () => {
  it("moves by arrows and stays at its edges", () => {
    expect(moved({ row: 0, column: 0 }, "ArrowUp", 2, 3)).toEqual({ row: 0, column: 0 });
    expect(moved({ row: 0, column: 0 }, "ArrowRight", 2, 3)).toEqual({ row: 0, column: 1 });
    expect(moved({ row: 1, column: 2 }, "ArrowDown", 2, 3)).toEqual({ row: 1, column: 2 });
    expect(moved({ row: 1, column: 2 }, "Home", 2, 3)).toEqual({ row: 1, column: 0 });
    expect(moved({ row: 1, column: 0 }, "x", 2, 3)).toBeNull();
  });

  it("takes 1 to 5 as levels and 0 and Delete as none", () => {
    expect(["1", "5", "0", "Delete", "6", "a"].map(levelOf)).toEqual([1, 5, null, null, undefined, undefined]);
  });
});
