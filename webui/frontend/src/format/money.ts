/**
 * Amounts as people read them. Rule: decimal text in, text out; an amount is never made a float
 * except to draw the length of a bar.
 */

import type { Locale, Money } from "@/api/types";

/** "1280.5" -> "¥1,280.50"; "-3" -> "-¥3.00". */
export function formatMoney(amount: Money | number | null): string {
  if (amount === null) return "—";
  const [, sign = "", whole = "0", cents = ""] =
    /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(amount).trim()) ?? [];
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${sign}¥${grouped}.${cents.slice(0, 2).padEnd(2, "0")}`;
}

/** The share of a credit limit that is used, 0..1; a customer without a limit has used all of nothing. */
export function usedShare(used: Money | null, limit: Money | null): number {
  const whole = Number(limit ?? 0);
  if (!(whole > 0)) return Number(used ?? 0) > 0 ? 1 : 0;
  return Math.min(1, Math.max(0, Number(used ?? 0) / whole));
}

/**
 * A price factor in the words of the trade: 0.95 -> "95折" / "5% off", 0.9 -> "9折" / "10% off".
 * null when the factor takes nothing off.
 */
export function formatDiscount(factor: string | number | null, locale: Locale): string | null {
  if (factor === null) return null;
  const thousandths = Math.round(Number(factor) * 1000);
  if (!(thousandths > 0 && thousandths < 1000)) return null;
  if (locale === "en") return `${trimmed((1000 - thousandths) / 10)}% off`;
  return thousandths % 100 === 0 ? `${thousandths / 100}折` : `${trimmed(thousandths / 10)}折`;
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(1)));
}
