/**
 * The daemon's price and stock for the draft, asked for once the typing pauses, and again when stock of its goods
 * changed. Rule: the page never adds up prices; what stock does is asked quietly, and never before the last answer.
 */

import { ref, watch } from "vue";
import { api } from "@/api/api";
import type { LineWanted, Quote } from "@/api/types";
import { useAsking } from "@/composables/asking";
import type { Live } from "@/composables/live";

const PAUSE_MS = 250;

export function useQuote(
  customerId: () => number,
  lines: () => LineWanted[],
  coupons: () => string[],
  live: Pick<Live, "onStock">,
) {
  const quote = ref<Quote | null>(null);
  const pending = ref(false);
  const problem = ref<unknown>(null);
  const { askSoon, drop } = useAsking(PAUSE_MS);
  let asking = false;
  let outdated = false;

  function priced(found: Quote): void {
    quote.value = found;
    answered(null);
  }

  function answered(error: unknown): void {
    problem.value = error;
    pending.value = false;
    asking = false;
    if (outdated) ask();
  }

  function ask(): void {
    asking = true;
    outdated = false;
    askSoon((signal) => api.quote(customerId(), lines(), coupons(), signal), priced, answered);
  }

  function askAgain(): void {
    pending.value = lines().length > 0;
    if (pending.value) {
      ask();
    } else {
      drop();
      asking = outdated = false;
      quote.value = null;
    }
  }

  /** Also of goods that are free, or could be had instead. */
  function concerned(): Set<string> {
    const quoted = quote.value?.lines.flatMap((line) => [line, ...line.substitutes]) ?? [];
    return new Set([...lines(), ...quoted].map(({ sku }) => sku));
  }

  live.onStock((skus) => {
    if (lines().length === 0) return;
    const mine = concerned();
    if (skus !== null && !skus.some((sku) => mine.has(sku))) return;
    if (asking) outdated = true;
    else ask();
  });

  watch(() => JSON.stringify([customerId(), lines(), coupons()]), askAgain, { immediate: true });
  return { quote, pending, problem, askAgain };
}
