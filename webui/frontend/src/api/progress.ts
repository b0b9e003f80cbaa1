/** The customer's page of an order. Rule: the token in the address is all that its reader has; there is no session. */

import { request } from "./client";
import type { Instant, Money } from "./types";

/** A day of the company's calendar, "2026-03-02". */
export type Day = string;

export interface ProgressStep {
  status: string;
  place: "done" | "now" | "ahead";
  at: Instant | null;
}

export interface ProgressLine {
  name_zh: string;
  name_en: string;
  unit: string;
  quantity: number;
  unit_price: Money | null;
  line_total: Money | null;
}

export interface Parcel {
  courier_zh: string;
  courier_en: string;
  number: string;
  state: string;
  due_at: Instant | null;
  events: { code: string; at: Instant; place: string | null }[];
}

export interface ProgressPart {
  number: string;
  status: string;
  lines: ProgressLine[];
  parcels: Parcel[];
}

export interface Dues {
  state: "paid" | "owed" | "nothing";
  left: Money | null;
  payable: boolean;
  pay_url: string | null;
  qr: string | null;
}

export interface Progress {
  company: string;
  number: string;
  status: string;
  language: "zh-CN" | "en";
  placed_at: Instant;
  steps: ProgressStep[];
  lines: ProgressLine[];
  total: Money | null;
  parts: ProgressPart[];
  parcels: Parcel[];
  wanted_on: Day | null;
  first_day: Day;
  last_day: Day;
  consignee: { recipient: string; phone: string | null; address: string; version: number } | null;
  dues: Dues;
  editable: boolean;
  version: number;
  expires_at: Instant;
}

export interface NewAddress {
  recipient?: string;
  phone?: string;
  province: string;
  city: string;
  district?: string;
  street: string;
  version: number;
}

export interface ProgressChange {
  version: number;
  wanted_on?: Day;
  address?: NewAddress;
  note?: string;
}

const at = (token: string) => `/api/progress/${encodeURIComponent(token)}`;

export const progress = {
  show: (token: string) => request<Progress>(at(token)),

  change: (token: string, change: ProgressChange) =>
    request<Progress>(`${at(token)}/changes`, { method: "POST", body: change }),

  pay: (token: string, key: string) =>
    request<Progress>(`${at(token)}/payments`, {
      method: "POST",
      headers: { "Idempotency-Key": key },
    }),
};
