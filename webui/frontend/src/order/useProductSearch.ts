/** Products for what is being typed, with this customer's own price. Rule: only the last question's answer counts. */

import { onBeforeUnmount, ref, watch, type Ref } from "vue";
import { api } from "@/api/api";
import type { Product } from "@/api/types";

const PAUSE_MS = 150;

export function useProductSearch(query: Ref<string>, customerId: () => number) {
  const items = ref<Product[]>([]);
  const pending = ref(false);
  /** True when `items` belong to what stands in the field now. */
  const answered = ref(false);
  const failure = ref<unknown>(null);
  let timer: number | undefined;
  let asked: AbortController | null = null;

  async function ask(text: string): Promise<void> {
    const mine = (asked = new AbortController());
    failure.value = null;
    try {
      items.value = (await api.products(text, customerId(), mine.signal)).items;
      answered.value = true;
    } catch (error) {
      if (mine.signal.aborted) return;
      items.value = [];
      failure.value = error;
    }
    if (asked === mine) pending.value = false;
  }

  watch(query, (text) => {
    window.clearTimeout(timer);
    asked?.abort();
    answered.value = false;
    pending.value = text !== "";
    if (pending.value) timer = window.setTimeout(() => void ask(text), PAUSE_MS);
    else items.value = [];
  });
  onBeforeUnmount(() => {
    window.clearTimeout(timer);
    asked?.abort();
  });
  return { items, pending, answered, failure };
}
