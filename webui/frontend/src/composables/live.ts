/** One page's live data: opened with the page, closed with it, and honest about its age. */

import { computed, inject, onBeforeUnmount, onScopeDispose, provide, ref, shallowRef, type ComputedRef, type InjectionKey } from "vue";
import { Connection, type PageName } from "@/live/connection";
import type { Collections } from "@/live/reducer";
import { localMs, setDaemonTime } from "./clock";

/** Heartbeats come every 5 s: after so long two of them are missing. */
const OLD_AFTER_MS = 12_000;

export interface Live {
  /** The objects of one collection by id; empty until the first snapshot. */
  collection<T>(name: string): ComputedRef<Record<string, T>>;
  /** True once the first snapshot is there. */
  ready: ComputedRef<boolean>;
  /** True when nothing came for 12 s: what is shown may no longer be so. */
  stale: ComputedRef<boolean>;
  /** Hear whose stock changed, null: perhaps anything's, for as long as the caller's scope lives. */
  onStock(hear: StockListener): void;
  /** When something last came, on this machine's clock. */
  heardAtMs: ComputedRef<number>;
}

export type StockListener = (skus: readonly string[] | null) => void;

const KEY: InjectionKey<Live> = Symbol("live");

export function provideLive(page: PageName): Live {
  const collections = shallowRef<Collections | null>(null);
  const heardAt = ref(Date.now());
  const stockListeners = new Set<StockListener>();
  const connection = new Connection(page, {
    onState: (state) => {
      collections.value = state.collections;
    },
    onHeard: (serverAt) => {
      heardAt.value = Date.now();
      setDaemonTime(serverAt);
    },
    onStock: (skus) => stockListeners.forEach((hear) => hear(skus)),
  });
  connection.open();
  onBeforeUnmount(() => connection.close());

  const live: Live = {
    collection: <T>(name: string) =>
      computed(() => (collections.value?.[name] ?? {}) as Record<string, T>),
    ready: computed(() => collections.value !== null),
    stale: computed(() => localMs.value - heardAt.value >= OLD_AFTER_MS),
    onStock: (hear) => {
      stockListeners.add(hear);
      onScopeDispose(() => stockListeners.delete(hear));
    },
    heardAtMs: computed(() => heardAt.value),
  };
  provide(KEY, live);
  return live;
}

export function useLive(): Live {
  const live = inject(KEY);
  if (!live) throw new Error("useLive needs a page that called provideLive");
  return live;
}
