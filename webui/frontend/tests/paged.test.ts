import { describe, expect, it } from "vitest";
import { ApiError } from "@/api/client";
import type { Page } from "@/api/types";
import { usePaged } from "@/composables/paged";

interface Waiting {
  after: string | null;
  answer: (page: Page<string>) => void;
  refuse: (error: Error) => void;
}

/** A list whose questions are answered by hand. */
function asked() {
  const questions: Waiting[] = [];
  const list = usePaged<string>(
    (after) => new Promise((answer, refuse) => questions.push({ after, answer, refuse })),
  );
  return { questions, list };
}

describe("a list that is read page by page", () => {
  it("goes on where the last page ended", async () => {
    const { questions, list } = asked();
    const first = list.first();
    expect(list.busy.value).toBe(true);
    questions[0]?.answer({ items: ["c", "b"], next: "b" });
    await first;
    const more = list.more();
    expect(questions[1]?.after).toBe("b");
    questions[1]?.answer({ items: ["a"], next: null });
    await more;
    expect([list.items.value, list.next.value, list.busy.value]).toEqual([["c", "b", "a"], null, false]);
  });

  it("shows the answer to the last question, also when an earlier one comes later", async () => {
    const { questions, list } = asked();
    const both = [list.first(), list.first()];
    questions[1]?.answer({ items: ["new"], next: null });
    questions[0]?.answer({ items: ["old"], next: "x" });
    await Promise.all(both);
    expect([list.items.value, list.next.value]).toEqual([["new"], null]);
  });

  it("keeps what it has when the next page is refused, and asks for that page again", async () => {
    const { questions, list } = asked();
    const first = list.first();
    questions[0]?.answer({ items: ["b"], next: "b" });
    await first;
    const more = list.more();
    questions[1]?.refuse(new ApiError(503, "database_unavailable", ""));
    await more;
    expect([list.items.value, list.failure.value?.code]).toEqual([["b"], "database_unavailable"]);
    void list.again();
    expect([questions[2]?.after, list.failure.value]).toEqual(["b", null]);
  });
});
