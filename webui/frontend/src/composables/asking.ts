/** What is asked while somebody is writing. Rule: it waits for a pause, and only the last question's answer counts. */

import { onScopeDispose } from "vue";

export function useAsking(pauseMs: number) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: AbortController | undefined;

  /** Forget what was asked, and what was going to be. */
  function drop(): void {
    clearTimeout(timer);
    last?.abort();
  }

  function askSoon<T>(
    question: (signal: AbortSignal) => Promise<T>,
    answered: (answer: T) => void,
    failed: (error: unknown) => void,
  ): void {
    drop();
    const { signal } = (last = new AbortController());
    const unless =
      <V>(tell: (value: V) => void) =>
      (value: V) =>
        signal.aborted ? undefined : tell(value);
    timer = setTimeout(() => void question(signal).then(unless(answered), unless(failed)), pauseMs);
  }

  onScopeDispose(drop);
  return { askSoon, drop };
}
