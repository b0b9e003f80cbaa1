/**
 * Codes as words. Rule: a code that this page has no words for is shown as it came, so that a newer
 * daemon never makes a page go blank.
 */

import { useI18n } from "vue-i18n";
import { ApiError } from "@/api/client";
import type { Level, Locale, Reason } from "@/api/types";

export type CodeTable =
  | "states"
  | "breaks"
  | "reasons"
  | "orderStatus"
  | "complaintState"
  | "messageStatus"
  | "channels"
  | "errors"
  | "notices"
  | "directions"
  | "callbackStatus"
  | "callbackSources"
  | "systems"
  | "outcomes"
  | "steps"
  | "refusals"
  | "divertWays"
  | "blacklist.policies"
  | "services"
  | "pressed"
  | "faxErrors"
  | "pauseReasons"
  | "reviewSays"
  | "progressStatus"
  | "parcelStates"
  | "parcelEvents";

export function useWords() {
  const { t, te, locale } = useI18n();

  function word(table: CodeTable, code: string, params: Record<string, unknown> = {}): string {
    const key = `${table}.${code}`;
    return te(key) || te(key, "zh-CN") ? t(key, params) : code;
  }

  /** The name in the reader's language. */
  function named(thing: { name_zh: string; name_en: string }): string {
    return (locale.value === "en" ? thing.name_en || thing.name_zh : thing.name_zh) || thing.name_en;
  }

  /** A rule that has a name is called by it, and one of review says what comes of it. */
  function reason({ code, params }: Reason): string {
    const { name_zh, name_en, says } = params ?? {};
    const name =
      name_zh === undefined || name_en === undefined
        ? {}
        : { name: named({ name_zh, name_en }) || t("reasons.promotion") };
    const what = word("reasons", code, { ...params, ...name });
    return says === undefined ? what : word("reviewSays", says, { what });
  }

  return {
    word,
    named,
    reason,
    /** The reason of a way through the house, with the customer's level by its name. */
    routeReason: ({ code, params }: Reason, level: Level | null | undefined) =>
      word("reasons", code, level && params?.level === level.code ? { ...params, level: named(level) } : params),
    labelled: (thing: { label_zh: string; label_en: string }) =>
      (locale.value === "en" ? thing.label_en || thing.label_zh : thing.label_zh) ||
      thing.label_en,
    problem: (error: unknown): string => {
      if (!(error instanceof ApiError)) return String(error);
      const words = word("errors", error.code, error.fields);
      return words === error.code && error.message ? error.message : words;
    },
    locale: () => locale.value as Locale,
  };
}
