import { describe, expect, it } from "vitest";
import type { ComplaintCategory, Coupon, Question } from "@/api/desk";
import type { Order } from "@/api/types";
import { grouped, noteOf } from "@/components/desk/matter";
import { inTurn, unread } from "@/components/desk/questions";
import { toggled, usableCoupons } from "@/order/coupons";
import { editedOrder, editOf } from "@/order/edit";
import { emptyInvoice, wishedInvoice } from "@/order/invoice";

describe("a note to the supervisor", () => {
  it("is its title when it is one short line", () => {
    expect(noteOf("  客户要退货 ")).toEqual({ title: "客户要退货" });
  });

  it("goes along whole when its first line is not all of it", () => {
    expect(noteOf("要退货\n三箱，包装破损")).toEqual({ title: "要退货", note: "要退货\n三箱，包装破损" });
    const long = "很".repeat(300);
    expect(noteOf(long)).toEqual({ title: "很".repeat(200), note: long });
  });
});

describe("categories of complaints", () => {
  const category = (code: string, parent_code: string | null = null, active = true): ComplaintCategory => ({
    code,
    parent_code,
    name_zh: code,
    name_en: code,
    active,
  });

  it("stand under their top ones, the inactive ones not at all", () => {
    const all = [category("a"), category("b", "a"), category("c", "b"), category("d", null, false), category("e", "d")];
    expect(grouped(all).map(({ head, below }) => [head.code, below.map(({ code }) => code)])).toEqual([
      ["a", ["b", "c"]],
      ["e", []],
    ]);
  });
});

describe("questions", () => {
  const question = (id: number, own: boolean, answer: string | null = null): Question => ({
    id,
    text: `q${id}`,
    asked_by_name: "李",
    asked_at: `2026-11-0${id}T00:00:00Z`,
    answer,
    answered_at: answer && "2026-11-09T00:00:00Z",
    own,
  });
  const all = [question(1, true, "是"), question(2, false), question(3, true), question(4, false)];

  it("wait for the reader's answer before the own ones, the longest waiting first", () => {
    expect(inTurn(all).map(({ id }) => id)).toEqual([2, 4, 3, 1]);
  });

  it("are news until their answer was read", () => {
    expect(unread(all, new Set()).map(({ id }) => id)).toEqual([1]);
    expect(unread(all, new Set([1]))).toEqual([]);
  });
});

describe("the customer's coupons", () => {
  const coupon = (code: string, state: string, valid_until: string): Coupon => ({
    id: 1,
    code,
    name_zh: code,
    name_en: code,
    what: "amount",
    value: "20",
    least_total: "200",
    state,
    valid_until,
  });

  it("are offered while they are good, the one that ends first before the others", () => {
    const all = [coupon("late", "issued", "2026-12-31"), coupon("used", "used", "2026-01-01"), coupon("soon", "issued", "2026-12-01")];
    expect(usableCoupons(all).map(({ code }) => code)).toEqual(["soon", "late"]);
  });

  it("are chosen and let go again", () => {
    expect(toggled(toggled([], "a"), "b")).toEqual(["a", "b"]);
    expect(toggled(["a", "b"], "a")).toEqual(["b"]);
  });
});

describe("an order that is changed", () => {
  const order = {
    version: 3,
    address: "津南路 1 号",
    note: null,
    payment: null,
    urgent: true,
    wanted_on: null,
    invoice: null,
    lines: [
      { sku: "A", unit: "箱", quantity: 2, name_zh: "甲", name_en: "A", why: [{ code: "list_price" }] },
      { sku: "G", unit: "瓶", quantity: 1, name_zh: "赠", name_en: "G", why: [{ code: "free_goods" }] },
    ],
  } as unknown as Order;

  it("keeps what nobody touched, and leaves the gifts to the daemon", () => {
    const edit = editOf(order);
    expect(editedOrder(edit, order)).toEqual({
      version: 3,
      lines: [{ sku: "A", unit: "箱", quantity: 2 }],
      urgent: true,
      address: "津南路 1 号",
    });
    edit.wantedOn = "2026-12-01";
    edit.address = "";
    expect(editedOrder(edit, order)).toMatchObject({ wanted_on: "2026-12-01" });
    expect(editedOrder(edit, order)).not.toHaveProperty("address");
  });

  it("speaks of the invoice only when another one is wanted, or none any more", () => {
    const invoice = { ...wishedInvoice({ ...emptyInvoice(), title: "甲公司" }), asked_at: null };
    const standing = { ...order, invoice };
    const edit = editOf(standing);
    expect(editedOrder(edit, standing)).not.toHaveProperty("invoice");
    edit.invoice = { ...edit.invoice!, tax_no: "91120116MA05XXXX1A" };
    expect(editedOrder(edit, standing).invoice).toMatchObject({ title: "甲公司", tax_no: "91120116MA05XXXX1A" });
    edit.invoice = null;
    expect(editedOrder(edit, standing).invoice).toBeNull();
  });
});
