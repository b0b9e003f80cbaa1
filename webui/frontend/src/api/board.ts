/** The words of the live board's websocket. Rule: as in types.ts, nothing here is computed. */

import type { BreakReason, Instant, Level, Reason } from "./types";

export interface QueueFigures {
  name: string;
  label_zh: string;
  label_en: string;
  waiting: number;
  held: number;
  longest_since: Instant | null;
  ready: number;
  busy: number;
  calls_today: number;
  answered_today: number;
  abandoned_today: number;
  within_target_today: number;
  service_level: number | null;
  target_s: number;
}

export interface BoardAgent {
  agent_id: number;
  name: string;
  extension: string | null;
  state: string;
  reason: string | null;
  since: Instant;
  queues: string[];
  break_reason: BreakReason | null;
}

export interface WaitingCall {
  call_id: string;
  queue: string;
  caller_display: string | null;
  customer_name: string | null;
  level: Level | null;
  priority: number;
  since: Instant;
  position: number;
  why: Reason[];
}
