/** Which of the suggested goods are offered, and by which keys they are added. Pure. */

import type { LineWanted, Suggestion } from "@/api/types";

/** One for each suggestion that is shown; the others move up when one of these was added. */
export const SUGGESTION_KEYS = ["Alt+1", "Alt+2", "Alt+3"] as const;

/** The best that are not on the order, as far as there are keys for them. */
export function offered(found: Suggestion[], lines: Pick<LineWanted, "sku">[]): Suggestion[] {
  const chosen = new Set(lines.map(({ sku }) => sku));
  return found.filter(({ product }) => !chosen.has(product.sku)).slice(0, SUGGESTION_KEYS.length);
}
