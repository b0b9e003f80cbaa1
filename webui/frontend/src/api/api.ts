/** Every question the pages ask, by name. Rule: one function, one route. */

import { request } from "./client";
import type {
  Agent,
  AgentCommand,
  Callback,
  CustomField,
  Customer,
  Enrolment,
  LineWanted,
  Locale,
  NewCallback,
  NewCustomer,
  Order,
  OrderWanted,
  Product,
  Quote,
  Session,
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

  quote: (customerId: number, lines: LineWanted[], signal: AbortSignal) =>
    request<Quote>("/api/orders/quote", {
      method: "POST",
      body: { customer_id: customerId, lines },
      signal,
    }),

  placeOrder: (order: OrderWanted, key: string) =>
    request<{ order: Order }>("/api/orders", {
      method: "POST",
      body: order,
      headers: { "Idempotency-Key": key },
    }),

  order: (orderId: number) => request<{ order: Order }>(`/api/orders/${orderId}`),

  customFields: () => request<{ items: CustomField[] }>("/api/custom-fields"),

  createCustomer: (customer: NewCustomer) =>
    request<{ customer: Customer }>("/api/customers", { method: "POST", body: customer }),

  noticeTold: (noticeId: number, customerId: number, callId: string) =>
    request<void>(`/api/notices/${noticeId}/told`, {
      method: "POST",
      body: { customer_id: customerId, call_id: callId },
    }),

  completeTodo: (todoId: number, version: number) =>
    request<void>(`/api/todos/${todoId}/complete`, { method: "POST", body: { version } }),

  snoozeTodo: (todoId: number, version: number, dueAt: string) =>
    request<void>(`/api/todos/${todoId}/snooze`, {
      method: "POST",
      body: { version, due_at: dueAt },
    }),

  createCallback: (callback: NewCallback) =>
    request<{ callback: Callback }>("/api/callbacks", { method: "POST", body: callback }),

  dialCallback: (callbackId: number) =>
    request<void>(`/api/callbacks/${callbackId}/call`, { method: "POST" }),

  closeCallback: (callbackId: number) =>
    request<void>(`/api/callbacks/${callbackId}/close`, { method: "POST" }),
};
