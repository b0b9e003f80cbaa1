import { describe, expect, it } from "vitest";
import { dueAfter, isOverdue, toLocalInput } from "@/components/callbacks/due";
import { serviceMood, waitMood } from "@/components/board/mood";
import { formatDiscount, formatMoney, usedShare } from "@/format/money";
import { formatDuration, isSameDay, secondsSince, secondsUntil } from "@/format/time";
import { retryDelayMs } from "@/live/backoff";

describe("amounts", () => {
  it.each([
    ["0", "¥0.00"],
    [null, "—"],
    ["1280.5", "¥1,280.50"],
    ["999.99", "¥999.99"],
    ["-12345.6", "-¥12,345.60"],
    ["98765432109876543210.01", "¥98,765,432,109,876,543,210.01"],
    [1000, "¥1,000.00"],
  ])("%s reads %s", (amount, text) => {
    expect(formatMoney(amount)).toBe(text);
  });

  it.each([
    ["0.95", "95折", "5% off"],
    ["0.9", "9折", "10% off"],
    ["0.90", "9折", "10% off"],
    ["0.885", "88.5折", "11.5% off"],
    [0.8, "8折", "20% off"],
  ])("a factor of %s is %s", (factor, zh, en) => {
    expect(formatDiscount(factor, "zh-CN")).toBe(zh);
    expect(formatDiscount(factor, "en")).toBe(en);
  });

  it.each(["1", "1.00", "0", null, "nonsense"])("a factor of %s takes nothing off", (factor) => {
    expect(formatDiscount(factor, "zh-CN")).toBeNull();
  });

  it("a credit bar is never longer than its frame", () => {
    expect(usedShare("50.00", "200.00")).toBe(0.25);
    expect(usedShare("300.00", "200.00")).toBe(1);
    expect(usedShare("-5.00", "200.00")).toBe(0);
    expect(usedShare("0.00", "0.00")).toBe(0);
    expect(usedShare("1.00", null)).toBe(1);
  });
});

describe("times", () => {
  it.each([
    [0, "0:00"],
    [65, "1:05"],
    [3599, "59:59"],
    [3725, "1:02:05"],
  ])("%i seconds read %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it("a clock that is a little behind never shows a negative time", () => {
    const now = Date.parse("2026-11-23T06:00:00Z");
    expect(secondsSince("2026-11-23T06:00:03Z", now)).toBe(0);
    expect(secondsUntil("2026-11-23T05:59:57Z", now)).toBe(0);
    expect(secondsUntil("2026-11-23T06:00:02.100Z", now)).toBe(3);
  });

  it("tomorrow at nine is nine on the reader's clock, also on the last of the month", () => {
    const now = new Date(2026, 10, 30, 23, 59).getTime();
    expect(toLocalInput(dueAfter("tomorrow", now))).toBe("2026-12-01T09:00");
    expect(toLocalInput(dueAfter("quarter", now))).toBe("2026-12-01T00:14");
    expect(toLocalInput(dueAfter("now", now))).toBe("");
    expect(isSameDay(new Date(2026, 10, 30, 1).toISOString(), now)).toBe(true);
  });
});

describe("figures that deserve a look", () => {
  it("a call-back is late when nobody took it up for five minutes", () => {
    const due = "2026-11-23T06:00:00Z";
    expect(isOverdue(due, Date.parse("2026-11-23T06:05:00Z"))).toBe(false);
    expect(isOverdue(due, Date.parse("2026-11-23T06:05:01Z"))).toBe(true);
  });

  it("a wait is judged by the queue's own target", () => {
    expect([waitMood(null, 20), waitMood(20, 20), waitMood(21, 20), waitMood(61, 20)]).toEqual([
      "calm",
      "calm",
      "warn",
      "bad",
    ]);
  });

  it("no calls yet is no bad service", () => {
    expect([serviceMood(null), serviceMood(0.8), serviceMood(0.79), serviceMood(0.1)]).toEqual([
      "calm",
      "calm",
      "warn",
      "bad",
    ]);
  });
});

describe("coming back", () => {
  it("waits longer each time up to a limit, and two pages seldom together", () => {
    expect([0, 1, 2, 3].map((attempt) => retryDelayMs(attempt, 1))).toEqual([500, 1000, 2000, 4000]);
    expect(retryDelayMs(50, 1)).toBe(15_000);
    expect(retryDelayMs(2, 0)).toBe(1000);
  });
});
