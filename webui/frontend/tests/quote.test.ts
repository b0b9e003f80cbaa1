import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";
import type { LineWanted } from "@/api/types";
import type { StockListener } from "@/composables/live";
import { useQuote } from "@/order/useQuote";

const line = (sku: string): LineWanted => ({ sku, quantity: 1, unit: "箱" });
const quoted = (sku: string, available: number, substitutes: unknown[] = []) => ({ sku, available, substitutes });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the quote of an order that is being written", () => {
  /** `daemon` answers with the lines of the quote. */
  function written(daemon: () => unknown[] | Promise<unknown[]>) {
    let asked = 0;
    vi.stubGlobal("fetch", async () => {
      asked += 1;
      return Response.json({ lines: await daemon(), warnings: [] });
    });
    const lines = ref([line("A"), line("B")]);
    const listeners: StockListener[] = [];
    const scope = effectScope();
    const { quote, pending, problem } = scope.run(() =>
      useQuote(
        () => 7,
        () => lines.value,
        () => [],
        { onStock: (hear) => void listeners.push(hear) },
      ),
    )!;
    return {
      lines,
      pending,
      problem,
      asked: () => asked,
      shown: () => quote.value?.lines.map(({ available }) => available),
      changed: (skus: string[] | null) => listeners.forEach((hear) => hear(skus)),
    };
  }

  const soon = () => vi.advanceTimersByTimeAsync(300);

  it("is asked for again when stock of its goods changed, with the old one shown until then", async () => {
    let left = 9;
    const form = written(() => [quoted("A", left), quoted("B", 5)]);
    await soon();
    left = 2;
    form.changed(["X", "A"]);
    expect([form.shown(), form.pending.value]).toEqual([[9, 5], false]);
    await soon();
    expect([form.shown(), form.asked()]).toEqual([[2, 5], 2]);
  });

  it("is left alone when stock of other goods changed, or nothing is ordered", async () => {
    const form = written(() => [quoted("A", 9)]);
    await soon();
    form.changed(["X"]);
    await soon();
    expect(form.asked()).toBe(1);
    form.lines.value = [];
    await nextTick();
    form.changed(["A"]);
    form.changed(null);
    await soon();
    expect(form.asked()).toBe(1);
  });

  it("is asked for again when free goods or substitutes changed, and when the page missed what changed", async () => {
    const form = written(() => [quoted("A", 0, [{ sku: "S" }]), quoted("FREE", 3)]);
    await soon();
    for (const skus of [["S"], ["FREE"], null]) {
      form.changed(skus);
      await soon();
    }
    expect(form.asked()).toBe(4);
  });

  it("comes also when stock changes faster than the daemon answers", async () => {
    const answers: ((lines: unknown[]) => void)[] = [];
    const form = written(() => new Promise((resolve) => void answers.push(resolve)));
    await soon();
    for (let n = 0; n < 5; n += 1) {
      form.changed(["A"]);
      await soon();
    }
    expect(form.asked()).toBe(1);
    answers[0]!([quoted("A", 7)]);
    await soon();
    expect([form.shown(), form.asked()]).toEqual([[7], 2]);
    answers[1]!([quoted("A", 6)]);
    await soon();
    expect([form.shown(), form.asked()]).toEqual([[6], 2]);
  });

  it("is asked for again after a question that was not answered", async () => {
    let away = true;
    const form = written(() => (away ? Promise.reject(new TypeError("offline")) : [quoted("A", 1)]));
    await soon();
    expect(form.problem.value).not.toBeNull();
    away = false;
    form.changed(null);
    await soon();
    expect([form.problem.value, form.shown()]).toEqual([null, [1]]);
  });
});
