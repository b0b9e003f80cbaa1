/** How long to wait before the next try. Pure: the random share comes from outside. */

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** Doubles with each try; the upper half is left to chance so that a room of pages does not return at once. */
export function retryDelayMs(attempt: number, chance: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return Math.round(full / 2 + (full / 2) * chance);
}
