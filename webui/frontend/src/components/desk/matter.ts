/** What an agent enters during a call, as the daemon wants it. Pure. */

import type { ComplaintCategory } from "@/api/desk";

export const MATTERS = ["note", "todo", "complaint"] as const;
export type Matter = (typeof MATTERS)[number];

export const SEVERITIES = [1, 2, 3] as const;

const LONGEST_TITLE = 200;

/** A note's first line is its title; where that is not all of it, the whole text goes along. */
export function noteOf(text: string): { title: string; note?: string } {
  const whole = text.trim();
  const title = (whole.split("\n", 1)[0] ?? "").trim().slice(0, LONGEST_TITLE);
  return title === whole ? { title } : { title, note: whole };
}

export interface CategoryGroup {
  head: ComplaintCategory;
  below: ComplaintCategory[];
}

/** Active categories under their top ones, in the daemon's order. */
export function grouped(categories: ComplaintCategory[]): CategoryGroup[] {
  const active = categories.filter((each) => each.active);
  const parents = new Map(active.map(({ code, parent_code }) => [code, parent_code]));
  const top = (code: string): string => {
    const above = parents.get(code);
    return above && parents.has(above) ? top(above) : code;
  };
  return active
    .filter(({ code }) => top(code) === code)
    .map((head) => ({
      head,
      below: active.filter(({ code }) => code !== head.code && top(code) === head.code),
    }));
}
