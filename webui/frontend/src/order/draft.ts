/**
 * An order being written. Rule: a draft has one key from its first line until the daemon acknowledged
 * it, so that sending it twice can never make two orders; pure, stored by drafts.ts.
 */

import type { LineWanted, Order, OrderWanted, Product } from "@/api/types";

export interface DraftLine extends LineWanted {
  name_zh: string;
  name_en: string;
  unit: string;
}

export interface Draft {
  key: string;
  lines: DraftLine[];
  /** null while nobody changed it: the customer's own address is shown and sent. */
  address: string | null;
  note: string;
  payment: string;
  /** What was sent and has no answer yet: it is sent again exactly so, under the same key. */
  sent: OrderWanted | null;
  /** The order it became. */
  order: Order | null;
}

export const LARGEST_QUANTITY = 99_999;

export function newDraft(key: string): Draft {
  return {
    key,
    lines: [],
    address: null,
    note: "",
    payment: "",
    sent: null,
    order: null,
  };
}

/** One line a product: choosing it again adds one more. */
export function withProduct(lines: DraftLine[], product: Product): DraftLine[] {
  const known = lines.find(({ sku }) => sku === product.sku);
  if (known) return withQuantity(lines, product.sku, known.quantity + 1);
  const { sku, name_zh, name_en, unit } = product;
  return [...lines, { sku, name_zh, name_en, unit, quantity: 1 }];
}

export function withQuantity(lines: DraftLine[], sku: string, quantity: number): DraftLine[] {
  const whole = Math.min(LARGEST_QUANTITY, Math.max(1, Math.trunc(quantity) || 1));
  return lines.map((line) => (line.sku === sku ? { ...line, quantity: whole } : line));
}

/** True when closing the pop would lose work. */
export function isUnfinished(draft: Draft | undefined): boolean {
  return draft !== undefined && draft.order === null && (draft.lines.length > 0 || draft.sent !== null);
}

export function wantedLines(draft: Draft): LineWanted[] {
  return draft.lines.map(({ sku, quantity }) => ({ sku, quantity }));
}

export function wantedOrder(
  draft: Draft,
  customer: { id: number; address: string | null },
  callId: string,
): OrderWanted {
  const address = (draft.address ?? customer.address ?? "").trim();
  const note = draft.note.trim();
  return {
    customer_id: customer.id,
    call_id: callId,
    lines: wantedLines(draft),
    ...(address && { address }),
    ...(note && { note }),
    ...(draft.payment && { payment: draft.payment }),
  };
}
