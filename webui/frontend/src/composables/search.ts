/** What is found for what is being typed. Rule: only the last question's answer counts. */

import { onBeforeUnmount, ref, watch, type Ref } from "vue";

const PAUSE_MS = 150;

export function useSearch<T>(
  query: Ref<string>,
  find: (text: string, signal: AbortSignal) => Promise<{ items: T[] }>,
) {
  const items = ref([]) as Ref<T[]>;
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
      items.value = (await find(text, mine.signal)).items;
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
