/**
 * An order being written. Rule: a draft has one key from its first line until the daemon acknowledged
 * it, so that sending it twice can never make two orders; pure, stored by drafts.ts.
 */

import type { LineWanted, Order, OrderWanted, Product, QuotedLine, Reason, Substitute } from "@/api/types";
import { wishedInvoice, type InvoiceForm } from "./invoice";

export interface DraftLine extends LineWanted {
  name_zh: string;
  name_en: string;
  /** All units of the product, when there are several. */
  units?: string[];
}

type Line = Pick<LineWanted, "sku" | "unit">;

/** Where to, when and how, of an order that is written or changed. */
export interface Delivery {
  /** null while nobody changed it: the customer's own address is shown and sent. */
  address: string | null;
  note: string;
  payment: string;
  urgent: boolean;
  /** The day the customer wishes to have it, "2026-11-30"; empty: any. */
  wantedOn: string;
  /** null: none is wanted. */
  invoice: InvoiceForm | null;
}

export interface Draft extends Delivery {
  key: string;
  lines: DraftLine[];
  /** The codes of the customer's coupons that are used. */
  coupons: string[];
  /** What is not there now is sent later. */
  backorder: boolean;
  /** What was sent and has no answer yet: it is sent again exactly so, under the same key. */
  sent: OrderWanted | null;
  /** The order it became, and what the agent must know of it. */
  order: Order | null;
  warnings: Reason[];
}

export const LARGEST_QUANTITY = 99_999;

export function newDraft(key: string): Draft {
  return {
    key,
    lines: [],
    address: null,
    note: "",
    payment: "",
    coupons: [],
    urgent: false,
    wantedOn: "",
    invoice: null,
    backorder: false,
    sent: null,
    order: null,
    warnings: [],
  };
}

/** A product has one line for each unit. */
export function sameLine(one: Line, other: Line): boolean {
  return one.sku === other.sku && one.unit === other.unit;
}

/** Choosing a product again adds one more. */
export function withProduct(lines: DraftLine[], product: Product): DraftLine[] {
  const known = lines.find((line) => sameLine(line, product));
  if (known) return withQuantity(lines, known, known.quantity + 1);
  const { sku, name_zh, name_en, unit, packs } = product;
  const units = packs.length > 0 && { units: [unit, ...packs.map((pack) => pack.unit)] };
  return [...lines, { sku, name_zh, name_en, unit, quantity: 1, ...units }];
}

export function withQuantity(lines: DraftLine[], changed: Line, quantity: number): DraftLine[] {
  const whole = Math.min(LARGEST_QUANTITY, Math.max(1, Math.trunc(quantity) || 1));
  return lines.map((line) => (sameLine(line, changed) ? { ...line, quantity: whole } : line));
}

/** The line in another unit; where the product has a line of that unit, the two become one. */
export function withUnit(lines: DraftLine[], changed: DraftLine, unit: string): DraftLine[] {
  const moved = { ...changed, unit };
  const there = lines.find((line) => sameLine(line, moved));
  if (!there) return lines.map((line) => (sameLine(line, changed) ? moved : line));
  const rest = lines.filter((line) => !sameLine(line, changed));
  return withQuantity(rest, there, there.quantity + changed.quantity);
}

/** What could be ordered instead of a line, as long as it was asked for just this line. */
export function substitutesOf(line: DraftLine, quoted: QuotedLine | undefined): Substitute[] {
  return quoted?.quantity === line.quantity ? quoted.substitutes : [];
}

/** The line with other goods in its place; where there is a line of those, the two become one. */
export function withSubstitute(lines: DraftLine[], changed: Line, other: Substitute): DraftLine[] {
  const there = lines.find((line) => sameLine(line, other));
  if (there) {
    const rest = lines.filter((line) => !sameLine(line, changed));
    return withQuantity(rest, there, there.quantity + other.quantity);
  }
  const { sku, name_zh, name_en, unit, quantity } = other;
  const instead = { sku, name_zh, name_en, unit, quantity };
  return lines.map((line) => (sameLine(line, changed) ? instead : line));
}

/** True when closing the pop would lose work. */
export function isUnfinished(draft: Draft | undefined): boolean {
  return draft !== undefined && draft.order === null && (draft.lines.length > 0 || draft.sent !== null);
}

export function wantedLines({ lines }: Pick<Draft, "lines">): LineWanted[] {
  return lines.map(({ sku, quantity, unit }) => ({ sku, quantity, unit }));
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
    ...(draft.coupons.length > 0 && { coupon_codes: [...draft.coupons] }),
    ...(draft.urgent && { urgent: true }),
    ...(draft.wantedOn && { wanted_on: draft.wantedOn }),
    ...(draft.backorder && { backorder: true }),
    ...(draft.invoice && { invoice: wishedInvoice(draft.invoice) }),
  };
}
