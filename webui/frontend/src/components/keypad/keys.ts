/** Keys as people write them. Rule: pure. */

/** "12", "1 2" and "1-2" are all "1-2"; "" for nothing, null for what is no telephone's key. */
export function keyPath(typed: string): string | null {
  const keys = typed.replace(/[\s\-–—>›,，、]/g, "");
  return /^[0-9*#]*$/.test(keys) ? [...keys].join("-") : null;
}
