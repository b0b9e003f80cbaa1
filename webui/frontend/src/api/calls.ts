/** Calls and their recordings: the words, and what is asked. Rule: one function, one route. */

import { request } from "./client";
import type { Instant, Order, Page, PauseReason } from "./types";

export interface Call {
  id: string;
  direction: string;
  caller: string | null;
  medium: string | null;
  customer_id: number | null;
  customer_name: string | null;
  province: string | null;
  city: string | null;
  queue: string | null;
  agent_id: number | null;
  started_at: Instant;
  answered_at: Instant | null;
  ended_at: Instant | null;
  outcome: string | null;
  recording: string | null;
}

/** `recorded_s`: how long the sound is that can be heard. */
export interface ListedCall extends Call {
  agent_name: string | null;
  recorded_s: number | null;
}

export interface CallStep {
  seq: number;
  at: Instant;
  kind: string;
  detail: Record<string, unknown>;
}

/** Seconds of the recording in which nothing was kept. */
export interface PauseMark {
  start_s: number;
  end_s: number;
  by: number | null;
  why: string;
}

export interface Recording {
  seconds: number;
  removed_at: Instant | null;
  held_at: Instant | null;
  hold_reason: string | null;
  pauses: PauseMark[];
  allowed: ("download" | "hold" | "release" | "uses")[];
}

/** `names` of the people whose ids stand in it. */
export interface CallDetail {
  call: Call;
  names: Record<string, string>;
  steps: CallStep[];
  recording: Recording | null;
}

/** The loudest of each part, from 0 to 1. */
export interface Levels {
  caller: number[];
  agent: number[];
}

export interface RecordingUse {
  name: string | null;
  kind: "listen" | "download";
  began_at: Instant;
}

export interface CallConditions {
  number?: string;
  since?: Instant;
  until?: Instant;
  direction?: string;
  outcome?: string;
  recorded?: string;
  queue?: string;
  customer_id?: string;
  agent_id?: string;
  order_id?: string;
  after?: string;
}

const one = (callId: string) => `/api/calls/${encodeURIComponent(callId)}`;
const sound = (callId: string) => `${one(callId)}/recording`;

export const callsApi = {
  find: (conditions: CallConditions) => {
    const given = Object.entries(conditions).filter(([, value]) => value);
    return request<{ items: ListedCall[]; after: string | null }>(`/api/calls?${new URLSearchParams(given)}`).then(
      ({ items, after }): Page<ListedCall> => ({ items, next: after }),
    );
  },

  show: (callId: string) => request<CallDetail>(one(callId)),

  orders: (callId: string) => request<{ items: Order[] }>(`/api/orders?call_id=${encodeURIComponent(callId)}`),

  levels: (callId: string, points: number) => request<Levels>(`${sound(callId)}/levels?points=${points}`),

  uses: (callId: string) => request<{ items: RecordingUse[] }>(`${sound(callId)}/uses`),

  hold: (callId: string, reason: string) =>
    request<void>(`${sound(callId)}/hold`, { method: "PUT", body: { reason } }),

  release: (callId: string) => request<void>(`${sound(callId)}/hold`, { method: "DELETE" }),

  pause: (callId: string, reason: PauseReason) =>
    request<void>(`${sound(callId)}/pause`, { method: "POST", body: { reason } }),

  resume: (callId: string, only?: PauseReason) =>
    request<void>(`${sound(callId)}/resume`, { method: "POST", body: { only } }),

  soundOf: sound,

  downloadOf: (callId: string) => `${sound(callId)}?use=download`,
};
