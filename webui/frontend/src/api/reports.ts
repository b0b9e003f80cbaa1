/** The words of the reports and of the skills. Rule: as in types.ts, nothing here is computed. */

import type { Instant, Money } from "./types";

export type MediaGrouping = "medium" | "did" | "day" | "hour";

export interface MediaLine {
  medium: string | null;
  did: string | null;
  day: string | null;
  hour: number | null;
  calls: number;
  callers: number;
  answered: number;
  abandoned: number;
  left_in_menu: number;
  orders: number;
  cancelled: number;
  /** Missing where the reader may not see what orders are worth. */
  revenue?: Money | null;
  conversion: number | null;
}

export interface MediaReport {
  since: Instant;
  until: Instant;
  lines: MediaLine[];
  total: MediaLine;
}

export interface SkilledAgent {
  user_id: number;
  name: string;
  extension: string | null;
  skills: Record<string, number>;
  version: number;
}

export interface SkillBoard {
  skills: string[];
  items: SkilledAgent[];
}
