/** Who works on this page and what they may do. Rule: rights come from the daemon, the page only hides. */

import { computed, ref } from "vue";
import { api } from "@/api/api";
import { ApiError } from "@/api/client";
import type { Locale, User } from "@/api/types";
import { currentLocale, setLocale } from "@/i18n";

const user = ref<User | null>(null);

function enter(found: User): void {
  user.value = found;
  if (found.locale === "en" || found.locale === "zh-CN") setLocale(found.locale);
}

export const session = {
  user,
  canWork: computed(() => has("agent.work")),
  canWatch: computed(() => has("board.view")),

  /** Finds the session of the cookie; false when there is none. */
  async restore(): Promise<boolean> {
    if (user.value) return true;
    try {
      enter((await api.session()).user);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return false;
      throw error;
    }
  },

  async logIn(login: string, password: string): Promise<void> {
    enter((await api.logIn(login, password)).user);
  },

  async logOut(): Promise<void> {
    await api.logOut();
    user.value = null;
  },

  forget(): void {
    user.value = null;
  },

  async switchLocale(): Promise<void> {
    const next: Locale = currentLocale() === "en" ? "zh-CN" : "en";
    setLocale(next);
    if (!user.value) return;
    user.value = { ...user.value, locale: next };
    await api.setLocale(next);
  },
};

function has(right: string): boolean {
  return user.value?.rights.includes(right) ?? false;
}
