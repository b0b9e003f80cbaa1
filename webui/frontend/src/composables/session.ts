/** Who works on this page and what they may do. Rule: rights come from the daemon, the page only hides. */

import { computed, ref } from "vue";
import { api } from "@/api/api";
import { ApiError } from "@/api/client";
import type { Hold, Locale, Session, User } from "@/api/types";
import { currentLocale, setLocale } from "@/i18n";

const user = ref<User | null>(null);

/** What this person must do first, on the log-in page; no other page opens until then. */
const hold = ref<Hold | null>(null);

function enter(found: Session): void {
  user.value = found.user;
  hold.value = found.hold;
  const { locale } = found.user;
  if (locale === "en" || locale === "zh-CN") setLocale(locale);
}

function leave(): void {
  user.value = null;
  hold.value = null;
}

export const session = {
  user,
  hold,
  canWork: computed(() => has("agent.work")),
  /** Has something to do on the sidebar, with or without a telephone. */
  hasDesk: computed(() => has("agent.work") || has("todo.work")),
  canWatch: computed(() => has("board.view")),
  canSeeCalls: computed(() => has("call.view") || has("agent.work")),
  may: has,

  /** Finds the session of the cookie; false when there is none. */
  async restore(): Promise<boolean> {
    if (user.value) return true;
    try {
      enter(await api.session());
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return false;
      throw error;
    }
  },

  async logIn(login: string, password: string, code?: string): Promise<void> {
    enter(await api.logIn(login, password, code));
  },

  async changePassword(present: string, password: string): Promise<void> {
    enter(await api.changePassword(present, password));
  },

  /** Asks anew, when something was done that may end the hold. */
  async refresh(): Promise<void> {
    enter(await api.session());
  },

  async logOut(): Promise<void> {
    await api.logOut();
    leave();
  },

  forget: leave,

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
