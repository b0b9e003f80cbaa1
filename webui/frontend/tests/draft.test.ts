import { describe, expect, it } from "vitest";
import type { InvoiceTitle, Order, Product, QuotedLine, Substitute } from "@/api/types";
import {
  isUnfinished,
  newDraft,
  substitutesOf,
  wantedLines,
  wantedOrder,
  withProduct,
  withQuantity,
  withSubstitute,
  withUnit,
} from "@/order/draft";
import { emptyInvoice, faultsOf, fieldsOf, withTitle } from "@/order/invoice";

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

  it("is swapped in its place, joins a line of the same goods, and only for the quantity asked for", () => {
    const noodles = { ...rice, sku: "SP-2", unit: "箱", packs: [] };
    const lines = withQuantity(withProduct(withProduct([], rice), noodles), rice, 5);
    const other = { sku: "SP-3", name_zh: "小米", name_en: "Millet", unit: "袋", quantity: 5 } as Substitute;
    const swapped = withSubstitute(lines, lines[0]!, other);
    expect(swapped.map(({ sku, quantity }) => [sku, quantity])).toEqual([["SP-3", 5], ["SP-2", 1]]);
    expect(swapped[0]).not.toHaveProperty("units");
    const joined = withSubstitute(lines, lines[0]!, { ...other, sku: "SP-2", unit: "箱" });
    expect(joined.map(({ sku, quantity }) => [sku, quantity])).toEqual([["SP-2", 6]]);
    const quoted = { quantity: 5, substitutes: [other] } as QuotedLine;
    expect(substitutesOf(lines[0]!, quoted)).toEqual([other]);
    expect(substitutesOf({ ...lines[0]!, quantity: 6 }, quoted)).toEqual([]);
    expect(substitutesOf(lines[0]!, undefined)).toEqual([]);
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

  it("sends the invoice that is wanted, with nothing in it that is empty", () => {
    const draft = { ...newDraft("key"), lines: withProduct([], rice), invoice: { ...emptyInvoice(), title: " 王小明 " } };
    expect(wantedOrder(draft, { id: 7, address: null }, "c1").invoice).toEqual({
      kind: "normal",
      electronic: true,
      title: "王小明",
      tax_no: null,
      address: null,
      phone: null,
      bank: null,
      account: null,
      email: null,
    });
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

describe("the invoice of an order", () => {
  const company: InvoiceTitle = {
    title: "滨海商贸有限公司",
    tax_no: "91120116MA05XXXX1A",
    address: "新区1号",
    phone: "022-66666666",
    bank: "工商银行",
    account: null,
    email: null,
  };

  it("needs all of the title only when it is a special one", () => {
    const normal = withTitle(emptyInvoice(), company);
    expect(faultsOf(normal)).toEqual([]);
    expect(faultsOf({ ...normal, kind: "special" })).toEqual(["account"]);
    expect(faultsOf({ ...normal, kind: "special", account: "0302" })).toEqual([]);
  });

  it("finds a missing title and a tax number that cannot be one", () => {
    expect(faultsOf({ ...emptyInvoice(), tax_no: "123" })).toEqual(["title", "tax_no"]);
    expect(faultsOf({ ...emptyInvoice(), title: "甲", tax_no: "91120116ma05xxxx1a" })).toEqual([]);
  });

  it("asks for an address of mail only when it is electronic", () => {
    expect(fieldsOf(emptyInvoice())).toEqual(["title", "tax_no", "email"]);
    expect(fieldsOf({ ...emptyInvoice(), electronic: false })).toEqual(["title", "tax_no"]);
    expect(faultsOf({ ...emptyInvoice(), title: "甲", electronic: false, email: "x" })).toEqual([]);
  });
});
