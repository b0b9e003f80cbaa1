/**
 * The words of the HTTP API and of the websocket, as the daemon says them.
 * Rule: nothing here is computed; amounts stay decimal text so that no cent is lost in a float.
 */

/** A decimal amount in yuan, "1280.00". */
export type Money = string;

/** An instant, ISO 8601 with its offset. */
export type Instant = string;

/** A part of a list; `next` asks for what follows, null at the end. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

export type Locale = "zh-CN" | "en";

export interface User {
  id: number;
  login: string;
  name: string;
  role: string;
  rights: string[];
  locale: string | null;
  extension: string | null;
  second_factor: boolean;
}

/** What somebody must do before anything else. */
export type Hold = "password_change_required" | "second_factor_enrolment_required";

export interface Session {
  user: User;
  hold: Hold | null;
}

/** Shown once: the secret of an authenticator as text, as a link, and as an image of the link. */
export interface Enrolment {
  secret: string;
  uri: string;
  qr: string;
}

/** One step of why a decision fell as it did; the screen translates the code. */
export interface Reason {
  code: string;
  params?: Record<string, string>;
}

export type AgentCommand = "log_in" | "ready" | "break" | "log_out" | "finish_wrap_up";

export interface BreakReason {
  code: string;
  label_zh: string;
  label_en: string;
}

export interface Agent {
  agent_id: number;
  name: string;
  extension: string | null;
  state: string;
  reason: string | null;
  since: Instant;
  wrap_up_until: Instant | null;
  /** A wish that waits for the end of the call. */
  pending: AgentCommand | null;
  allowed: AgentCommand[];
  break_reasons: BreakReason[];
}

export interface Place {
  area_code: string | null;
  province: string | null;
  city: string | null;
}

export interface Level {
  code: string;
  name_zh: string;
  name_en: string;
  is_vip: boolean;
}

export interface PricePolicy {
  code: string;
  name_zh: string;
  name_en: string;
  discount: string | null;
}

export interface PaymentTerms {
  code: string;
  name_zh: string;
  name_en: string;
  days: number;
  prepaid: boolean;
}

/** Somebody higher in the channel. */
export interface Above {
  id: number;
  name: string;
  level_code: string;
}

export interface CustomerPhone {
  id: number;
  number: string;
  is_main: boolean;
}

export interface OrderedLine {
  sku: string;
  name_zh: string;
  name_en: string;
  quantity: number;
}

export interface PastOrder {
  id: number;
  number: string;
  status: string;
  total: Money;
  placed_at: Instant;
  lines: OrderedLine[];
}

interface Named {
  code: string;
  name_zh: string;
  name_en: string;
}

export interface CustomerWarning extends Named {
  advice_zh: string;
  advice_en: string;
  severity: "info" | "warning" | "critical";
}

/** What the customer brings, and what to mind; revenue of the last twelve months. */
export interface Insight {
  grade: Named | null;
  segment: Named | null;
  strategy_zh: string;
  strategy_en: string;
  revenue_12m: Money;
  orders_12m: number;
  last_contact_at: Instant | null;
  warnings: CustomerWarning[];
}

/** What the customer is still to be told. */
export interface CustomerNotice {
  id: number;
  title: string;
  body: string;
  sent_at: Instant;
}

/** Something that is still to be done for a customer. */
export interface OpenTodo {
  id: number;
  title: string;
  due_at: Instant;
  overdue: boolean;
  assignee_name: string;
}

/** A complaint that waits, or was handled lately (`handled_at`); severity 3 is the gravest. */
export interface CustomerComplaint {
  id: number;
  category_zh: string;
  category_en: string;
  severity: number;
  state: string;
  due_at: Instant;
  overdue: boolean;
  handler_name: string | null;
  handled_at?: Instant | null;
}

/** All but id and name is null or empty until the card has been read, and for who may not see it. */
export interface Customer {
  id: number;
  name: string;
  level: Level | null;
  price_policy: PricePolicy | null;
  payment_terms: PaymentTerms | null;
  credit_limit: Money | null;
  credit_used: Money | null;
  credit_available: Money | null;
  credit_overdue: Money | null;
  salesperson: { id: number; name: string } | null;
  email: string | null;
  address: string | null;
  note: string | null;
  /** The topmost first. */
  above: Above[];
  phones: CustomerPhone[];
  insight: Insight | null;
  notices: CustomerNotice[];
  todos: OpenTodo[];
  complaints: CustomerComplaint[];
  last_orders: PastOrder[];
}

export interface Pop {
  call_id: string;
  direction: string;
  state: "offered" | "ringing" | "talking" | "ended";
  /** null where the reader may not see numbers, and for a hidden one. */
  caller: string | null;
  caller_display: string | null;
  place: Place | null;
  did: string | null;
  medium: string | null;
  queue: { name: string; label_zh: string; label_en: string } | null;
  why: Reason[];
  menu_path: string[];
  offered_at: Instant;
  answered_at: Instant | null;
  ended_at: Instant | null;
  customer: Customer | null;
  /** null before anybody talked. */
  recording: "on" | "paused" | "off" | null;
  pause_reason: PauseReason | null;
  /** Whether callers of its queue are asked for an opinion when the agent hangs up. */
  survey: boolean;
  /** The caller is on the blacklist and was let through. */
  blacklisted: { reason: string; until: Instant | null } | null;
}

export type PauseReason = "asked" | "payment";

export interface Callback {
  id: number;
  number_display: string;
  customer_name: string | null;
  due_at: Instant;
  note: string | null;
  source: string;
  status: string;
}

/** A to-do that is due and not done; of others only those that escalated. */
export interface Alarm {
  todo_id: number;
  title: string;
  customer_name: string | null;
  assignee_name: string;
  own: boolean;
  due_at: Instant;
  escalated: boolean;
  version: number;
}

export interface Notice {
  id: string;
  code: string;
  params: Record<string, string>;
}

/** A larger unit of a product. */
export interface Pack {
  unit: string;
  factor: number;
  own_price: Money;
}

export interface Product {
  sku: string;
  name_zh: string;
  name_en: string;
  specification: string | null;
  unit: string;
  list_price: Money;
  own_price: Money;
  available: number;
  why: Reason[];
  packs: Pack[];
}

/** Goods that the customer may want besides, and why. */
export interface Suggestion {
  product: Product;
  why: Reason[];
}

export interface LineWanted {
  sku: string;
  quantity: number;
  unit: string;
}

/** What could be ordered instead of a line that is short, priced as it would be then. */
export interface Substitute extends LineWanted {
  name_zh: string;
  name_en: string;
  factor: number;
  /** Null when the discount may not be seen. */
  unit_price: Money | null;
  line_total: Money | null;
  available: number;
  why: Reason[];
}

export interface QuotedLine extends Substitute {
  substitutes: Substitute[];
}

/** A coupon and what it takes off. */
export interface CouponTaken {
  code: string;
  name_zh: string;
  name_en: string;
  discount: Money;
}

export interface Quote {
  lines: QuotedLine[];
  total: Money;
  discount: Money | null;
  discount_why: Reason[];
  coupons: CouponTaken[];
  warnings: Reason[];
  /** Where the goods come from, and why from there. */
  warehouse_why: Reason;
}

export interface CustomerMessage {
  channel: string;
  recipient_masked: string;
  status: string;
}

export interface PlacedLine extends OrderedLine {
  line_no: number;
  unit: string;
  line_total: Money | null;
  unit_price: Money | null;
  why: Reason[];
}

/** A part that was split off, or the order that a part is of. */
export interface OrderPart {
  id: number;
  number: string;
  status: string;
  total: Money;
}

export interface Order {
  id: number;
  number: string;
  status: string;
  total: Money;
  placed_at: Instant;
  customer_id: number;
  call_id: string | null;
  lines: PlacedLine[];
  messages: CustomerMessage[];
  address: string | null;
  note: string | null;
  payment: string | null;
  discount: Money | null;
  coupons: CouponTaken[];
  urgent: boolean;
  wanted_on: string | null;
  review_why: Reason[];
  version: number;
  split_from: OrderPart | null;
  parts: OrderPart[];
  /** `asked_at`: it was asked for, and cannot be changed here any more. */
  invoice: (InvoiceWish & { asked_at: Instant | null }) | null;
  /** The batches that its goods were taken from when they went out. */
  batches: { sku: string; batch_no: string; expires_on: string; quantity: number }[];
  /** The statuses this reader may move it to, and `edit`. */
  allowed: string[];
}

/** What is asked for besides the lines; left out where nobody said anything. */
export type InvoiceKind = "normal" | "special";

/** Whom an invoice is made out to; a person's title has no tax number. */
export interface InvoiceTitle {
  title: string;
  tax_no: string | null;
  address: string | null;
  phone: string | null;
  bank: string | null;
  account: string | null;
  email: string | null;
}

/** The invoice that is wanted of an order. */
export interface InvoiceWish extends InvoiceTitle {
  kind: InvoiceKind;
  electronic: boolean;
}

interface OrderTerms {
  address?: string;
  note?: string;
  payment?: string;
  urgent?: boolean;
  /** The day, "2026-11-30". */
  wanted_on?: string;
  /** null: none any more; nothing said of it leaves it as it is. */
  invoice?: InvoiceWish | null;
}

export interface OrderWanted extends OrderTerms {
  customer_id: number;
  call_id?: string;
  lines: LineWanted[];
  coupon_codes?: string[];
  /** What is not there now is sent later. */
  backorder?: boolean;
}

/** The order anew and whole, made from `version`. */
export interface OrderEdited extends OrderTerms {
  version: number;
  lines: LineWanted[];
}

/** A field that this business added. */
export interface CustomField {
  code: string;
  label_zh: string;
  label_en: string;
  type: "text" | "number" | "date" | "yes_no" | "choice" | "choices";
  required: boolean;
  options: string[];
  active: boolean;
}

export type CustomInput = string | boolean | string[];

/** Without a number that of the call is meant, which the reader may not be able to see. */
export interface NewCustomer {
  name: string;
  phones?: string[];
  call_id?: string;
  /** The caller is this lead. */
  lead_id?: number;
  addresses?: { detail: string }[];
  note?: string;
  custom?: Record<string, CustomInput>;
}

/** Without a number that of the call is meant. */
export interface NewCallback {
  number?: string;
  due_at?: Instant;
  note?: string;
  call_id?: string;
}
