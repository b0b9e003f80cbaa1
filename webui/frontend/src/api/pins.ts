/** PINs of customers: whether there is one; the digits go in and never come out. Rule: one function, one route. */

import { request } from "./client";
import type { Instant } from "./types";

/** `temporary`: staff gave it, and it has not been changed; `set_by` null: the customer chose it. */
export interface Pin {
  is_set: boolean;
  temporary: boolean;
  set_at: Instant | null;
  set_by: number | null;
  locked_until: Instant | null;
}

const of = (customerId: number) => `/api/customers/${customerId}/pin`;

export const pinsApi = {
  show: (customerId: number) => request<Pin>(of(customerId)),

  /** In place of any other, which also unlocks. */
  give: (customerId: number, pin: string) => request<Pin>(of(customerId), { method: "POST", body: { pin } }),

  takeAway: (customerId: number) => request<void>(of(customerId), { method: "DELETE" }),
};
