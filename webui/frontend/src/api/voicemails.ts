/** Messages that callers left. Rule: one function, one route. */

import { request } from "./client";
import type { Instant } from "./types";

/** `removed_at`: the policy removed its sound. */
export interface VoicemailItem {
  removed_at: Instant | null;
}

const one = (callId: string) => `/api/voicemails/${encodeURIComponent(callId)}`;

export const voicemails = {
  show: (callId: string) => request<VoicemailItem>(one(callId)),

  soundOf: (callId: string) => `${one(callId)}/sound`,
};
