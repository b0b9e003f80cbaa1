/** The usual promises of a call-back as instants. Pure: now is an argument; the day is the reader's own. */

import { dayOf } from "@/format/time";

export const SOON = ["now", "quarter", "hour", "tomorrow"] as const;
export type Soon = (typeof SOON)[number];

const MINUTE_MS = 60_000;

/** "As soon as possible" is due at once; it is not late before an agent could have taken it up. */
const GRACE_MS = 5 * MINUTE_MS;

export function isOverdue(dueAt: string, nowMs: number): boolean {
  return nowMs - Date.parse(dueAt) > GRACE_MS;
}

/** null: as soon as possible. */
export function dueAfter(choice: Soon, nowMs: number): Date | null {
  switch (choice) {
    case "now":
      return null;
    case "quarter":
      return new Date(nowMs + 15 * MINUTE_MS);
    case "hour":
      return new Date(nowMs + 60 * MINUTE_MS);
    case "tomorrow": {
      const day = new Date(nowMs);
      return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, 9);
    }
  }
}

/** What a datetime-local field holds: local time to the minute. */
export function toLocalInput(date: Date | null): string {
  if (!date) return "";
  const two = (n: number) => String(n).padStart(2, "0");
  return `${dayOf(date.getTime())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
