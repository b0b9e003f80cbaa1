/** A placed order whose messages are still on their way: asked about until they are settled. */

import { onBeforeUnmount, ref, watch } from "vue";
import { api } from "@/api/api";
import { ApiError } from "@/api/client";
import type { Order } from "@/api/types";

const EVERY_MS = 2_000;
const LONGEST_MS = 60_000;
const ON_THE_WAY = new Set(["pending", "sending"]);

export function useOrderProgress(placed: () => Order) {
  const latest = ref(placed());
  let timer: number | undefined;
  let waitedMs = 0;

  function askLater(): void {
    window.clearTimeout(timer);
    if (waitedMs >= LONGEST_MS || !latest.value.messages.some(({ status }) => ON_THE_WAY.has(status))) return;
    waitedMs += EVERY_MS;
    timer = window.setTimeout(() => void ask(), EVERY_MS);
  }

  async function ask(): Promise<void> {
    try {
      latest.value = (await api.order(placed().id)).order;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    askLater();
  }

  watch(
    placed,
    (order) => {
      latest.value = order;
      waitedMs = 0;
      askLater();
    },
    { immediate: true },
  );
  onBeforeUnmount(() => window.clearTimeout(timer));
  return { latest };
}
