/** Which of a customer's coupons an order may use. Pure. */

import type { Coupon } from "@/api/desk";

/** Those that are still good, the one that ends first before the others. */
export function usableCoupons(coupons: Coupon[]): Coupon[] {
  return coupons
    .filter(({ state }) => state === "issued")
    .sort((a, b) => a.valid_until.localeCompare(b.valid_until));
}

/** The codes that are chosen, with this one more or less. */
export function toggled(chosen: string[], code: string): string[] {
  return chosen.includes(code) ? chosen.filter((each) => each !== code) : [...chosen, code];
}
