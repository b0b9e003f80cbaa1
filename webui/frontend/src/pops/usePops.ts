/** The pops of the agent's screen: the daemon's list, what is kept of it, and which one is in front. */

import { computed, reactive, ref, shallowRef, watch } from "vue";
import type { Agent, Customer, Pop } from "@/api/types";
import type { Live } from "@/composables/live";
import { isUnfinished } from "@/order/draft";
import { begunDraft, dropDraft } from "@/order/drafts";
import { finishedCalls, inOrder, keptPops, type Pops } from "./kept";

const CLOSED = "zongji.closed-pops";
const REMEMBERED = 50;

const unfinished = (callId: string) => isUnfinished(begunDraft(callId));

export function usePops(live: Live, agent: () => Agent | null) {
  const listed = live.collection<Pop>("pops");
  const closed = reactive(
    new Set<string>(JSON.parse(sessionStorage.getItem(CLOSED) ?? "[]") as string[]),
  );
  const kept = shallowRef<Pops>({});
  const chosen = ref<string | null>(null);
  const saved = reactive<Record<string, Customer>>({});

  watch(
    [listed, () => closed.size],
    () => {
      const before = kept.value;
      kept.value = keptPops(before, listed.value, closed, unfinished);
      const arrived = inOrder(kept.value).filter(({ call_id }) => !(call_id in before));
      chosen.value = arrived.at(-1)?.call_id ?? chosen.value;
    },
    { immediate: true },
  );

  watch(
    () => agent()?.state,
    (state, before) => {
      if (before === "wrap_up" && state !== "wrap_up") finishedCalls(kept.value, unfinished).forEach(close);
    },
  );

  function close(callId: string): void {
    closed.add(callId);
    dropDraft(callId);
    sessionStorage.setItem(CLOSED, JSON.stringify([...closed].slice(-REMEMBERED)));
  }

  /** The record just written, shown until the daemon's own pop carries it. */
  function linkCustomer(callId: string, customer: Customer): void {
    saved[callId] = customer;
  }

  const pops = computed(() =>
    inOrder(kept.value).map((pop) => ({
      ...pop,
      customer: pop.customer ?? saved[pop.call_id] ?? null,
    })),
  );
  const current = computed<Pop | null>(
    () => pops.value.find(({ call_id }) => call_id === chosen.value) ?? pops.value.at(-1) ?? null,
  );

  function choose(callId: string): void {
    chosen.value = callId;
  }

  /** Moves to the next tab (1) or the one before (-1). */
  function step(by: 1 | -1): void {
    const at = pops.value.findIndex(({ call_id }) => call_id === current.value?.call_id);
    chosen.value = pops.value.at((at + by) % pops.value.length)?.call_id ?? null;
  }

  return { pops, current, choose, step, close, linkCustomer, unfinished };
}
