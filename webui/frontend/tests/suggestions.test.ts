import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";
import type { LineWanted, Product, Suggestion } from "@/api/types";
import { useAsking } from "@/composables/asking";
import { offered, SUGGESTION_KEYS } from "@/order/suggestions";
import { useSuggestions } from "@/order/useSuggestions";

const suggestion = (sku: string): Suggestion => ({
  product: { sku, packs: [], why: [] } as unknown as Product,
  why: [{ code: "bought_together", params: { percent: "40" } }],
});
const line = (sku: string): LineWanted => ({ sku, quantity: 1, unit: "箱" });
const skus = (suggestions: Suggestion[]) => suggestions.map(({ product }) => product.sku);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the suggestions that are offered", () => {
  const found = ["A", "B", "C", "D", "E"].map(suggestion);

  it("are the best, one for each key", () => {
    expect(skus(offered(found, []))).toEqual(["A", "B", "C"]);
    expect(SUGGESTION_KEYS).toHaveLength(3);
  });

  it("are never on the order, and the next one moves up", () => {
    expect(skus(offered(found, [line("B")]))).toEqual(["A", "C", "D"]);
    expect(offered(found.slice(0, 1), [line("A")])).toEqual([]);
  });
});

describe("what is asked while somebody writes", () => {
  it("waits for a pause, and an answer that comes too late is not believed", async () => {
    const answers: Record<string, (text: string) => void> = {};
    const heard: unknown[] = [];
    const scope = effectScope();
    const { askSoon, drop } = scope.run(() => useAsking(100))!;
    const ask = (text: string) =>
      askSoon(
        () => new Promise<string>((resolve) => (answers[text] = resolve)),
        (answer) => heard.push(answer),
        (error) => heard.push(error),
      );
    ask("early");
    await vi.advanceTimersByTimeAsync(99);
    expect(answers).toEqual({});
    ask("first");
    await vi.advanceTimersByTimeAsync(100);
    ask("second");
    await vi.advanceTimersByTimeAsync(100);
    answers["second"]!("new");
    answers["first"]!("old");
    await vi.advanceTimersByTimeAsync(0);
    expect(heard).toEqual(["new"]);
    ask("third");
    await vi.advanceTimersByTimeAsync(100);
    drop();
    answers["third"]!("dropped");
    ask("fourth");
    scope.stop();
    await vi.advanceTimersByTimeAsync(100);
    expect(heard).toEqual(["new"]);
    expect(Object.keys(answers)).toEqual(["first", "second", "third"]);
  });
});

describe("suggestions while an order is written", () => {
  function written(daemon: (basket: { customer_id: number; lines: LineWanted[] }) => Promise<Response>) {
    vi.stubGlobal("fetch", (_: string, { body }: RequestInit) => daemon(JSON.parse(String(body))));
    const customer = ref(7);
    const lines = ref<LineWanted[] | null>([]);
    const answeredAt = ref<string | null>(null);
    const scope = effectScope();
    const { suggestions } = scope.run(() =>
      useSuggestions(
        () => customer.value,
        () => lines.value,
        () => answeredAt.value,
      ),
    )!;
    return { customer, lines, answeredAt, shown: () => skus(suggestions.value) };
  }

  const answer = (...found: string[]) => Promise.resolve(Response.json({ items: found.map(suggestion) }));
  const refusal = () => Promise.resolve(Response.json({ error: { code: "not_found" } }, { status: 404 }));

  /** The change is noticed, the pause passes, the answer comes. */
  async function soon(): Promise<void> {
    await nextTick();
    await vi.advanceTimersByTimeAsync(1_000);
  }

  it("are asked for an empty order, and again when its goods change", async () => {
    const page = written(({ lines }) => (lines.length === 0 ? answer("A", "B") : answer("C")));
    await soon();
    expect(page.shown()).toEqual(["A", "B"]);
    page.lines.value = [line("A")];
    expect(page.shown()).toEqual(["B"]);
    await soon();
    expect(page.shown()).toEqual(["C"]);
    page.lines.value = null;
    await soon();
    expect(page.shown()).toEqual([]);
  });

  it("are asked again when the call was answered, since then the customer may be seen", async () => {
    let seen = false;
    const page = written(() => (seen ? answer("A") : refusal()));
    await soon();
    expect(page.shown()).toEqual([]);
    seen = true;
    page.answeredAt.value = "2026-11-30T08:00:00Z";
    await soon();
    expect(page.shown()).toEqual(["A"]);
  });

  it("of another customer, or of an order that the daemon did not hear of, are not shown", async () => {
    const page = written(({ customer_id, lines }) =>
      lines.length === 0 && customer_id === 7 ? answer("A") : Promise.reject(new TypeError("offline")),
    );
    await soon();
    expect(page.shown()).toEqual(["A"]);
    page.lines.value = [line("B")];
    await soon();
    expect(page.shown()).toEqual([]);
    page.lines.value = [];
    await soon();
    expect(page.shown()).toEqual(["A"]);
    page.customer.value = 8;
    await nextTick();
    expect(page.shown()).toEqual([]);
  });
});
