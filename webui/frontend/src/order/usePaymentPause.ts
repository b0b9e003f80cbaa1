/**
 * The recording pauses while details of a payment are said.
 * Rule: the server decides and knows why it pauses; where nothing is recorded there is nothing to pause.
 */

import { onBeforeUnmount, watch } from "vue";
import { callsApi } from "@/api/calls";
import { ApiError } from "@/api/client";
import { useFailure } from "@/composables/failure";

const NOTHING_TO_PAUSE = new Set(["not_recorded", "not_found"]);

export function usePaymentPause(callId: () => string, taking: () => boolean): void {
  const { attempt } = useFailure();

  const unlessNothing = (action: Promise<unknown>) =>
    action.catch((error: unknown) => {
      if (!(error instanceof ApiError && NOTHING_TO_PAUSE.has(error.code))) throw error;
    });

  const end = (id: string) => attempt(unlessNothing(callsApi.resume(id, "payment")));

  watch(
    () => (taking() ? callId() : null),
    (now, before) => {
      if (before) void end(before);
      if (now) void attempt(unlessNothing(callsApi.pause(now, "payment")));
    },
    { immediate: true },
  );
  onBeforeUnmount(() => taking() && void end(callId()));
}
