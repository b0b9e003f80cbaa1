/** The daemon's price for the draft, asked for once the typing pauses. Rule: the page never adds up prices. */

import { onBeforeUnmount, ref, watch } from "vue";
import { api } from "@/api/api";
import type { LineWanted, Quote } from "@/api/types";

const PAUSE_MS = 250;

export function useQuote(
  customerId: () => number,
  lines: () => LineWanted[],
  coupons: () => string[] = () => [],
) {
  const quote = ref<Quote | null>(null);
  const pending = ref(false);
  const problem = ref<unknown>(null);
  let timer: number | undefined;
  let asked: AbortController | null = null;

  async function ask(): Promise<void> {
    const mine = (asked = new AbortController());
    try {
      quote.value = await api.quote(customerId(), lines(), coupons(), mine.signal);
      problem.value = null;
    } catch (error) {
      if (mine.signal.aborted) return;
      problem.value = error;
    }
    if (asked === mine) pending.value = false;
  }

  function askSoon(): void {
    window.clearTimeout(timer);
    asked?.abort();
    pending.value = lines().length > 0;
    if (pending.value) timer = window.setTimeout(() => void ask(), PAUSE_MS);
    else quote.value = null;
  }

  watch(() => JSON.stringify([customerId(), lines(), coupons()]), askSoon, { immediate: true });
  onBeforeUnmount(() => {
    window.clearTimeout(timer);
    asked?.abort();
  });
  return { quote, pending, problem, askAgain: askSoon };
}
