/** Every question the pages ask, by name. Rule: one function, one route. */

import { request } from "./client";
import type { MediaReport, SkillBoard, SkilledAgent } from "./reports";
import type {
  Benefits,
  ComplaintCategory,
  CallersLead,
  FoundCustomer,
  KnowledgeEntry,
  KnowledgeHit,
  NewComplaint,
  NewQuestion,
  NewTodo,
  Opportunity,
  Stage,
  Supervisor,
  Todo,
  Verdict,
} from "./desk";
import type {
  Agent,
  AgentCommand,
  Callback,
  CustomField,
  Customer,
  Enrolment,
  InvoiceTitle,
  LineWanted,
  Locale,
  NewCallback,
  NewCustomer,
  Order,
  OrderEdited,
  OrderWanted,
  Product,
  Quote,
  Reason,
  Session,
  Suggestion,
} from "./types";

const id = encodeURIComponent;

export const api = {
  logIn: (login: string, password: string, code?: string) =>
    request<Session>("/api/session", { method: "POST", body: { login, password, code } }),

  session: () => request<Session>("/api/session"),

  changePassword: (present: string, password: string) =>
    request<Session>("/api/session/password", { method: "POST", body: { present, password } }),

  enrol: () => request<Enrolment>("/api/session/totp", { method: "POST" }),

  confirmEnrolment: (code: string) =>
    request<{ codes: string[] }>("/api/session/totp", { method: "PUT", body: { code } }),

  logOut: () => request<void>("/api/session", { method: "DELETE" }),

  setLocale: (locale: Locale) =>
    request<void>("/api/session/locale", { method: "PUT", body: { locale } }),

  wsTicket: () => request<{ ticket: string }>("/api/ws-ticket", { method: "POST" }),

  agentState: (command: AgentCommand, reason?: string) =>
    request<{ agent: Agent }>("/api/agent/state", { method: "POST", body: { command, reason } }),

  products: (q: string, customerId: number, signal: AbortSignal) =>
    request<{ items: Product[] }>(
      `/api/products?q=${id(q)}&customer_id=${customerId}&limit=8`,
      { signal },
    ),

  quote: (customerId: number, lines: LineWanted[], coupons: string[], signal: AbortSignal) =>
    request<Quote>("/api/orders/quote", {
      method: "POST",
      body: { customer_id: customerId, lines, coupon_codes: coupons },
      signal,
    }),

  suggestions: (customerId: number, lines: LineWanted[], signal: AbortSignal) =>
    request<{ items: Suggestion[] }>("/api/suggestions", {
      method: "POST",
      body: { customer_id: customerId, lines },
      signal,
    }),

  placeOrder: (order: OrderWanted, key: string) =>
    request<{ order: Order; warnings: Reason[] }>("/api/orders", {
      method: "POST",
      body: order,
      headers: { "Idempotency-Key": key },
    }),

  order: (orderId: number) => request<{ order: Order }>(`/api/orders/${orderId}`),

  editOrder: (orderId: number, order: OrderEdited) =>
    request<{ order: Order }>(`/api/orders/${orderId}`, { method: "PUT", body: order }),

  cancelOrder: (orderId: number, reason?: string) =>
    request<{ order: Order }>(`/api/orders/${orderId}/move`, {
      method: "POST",
      body: { to: "cancelled", reason },
    }),

  invoiceTitles: (customerId: number) =>
    request<{ items: (InvoiceTitle & { id: number })[] }>(`/api/customers/${customerId}/invoice-titles`),

  benefits: (customerId: number) => request<Benefits>(`/api/customers/${customerId}/benefits`),

  opportunities: (customerId: number) =>
    request<{ items: Opportunity[] }>(`/api/opportunities?customer_id=${customerId}&limit=10`),

  leadsOfCaller: (callId: string) =>
    request<{ items: CallersLead[] }>(`/api/leads/of-caller?call_id=${id(callId)}`),

  stages: () => request<{ items: Stage[] }>("/api/opportunity-stages"),

  customFields: () => request<{ items: CustomField[] }>("/api/custom-fields"),

  createCustomer: (customer: NewCustomer) =>
    request<{ customer: Customer }>("/api/customers", { method: "POST", body: customer }),

  findCustomers: (q: string, signal: AbortSignal) =>
    request<{ items: FoundCustomer[] }>(`/api/customers?q=${id(q)}&limit=8`, { signal }),

  linkCall: (customerId: number, callId: string) =>
    request<{ customer: Customer }>(`/api/customers/${customerId}/link-call`, {
      method: "POST",
      body: { call_id: callId },
    }),

  noticeTold: (noticeId: number, customerId: number, callId: string) =>
    request<void>(`/api/notices/${noticeId}/told`, {
      method: "POST",
      body: { customer_id: customerId, call_id: callId },
    }),

  /** `talk`: the own part, after which the caller may be asked for an opinion; `call`: for the caller as well. */
  hangUp: (callId: string, part: "talk" | "call") =>
    request<void>(`/api/calls/${callId}/hang-up`, { method: "POST", body: { part } }),

  completeTodo: (todoId: number, version: number) =>
    request<void>(`/api/todos/${todoId}/complete`, { method: "POST", body: { version } }),

  snoozeTodo: (todoId: number, version: number, dueAt: string) =>
    request<void>(`/api/todos/${todoId}/snooze`, {
      method: "POST",
      body: { version, due_at: dueAt },
    }),

  todo: (todoId: number) => request<{ todo: Todo }>(`/api/todos/${todoId}`),

  takeTodo: (todoId: number, version: number, assigneeId: number) =>
    request<void>(`/api/todos/${todoId}/reassign`, {
      method: "POST",
      body: { version, assignee_id: assigneeId },
    }),

  createTodo: (todo: NewTodo) =>
    request<{ todo: Todo }>("/api/todos", { method: "POST", body: todo }),

  mediaReport: (query: string) => request<MediaReport>(`/api/media/report?${query}`),

  skillBoard: () => request<SkillBoard>("/api/skills"),

  changeSkills: (userId: number, skills: Record<string, number>, version: number) =>
    request<{ agent: SkilledAgent }>(`/api/skills/${userId}`, { method: "PUT", body: { skills, version } }),

  supervisors: () => request<{ items: Supervisor[] }>("/api/todos/supervisors"),

  complaintCategories: () =>
    request<{ items: ComplaintCategory[] }>("/api/complaints/categories"),

  createComplaint: (complaint: NewComplaint) =>
    request<void>("/api/complaints", { method: "POST", body: complaint }),

  findKnowledge: (q: string, signal: AbortSignal) =>
    request<{ items: KnowledgeHit[] }>(`/api/knowledge/entries?q=${id(q)}&limit=6`, { signal }),

  knowledge: (entryId: number) =>
    request<{ entry: KnowledgeEntry }>(`/api/knowledge/entries/${entryId}`),

  useKnowledge: (entryId: number, callId?: string) =>
    request<{ counted: boolean; uses: number }>(`/api/knowledge/entries/${entryId}/use`, {
      method: "POST",
      body: { call_id: callId },
    }),

  judgeKnowledge: (entryId: number, verdict: Verdict, callId?: string) =>
    request<void>(`/api/knowledge/entries/${entryId}/opinion`, {
      method: "POST",
      body: { verdict, call_id: callId },
    }),

  ask: (question: NewQuestion) =>
    request<void>("/api/knowledge/questions", { method: "POST", body: question }),

  answer: (questionId: number, text: string) =>
    request<void>(`/api/knowledge/questions/${questionId}/answer`, {
      method: "POST",
      body: { text },
    }),

  createCallback: (callback: NewCallback) =>
    request<{ callback: Callback }>("/api/callbacks", { method: "POST", body: callback }),

  dialCallback: (callbackId: number) =>
    request<void>(`/api/callbacks/${callbackId}/call`, { method: "POST" }),

  closeCallback: (callbackId: number) =>
    request<void>(`/api/callbacks/${callbackId}/close`, { method: "POST" }),
};
