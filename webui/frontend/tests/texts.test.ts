/** Every text the pages use exists in both languages, and none stands there for nothing. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createI18n } from "vue-i18n";
import en from "@/locales/en";
import zhCN from "@/locales/zh-CN";

const SOURCE = join(import.meta.dirname, "../src");
const CODE_TABLES = /^(states|breaks|reasons|orderStatus|complaintState|messageStatus|channels|errors|notices|directions|callbackStatus|callbackSources|systems|outcomes|steps|refusals|divertWays|services|pressed|faxErrors|pauseReasons|reviewSays|progressStatus|parcelStates|parcelEvents)\./;

interface Texts {
  [key: string]: string | Texts;
}

function flat(texts: Texts, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === "string") found.set(prefix + key, value);
    else for (const entry of flat(value, `${prefix}${key}.`)) found.set(...entry);
  }
  return found;
}

const placeholders = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))].sort();

const chinese = flat(zhCN);
const english = flat(en);
const code = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(vue|ts)$/.test(path) && !path.startsWith("locales"))
  .map((path) => readFileSync(join(SOURCE, path), "utf8"))
  .join("\n");
const used = [...code.matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map(([, key]) => key ?? "");
const usedPrefixes = [...code.matchAll(/\bt\(\s*`([\w.]+\.)\$\{/g)].map(([, prefix]) => prefix ?? "");

describe("the texts", () => {
  it("have the same keys in both languages", () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
  });

  it("have the same placeholders in both languages", () => {
    for (const [key, text] of chinese) {
      expect([key, placeholders(english.get(key) ?? "")]).toEqual([key, placeholders(text)]);
    }
  });

  it("exist for every key in the code", () => {
    expect(used.length).toBeGreaterThan(50);
    expect(used.filter((key) => !chinese.has(key))).toEqual([]);
    for (const prefix of usedPrefixes) {
      expect([prefix, [...chinese.keys()].some((key) => key.startsWith(prefix))]).toEqual([prefix, true]);
    }
  });

  it("are all used", () => {
    const idle = [...chinese.keys()].filter(
      (key) =>
        !CODE_TABLES.test(key) &&
        !used.includes(key) &&
        !usedPrefixes.some((prefix) => key.startsWith(prefix)),
    );
    expect(idle).toEqual([]);
  });

  it("can all be compiled and leave no placeholder open", () => {
    const i18n = createI18n({ legacy: false, locale: "zh-CN", messages: { "zh-CN": zhCN, en } });
    for (const locale of ["zh-CN", "en"] as const) {
      i18n.global.locale.value = locale;
      for (const [key, text] of locale === "en" ? english : chinese) {
        const params = Object.fromEntries(placeholders(text).map((name) => [name, "§"]));
        expect(i18n.global.t(key, params)).not.toMatch(/[{}]/);
      }
    }
  });
});
