/** Faxes: the words, and what is asked. Rule: one function, one route. */

import { request } from "./client";
import type { Instant, Page } from "./types";

/** `rate` in bits a second; `station` is what the other machine calls itself. */
export interface Fax {
  id: number;
  direction: "in" | "out";
  call_id: string;
  number: string | null;
  did: string | null;
  customer_id: number | null;
  customer_name: string | null;
  status: "received" | "partial" | "sent" | "failed";
  mode: string | null;
  pages: number;
  rate: number | null;
  station: string | null;
  error: string | null;
  has_sheets: boolean;
  at: Instant;
  /** What somebody is to do about one that came in. */
  todo: { id: number; state: "open" | "done" | "cancelled"; version: number; assignee_name: string } | null;
  /** The message that was faxed, as it stands now; told to who may send it again. */
  message: { id: number; state: string } | null;
}

const ALL = "/api/faxes";
const PAGE = 50;

export const faxesApi = {
  list: async (direction: string, before: string | null): Promise<Page<Fax>> => {
    const given = Object.entries({ direction, before: before ?? "", limit: String(PAGE) }).filter(([, value]) => value);
    const { items } = await request<{ items: Fax[] }>(`${ALL}?${new URLSearchParams(given)}`);
    const last = items.length === PAGE ? items.at(-1) : undefined;
    return { items, next: last ? String(last.id) : null };
  },

  one: (faxId: number) => request<{ fax: Fax }>(`${ALL}/${faxId}`),

  sendAgain: (messageId: number, state: string) =>
    request<void>(`/api/messages/${messageId}/send-again`, { method: "POST", body: { state } }),

  giveUp: (messageId: number, state: string, reason: string) =>
    request<void>(`/api/messages/${messageId}/give-up`, { method: "POST", body: { state, reason } }),

  sheetsOf: (faxId: number | string) => `${ALL}/${faxId}/document`,
};
