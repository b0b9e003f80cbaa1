/** The daemon's price for the draft, asked for once the typing pauses. Rule: the page never adds up prices. */

import { ref, watch } from "vue";
import { api } from "@/api/api";
import type { LineWanted, Quote } from "@/api/types";
import { useAsking } from "@/composables/asking";

const PAUSE_MS = 250;

export function useQuote(
  customerId: () => number,
  lines: () => LineWanted[],
  coupons: () => string[] = () => [],
) {
  const quote = ref<Quote | null>(null);
  const pending = ref(false);
  const problem = ref<unknown>(null);
  const { askSoon, drop } = useAsking(PAUSE_MS);

  function priced(found: Quote): void {
    quote.value = found;
    problem.value = null;
    pending.value = false;
  }

  function failed(error: unknown): void {
    problem.value = error;
    pending.value = false;
  }

  function askAgain(): void {
    pending.value = lines().length > 0;
    if (pending.value) {
      askSoon((signal) => api.quote(customerId(), lines(), coupons(), signal), priced, failed);
    } else {
      drop();
      quote.value = null;
    }
  }

  watch(() => JSON.stringify([customerId(), lines(), coupons()]), askAgain, { immediate: true });
  return { quote, pending, problem, askAgain };
}
