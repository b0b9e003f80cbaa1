/**
 * The drafts of this browser tab, by call. Rule: every change is in sessionStorage before the next
 * frame, so that a reload, a lost session or a crash of the page loses no line and no key.
 */

import { reactive, watch } from "vue";
import { isUnfinished, newDraft, type Draft } from "./draft";

const STORED = "zongji.drafts";

const drafts = reactive<Record<string, Draft>>(restored());

/** Those of this tab; one that an older page wrote has less in it. */
function restored(): Record<string, Draft> {
  const stored = JSON.parse(sessionStorage.getItem(STORED) ?? "{}") as Record<string, Draft>;
  return Object.fromEntries(
    Object.entries(stored).map(([callId, draft]) => [callId, { ...newDraft(draft.key), ...draft }]),
  );
}

watch(drafts, () => sessionStorage.setItem(STORED, JSON.stringify(drafts)), {
  deep: true,
  flush: "sync",
});

export function draftOf(callId: string): Draft {
  return (drafts[callId] ??= newDraft(crypto.randomUUID()));
}

/** The draft if one was begun. */
export function begunDraft(callId: string): Draft | undefined {
  return drafts[callId];
}

/** A second order of the same call: fresh lines under a fresh key. */
export function startOver(callId: string): void {
  drafts[callId] = newDraft(crypto.randomUUID());
}

export function dropDraft(callId: string): void {
  delete drafts[callId];
}

export function dropAllDrafts(): void {
  for (const callId of Object.keys(drafts)) delete drafts[callId];
}

export function hasUnfinishedDraft(): boolean {
  return Object.values(drafts).some(isUnfinished);
}
