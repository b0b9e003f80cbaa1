/** Instants and durations as people read them. Rule: "now" is always an argument. */

import type { Instant, Locale } from "@/api/types";

const MINUTE_S = 60;
const HOUR_S = 3600;

/** Whole seconds from an instant to now, never negative. */
export function secondsSince(instant: Instant, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - Date.parse(instant)) / 1000));
}

/** Whole seconds from now to an instant, rounded up, never negative. */
export function secondsUntil(instant: Instant, nowMs: number): number {
  return Math.max(0, Math.ceil((Date.parse(instant) - nowMs) / 1000));
}

/** 65 -> "1:05", 3725 -> "1:02:05". */
export function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / HOUR_S);
  const minutes = Math.floor((seconds % HOUR_S) / MINUTE_S);
  const rest = String(seconds % MINUTE_S).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** hh:mm:ss of the reader's own day. */
export function formatClock(ms: number): string {
  return new Date(ms).toLocaleTimeString("zh-CN", { hour12: false });
}

/** "11-23 14:05": short enough for a list, with the year only when it is another one. */
export function formatMoment(instant: Instant, nowMs: number, locale: Locale): string {
  const date = new Date(instant);
  const sameYear = date.getFullYear() === new Date(nowMs).getFullYear();
  return date.toLocaleString(locale, {
    ...(sameYear ? {} : { year: "numeric" }),
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
}

/** Just the hour and minute, for something that is due today. */
export function formatHour(instant: Instant, locale: Locale): string {
  return new Date(instant).toLocaleTimeString(locale, {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
}

export function isSameDay(instant: Instant, nowMs: number): boolean {
  return new Date(instant).toDateString() === new Date(nowMs).toDateString();
}

/** The reader's own day, as a date field holds it: "2026-11-30". */
export function dayOf(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** When the reader's day begins, or one so many days later; "" for no day. */
export function beginOf(day: string, later = 0): Instant {
  if (!day) return "";
  const at = new Date(`${day}T00:00`);
  at.setDate(at.getDate() + later);
  return at.toISOString();
}

/** "11-30" of an instant or a day, with the year only when it is another one. */
export function formatDay(at: Instant, nowMs: number, locale: Locale): string {
  // A day without an hour is the reader's, and not midnight in Greenwich.
  const date = new Date(at.length === 10 ? `${at}T00:00` : at);
  const sameYear = date.getFullYear() === new Date(nowMs).getFullYear();
  return date.toLocaleDateString(locale, {
    ...(sameYear ? {} : { year: "numeric" }),
    month: "2-digit",
    day: "2-digit",
  });
}
