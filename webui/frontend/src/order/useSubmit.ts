/**
 * Placing the draft. Rule: an answer that never came is asked for again with the same key and the
 * same content; only a clear refusal gives the draft back for change.
 */

import { ref, watch } from "vue";
import { api } from "@/api/api";
import { ApiError } from "@/api/client";
import type { Customer } from "@/api/types";
import type { Live } from "@/composables/live";
import { wantedOrder, type Draft } from "./draft";

export function useSubmit(draft: () => Draft, customer: () => Customer, callId: string, live: Live) {
  const sending = ref(false);
  const refusal = ref<ApiError | null>(null);

  async function submit(): Promise<void> {
    const mine = draft();
    if (sending.value || mine.order !== null || mine.lines.length === 0) return;
    sending.value = true;
    refusal.value = null;
    mine.sent ??= wantedOrder(mine, customer(), callId);
    try {
      const { order, warnings } = await api.placeOrder(mine.sent, mine.key);
      mine.warnings = warnings;
      mine.order = order;
      mine.sent = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!error.outcomeUnknown) mine.sent = null;
      refusal.value = error;
    } finally {
      sending.value = false;
    }
  }

  /** An order hangs in the air, and the page was reloaded or the line came back: settle it now. */
  watch(
    live.stale,
    (stale) => {
      if (!stale && draft().sent !== null) void submit();
    },
    { immediate: true },
  );

  /** The refusal that belongs to one line, if it does. */
  function refusedLine(sku: string): ApiError | null {
    return refusal.value?.fields["sku"] === sku ? refusal.value : null;
  }

  return { sending, refusal, submit, refusedLine };
}
