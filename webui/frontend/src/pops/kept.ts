/**
 * Which pops stay on the screen. Pure.
 * Rule: an answered call's pop stays until the agent closes it or its wrap-up is finished, even when
 * the daemon no longer lists it; a pop with an unfinished order is never taken away.
 */

import type { Pop } from "@/api/types";

export type Pops = Readonly<Record<string, Pop>>;

/** Pops after the daemon's list changed. */
export function keptPops(
  before: Pops,
  listed: Pops,
  closed: ReadonlySet<string>,
  unfinished: (callId: string) => boolean,
): Pops {
  const kept: Record<string, Pop> = {};
  for (const [callId, pop] of Object.entries(before)) {
    if (callId in listed || closed.has(callId)) continue;
    if (pop.answered_at !== null || unfinished(callId)) kept[callId] = { ...pop, state: "ended" };
  }
  for (const [callId, pop] of Object.entries(listed)) {
    if (!closed.has(callId)) kept[callId] = pop;
  }
  return kept;
}

/** Calls whose pops go when the agent's wrap-up is finished. */
export function finishedCalls(pops: Pops, unfinished: (callId: string) => boolean): string[] {
  return Object.values(pops)
    .filter(({ state, call_id }) => state === "ended" && !unfinished(call_id))
    .map(({ call_id }) => call_id);
}

/** Oldest first, so that a tab keeps its place. */
export function inOrder(pops: Pops): Pop[] {
  return Object.values(pops).sort((a, b) => a.offered_at.localeCompare(b.offered_at));
}
