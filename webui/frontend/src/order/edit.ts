/** An order that stands, being changed. Pure. */

import type { LineWanted, Order, OrderEdited } from "@/api/types";
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
  };
}

/** The whole order as it is to be; `version` is the one that was looked at. */
export function editedOrder(edit: OrderEdit, version: number): OrderEdited {
  const lines: LineWanted[] = wantedLines(edit);
  const address = edit.address?.trim();
  const note = edit.note.trim();
  return {
    version,
    lines,
    urgent: edit.urgent,
    ...(address && { address }),
    ...(note && { note }),
    ...(edit.payment && { payment: edit.payment }),
    ...(edit.wantedOn && { wanted_on: edit.wantedOn }),
  };
}
