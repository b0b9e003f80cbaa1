import { describe, expect, it } from "vitest";
import type { Order, Product } from "@/api/types";
import { isUnfinished, newDraft, wantedLines, wantedOrder, withProduct, withQuantity, withUnit } from "@/order/draft";

const rice: Product = {
  sku: "SP-1",
  name_zh: "大米",
  name_en: "Rice",
  specification: "10kg",
  unit: "袋",
  list_price: "68.00",
  own_price: "64.60",
  available: 4,
  why: [],
  packs: [{ unit: "吨", factor: 100, own_price: "6400.00" }],
};

describe("an order being written", () => {
  it("gets one line for a product that is chosen twice", () => {
    const lines = withProduct(withProduct([], rice), rice);
    expect(lines.map(({ sku, quantity }) => [sku, quantity])).toEqual([["SP-1", 2]]);
  });

  it.each([
    [0, 1],
    [-3, 1],
    [2.9, 2],
    [Number.NaN, 1],
    [1e9, 99_999],
  ])("makes a quantity of %d the whole number %d", (typed, kept) => {
    expect(withQuantity(withProduct([], rice), rice, typed)[0]?.quantity).toBe(kept);
  });

  it("has a line for each unit, and makes one of two in the same unit", () => {
    const [bag] = withProduct([], rice);
    const byTheTon = withUnit([bag!], bag!, "吨");
    const both = withQuantity(withProduct(byTheTon, rice), bag!, 3);
    const wanted = (lines: typeof both) => wantedLines({ ...newDraft("key"), lines }).map(({ unit, quantity }) => [unit, quantity]);
    expect(wanted(both)).toEqual([["吨", 1], ["袋", 3]]);
    expect(wanted(withUnit(both, both[0]!, "袋"))).toEqual([["袋", 4]]);
    expect(bag?.units).toEqual(["袋", "吨"]);
    expect(withProduct([], { ...rice, packs: [] })[0]).not.toHaveProperty("units");
  });

  it("sends coupons, the wished day and what is to come later only when they were chosen", () => {
    const draft = { ...newDraft("key"), lines: withProduct([], rice) };
    const plain = wantedOrder(draft, { id: 1, address: null }, "call");
    expect(Object.keys(plain).sort()).toEqual(["call_id", "customer_id", "lines"]);
    const chosen = { ...draft, coupons: ["K1"], urgent: true, wantedOn: "2026-12-01", backorder: true };
    expect(wantedOrder(chosen, { id: 1, address: null }, "call")).toMatchObject({
      coupon_codes: ["K1"],
      urgent: true,
      wanted_on: "2026-12-01",
      backorder: true,
    });
  });

  it("sends the customer's own address until the agent writes another", () => {
    const draft = { ...newDraft("key"), lines: withProduct([], rice) };
    const customer = { id: 7, address: "天津" };
    expect(wantedOrder(draft, customer, "c1")).toEqual({
      customer_id: 7,
      call_id: "c1",
      lines: [{ sku: "SP-1", quantity: 1, unit: "袋" }],
      address: "天津",
    });
    const changed = { ...draft, address: " 北京 ", note: "加急", payment: "account" };
    expect(wantedOrder(changed, customer, "c1")).toMatchObject({
      address: "北京",
      note: "加急",
      payment: "account",
    });
    expect(wantedOrder({ ...draft, address: "" }, customer, "c1")).not.toHaveProperty("address");
  });

  it("is unfinished while it has lines or no answer, and finished once it is an order", () => {
    const empty = newDraft("key");
    const written = { ...empty, lines: withProduct([], rice) };
    const sent = { ...empty, sent: wantedOrder(written, { id: 7, address: null }, "c1") };
    const order = { id: 1, number: "1", status: "reviewed" } as Order;
    expect([undefined, empty, written, sent, { ...written, order }].map(isUnfinished)).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
  });
});
