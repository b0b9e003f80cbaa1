/** What else the customer may want. Rule: the order never waits for it; what cannot be had is not shown. */

import { computed, shallowRef, watch } from "vue";
import { api } from "@/api/api";
import { ApiError } from "@/api/client";
import type { LineWanted, Suggestion } from "@/api/types";
import { useAsking } from "@/composables/asking";
import { offered } from "./suggestions";

/** After the price, which is asked for sooner. */
const PAUSE_MS = 400;

/**
 * `lines` may be none yet; null: no order is being written. `occasion` changes when it is worth asking again:
 * some customers may be seen only once their call was answered.
 */
export function useSuggestions(
  customerId: () => number,
  lines: () => LineWanted[] | null,
  occasion: () => unknown,
) {
  const found = shallowRef<Suggestion[]>([]);
  const { askSoon, drop } = useAsking(PAUSE_MS);

  function failed(error: unknown): void {
    found.value = [];
    if (!(error instanceof ApiError)) throw error;
  }

  function ask(): void {
    const basket = lines();
    if (basket === null) {
      drop();
      found.value = [];
      return;
    }
    askSoon(
      (signal) => api.suggestions(customerId(), basket, signal),
      ({ items }) => {
        found.value = items;
      },
      failed,
    );
  }

  watch(customerId, () => (found.value = []));
  watch(() => JSON.stringify([customerId(), lines(), occasion()]), ask, { immediate: true });
  return { suggestions: computed(() => offered(found.value, lines() ?? [])) };
}
