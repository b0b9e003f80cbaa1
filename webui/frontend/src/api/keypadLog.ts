/** The keypad log: the words, and what is asked. Rule: one function, one route. */

import { request } from "./client";
import type { Instant, Page } from "./types";

/** `kind` and `detail` as among the steps of a call. */
export interface LoggedStep {
  at: Instant;
  kind: string;
  detail: Record<string, string | null>;
}

/** `steps` are empty once they have expired. */
export interface LoggedCall {
  id: string;
  started_at: Instant;
  caller: string | null;
  did: string;
  medium: string | null;
  customer_name: string | null;
  menu_path: string[];
  last_menu: string | null;
  wrong_keys: number | null;
  outcome: string | null;
  steps: LoggedStep[];
}

export interface KeypadConditions {
  caller?: string;
  menu?: string;
  keys?: string;
  since?: Instant;
  until?: Instant;
  outcome?: string;
  service?: string;
  wrong_keys?: string;
}

interface MenuCount {
  menu: string;
  calls: number;
}

const LOG = "/api/calls/log";

const query = (conditions: object) =>
  new URLSearchParams(Object.entries(conditions).filter(([, value]) => value)).toString();

export const keypadLogApi = {
  find: (conditions: KeypadConditions, after: string | null) =>
    request<Page<LoggedCall>>(`${LOG}?${query({ ...conditions, after })}`),

  branches: ({ since, until }: KeypadConditions) =>
    request<{ menus: MenuCount[] }>(`${LOG}/branches?${query({ since, until })}`),

  fileOf: (conditions: KeypadConditions) => `${LOG}/file?${query(conditions)}`,
};
