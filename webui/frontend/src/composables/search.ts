/** What is found for what is being typed. */

import { ref, watch, type Ref } from "vue";
import { useAsking } from "./asking";

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
  const { askSoon, drop } = useAsking(PAUSE_MS);

  function ask(text: string, signal: AbortSignal) {
    failure.value = null;
    return find(text, signal);
  }

  function show(found: T[], error: unknown = null): void {
    items.value = found;
    failure.value = error;
    answered.value = error === null;
    pending.value = false;
  }

  watch(query, (text) => {
    answered.value = false;
    pending.value = text !== "";
    if (pending.value) {
      askSoon(
        (signal) => ask(text, signal),
        (found) => show(found.items),
        (error) => show([], error),
      );
    } else {
      drop();
      items.value = [];
    }
  });
  return { items, pending, answered, failure };
}
