/**
 * The words of what an agent does besides calls and orders: to-dos, complaints, knowledge, benefits.
 * Rule: as in types.ts, nothing here is computed.
 */

import type { Instant, Money } from "./types";

/** A customer in a list of found ones; the number is masked for those who may not see it. */
export interface FoundCustomer {
  id: number;
  name: string;
  number: string | null;
  province: string | null;
  city: string | null;
  salesperson: string | null;
}

/** An open lead with the caller's number, whoever has it. */
export interface CallersLead {
  id: number;
  name: string;
  source: LeadSource;
  state: "new" | "contacted";
  interest: string | null;
  owner_name: string | null;
  dealer_name: string | null;
}

export type LeadSource = "call" | "web" | "fair" | "referral" | "campaign" | "other";

export interface Supervisor {
  id: number;
  name: string;
}

export interface NewTodo {
  title: string;
  due_at: Instant;
  note?: string;
  customer_id?: number;
  call_id?: string;
  kind?: "task" | "note_to_supervisor";
  priority?: Priority;
  assignee_id?: number;
}

export const PRIORITIES = ["low", "normal", "high"] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface Todo {
  id: number;
  title: string;
  note: string | null;
  customer_id: number | null;
  customer_name: string | null;
  call_id: string | null;
  source_kind: string | null;
  source_reference: string | null;
  kind: string;
  priority: Priority;
  due_at: Instant;
  assignee_name: string;
  creator_name: string | null;
  state: string;
  snoozes: number;
  version: number;
}

export interface ComplaintCategory {
  code: string;
  parent_code: string | null;
  name_zh: string;
  name_en: string;
  active: boolean;
}

export interface NewComplaint {
  customer_id: number;
  category_code: string;
  severity: number;
  description: string;
  call_id?: string;
  order_number?: string;
}

/** An entry of the knowledge base as a search shows it. */
export interface KnowledgeHit {
  id: number;
  title: string;
  excerpt: string;
  uses: number;
}

export interface KnowledgeEntry {
  id: number;
  title: string;
  body: string;
  version: number;
  updated_at: Instant;
  uses: number;
  helpful: number;
}

export type Verdict = "helpful" | "not_helpful" | "outdated";

/** A question to those who keep the knowledge base; `own` ones also with their answer. */
export interface Question {
  id: number;
  text: string;
  asked_by_name: string;
  asked_at: Instant;
  answer: string | null;
  answered_at: Instant | null;
  own: boolean;
}

export interface NewQuestion {
  text: string;
  customer_id?: number;
  call_id?: string;
}

export interface Coupon {
  id: number;
  code: string;
  name_zh: string;
  name_en: string;
  what: string;
  value: string;
  least_total: Money;
  state: string;
  valid_until: Instant;
}

export interface Entitlement {
  id: number;
  name_zh: string;
  name_en: string;
  /** null: as often as wished. */
  allowed: number | null;
  used: number;
}

export interface ServicePackage {
  id: number;
  name_zh: string;
  name_en: string;
  ends_on: string;
  state: string;
  entitlements: Entitlement[];
}

export interface Benefits {
  coupons: Coupon[];
  packages: ServicePackage[];
}

export interface Opportunity {
  id: number;
  title: string;
  stage_code: string;
  percent: number;
  amount: Money | null;
  close_on: string | null;
  owner_name: string | null;
}

export interface Stage {
  code: string;
  name_zh: string;
  name_en: string;
}
