/** The page's language: chosen before log-in in this browser, after log-in in the user's record. */

import { createI18n } from "vue-i18n";
import type { Locale } from "@/api/types";
import en from "@/locales/en";
import zhCN from "@/locales/zh-CN";

const STORED = "zongji.locale";

export const i18n = createI18n({
  legacy: false,
  locale: localStorage.getItem(STORED) === "en" ? "en" : "zh-CN",
  fallbackLocale: "zh-CN",
  messages: { "zh-CN": zhCN, en },
});

document.documentElement.lang = i18n.global.locale.value;

export function currentLocale(): Locale {
  return i18n.global.locale.value as Locale;
}

export function setLocale(locale: Locale): void {
  i18n.global.locale.value = locale;
  localStorage.setItem(STORED, locale);
  document.documentElement.lang = locale;
}

/** The language that somebody is likely to read, unless this browser's reader has chosen one. */
export function offerLocale(locale: Locale): void {
  if (localStorage.getItem(STORED) !== null) return;
  i18n.global.locale.value = locale;
  document.documentElement.lang = locale;
}
