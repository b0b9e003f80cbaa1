/** A list that is read page by page. Rule: an answer that a later question has overtaken is left alone. */

import { ref, shallowRef } from "vue";
import { ApiError } from "@/api/client";
import type { Page } from "@/api/types";

export function usePaged<T>(read: (after: string | null) => Promise<Page<T>>) {
  const items = shallowRef<T[]>([]);
  const next = ref<string | null>(null);
  const busy = ref(false);
  /** True once something was found, or nothing. */
  const answered = ref(false);
  const failure = shallowRef<ApiError | null>(null);
  let asked = 0;

  async function ask(after: string | null, known: T[]): Promise<void> {
    const mine = ++asked;
    busy.value = true;
    failure.value = null;
    const outcome = await read(after).catch(refused);
    if (mine !== asked) return;
    busy.value = false;
    if (outcome instanceof ApiError) {
      failure.value = outcome;
      items.value = known;
    } else {
      items.value = [...known, ...outcome.items];
      next.value = outcome.next;
      answered.value = true;
    }
  }

  /** From the beginning. */
  const first = () => ask(null, []);
  const more = () => ask(next.value, items.value);
  /** Once more what failed. */
  const again = () => (items.value.length > 0 ? more() : first());

  return { items, next, busy, answered, failure, first, more, again };
}

function refused(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}
