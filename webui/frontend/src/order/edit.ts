/** An order that stands, being changed. Pure. */

import type { LineWanted, Order, OrderEdited } from "@/api/types";
import { wishedInvoice, withTitle } from "./invoice";
import { wantedLines, type Delivery, type DraftLine } from "./draft";

export interface OrderEdit extends Delivery {
  lines: DraftLine[];
}

/** What may be changed: goods that came free are given anew by the daemon. */
export function editOf(order: Order): OrderEdit {
  return {
    lines: order.lines
      .filter(({ why }) => why[0]?.code !== "free_goods")
      .map(({ sku, unit, quantity, name_zh, name_en }) => ({ sku, unit, quantity, name_zh, name_en })),
    address: order.address ?? "",
    note: order.note ?? "",
    payment: order.payment ?? "",
    urgent: order.urgent,
    wantedOn: order.wanted_on ?? "",
    invoice: order.invoice && withTitle(order.invoice, order.invoice),
  };
}

/** The whole order as it is to be, made of the one that was looked at; an invoice that stays is not spoken of. */
export function editedOrder(edit: OrderEdit, order: Order): OrderEdited {
  const invoice = edit.invoice && wishedInvoice(edit.invoice);
  const before = order.invoice && wishedInvoice(withTitle(order.invoice, order.invoice));
  const lines: LineWanted[] = wantedLines(edit);
  const address = edit.address?.trim();
  const note = edit.note.trim();
  return {
    version: order.version,
    lines,
    urgent: edit.urgent,
    ...(address && { address }),
    ...(note && { note }),
    ...(edit.payment && { payment: edit.payment }),
    ...(edit.wantedOn && { wanted_on: edit.wantedOn }),
    ...(JSON.stringify(invoice) !== JSON.stringify(before) && { invoice }),
  };
}
