/** What a line of the report is called. */

import type { MediaLine } from "@/api/reports";

type Translate = (key: string) => string;

/** What it is grouped by, joined: "电视广告 9时"; a number of no advert says so. */
export function named(line: MediaLine, t: Translate): string {
  const parts = [line.medium, line.did, line.day, line.hour === null ? null : `${line.hour}:00`];
  return parts.filter((part) => part !== null).join(" ") || t("media.none");
}
