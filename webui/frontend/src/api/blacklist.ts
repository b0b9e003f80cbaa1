/** The blacklist: the words, and what is asked. Rule: one function, one route. */

import { request } from "./client";
import type { Instant, Page } from "./types";

export const POLICIES = ["reject", "warn"] as const;
export type Policy = (typeof POLICIES)[number];

/** One agent's vote against a number; without a call when it was none of this house's. */
export interface GivenVote {
  by: string;
  reason: string;
  voted_at: Instant;
  call_id: string | null;
}

/** `added_by` null: by votes. `holds`: neither lifted nor over. */
export interface BlacklistEntry {
  id: number;
  number: string;
  policy: Policy;
  reason: string;
  added_by: string | null;
  added_at: Instant;
  until: Instant | null;
  lifted_by: string | null;
  lifted_at: Instant | null;
  holds: boolean;
  given: GivenVote[];
}

/** A number that agents voted against and that is not on the list; `id` is the latest vote's. */
export interface VotedNumber {
  id: number;
  number: string;
  votes: number;
  needed: number;
  given: GivenVote[];
}

/** Without `days` until it is lifted. */
export interface ListingTerms {
  policy: Policy;
  reason: string;
  days?: number;
}

const ALL = "/api/blacklist";
const PAGE = 50;

export const blacklistApi = {
  entries: async (over: boolean, before: string | null): Promise<Page<BlacklistEntry>> => {
    const query = new URLSearchParams({ over: String(over), limit: String(PAGE), ...(before && { before }) });
    const { items } = await request<{ items: BlacklistEntry[] }>(`${ALL}?${query}`);
    const last = items.length === PAGE ? items.at(-1) : undefined;
    return { items, next: last ? String(last.id) : null };
  },

  voted: () => request<{ items: VotedNumber[] }>(`${ALL}/votes`),

  add: (number: string, terms: ListingTerms) =>
    request<{ entry: BlacklistEntry }>(ALL, { method: "POST", body: { number, ...terms } }),

  confirm: (voteId: number, terms: ListingTerms) =>
    request<{ entry: BlacklistEntry }>(`${ALL}/votes/${voteId}/confirm`, { method: "POST", body: terms }),

  lift: (entryId: number) => request<{ entry: BlacklistEntry }>(`${ALL}/${entryId}/lift`, { method: "POST" }),

  vote: (callId: string, reason: string) =>
    request<{ votes: number; needed: number; listed: boolean }>(`/api/calls/${callId}/blacklist-vote`, {
      method: "POST",
      body: { reason },
    }),
};
