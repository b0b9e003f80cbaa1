import { describe, expect, it } from "vitest";
import type { Order, Product } from "@/api/types";
import { isUnfinished, newDraft, wantedOrder, withProduct, withQuantity } from "@/order/draft";

const rice: Product = {
  sku: "SP-1",
  name_zh: "大米",
  name_en: "Rice",
  unit: "袋",
  list_price: "68.00",
  own_price: "64.60",
  available: 4,
  why: [],
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
    expect(withQuantity(withProduct([], rice), "SP-1", typed)[0]?.quantity).toBe(kept);
  });

  it("sends the customer's own address until the agent writes another", () => {
    const draft = { ...newDraft("key"), lines: withProduct([], rice) };
    const customer = { id: 7, address: "天津" };
    expect(wantedOrder(draft, customer, "c1")).toEqual({
      customer_id: 7,
      call_id: "c1",
      lines: [{ sku: "SP-1", quantity: 1 }],
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
    const order: Order = {
      id: 1,
      number: "1",
      status: "reviewed",
      total: "64.60",
      placed_at: "2026-11-23T06:00:00Z",
      customer_id: 7,
      call_id: "c1",
      lines: [],
      messages: [],
    };
    expect([undefined, empty, written, sent, { ...written, order }].map(isUnfinished)).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
  });
});
