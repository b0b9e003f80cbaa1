/** Which page a path shows, and to whom. Rule: a page without its right is not reached, not merely empty. */

import { createRouter, createWebHistory, type RouteLocationRaw } from "vue-router";
import { session } from "@/composables/session";

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/login", name: "login", component: () => import("@/pages/LoginPage.vue") },
    { path: "/", name: "sidebar", component: () => import("@/pages/SidebarPage.vue") },
    { path: "/board", name: "board", component: () => import("@/pages/BoardPage.vue") },
    { path: "/calls/:id?", name: "calls", component: () => import("@/pages/CallsPage.vue"), props: true },
    { path: "/blacklist", name: "blacklist", component: () => import("@/pages/BlacklistPage.vue"), meta: { right: "blacklist.manage" } },
    { path: "/faxes", name: "faxes", component: () => import("@/pages/FaxesPage.vue"), meta: { right: "fax.view" } },
    { path: "/media", name: "media", component: () => import("@/pages/MediaPage.vue"), meta: { right: "call.view" } },
    { path: "/skills", name: "skills", component: () => import("@/pages/SkillsPage.vue"), meta: { right: "skill.manage" } },
    { path: "/keypad-log", name: "keypad-log", component: () => import("@/pages/KeypadLogPage.vue"), meta: { right: "call.view" } },
    { path: "/api-docs", name: "api", component: () => import("@/pages/ApiPage.vue") },
    { path: "/o/:token", name: "progress", component: () => import("@/pages/ProgressPage.vue"), props: true },
    { path: "/no-page", name: "no-page", component: () => import("@/pages/NoPage.vue") },
    { path: "/:rest(.*)*", redirect: "/" },
  ],
});

router.beforeEach(async (to): Promise<RouteLocationRaw | boolean> => {
  if (to.name === "login" || to.name === "progress") return true;
  if (!(await session.restore().catch(() => false)) || session.hold.value) {
    return { name: "login", query: to.path === "/" ? {} : { next: to.path } };
  }
  if (to.name === "sidebar" && !session.hasDesk.value) {
    return { name: session.canWatch.value ? "board" : "no-page" };
  }
  if (to.name === "board" && !session.canWatch.value) {
    return { name: session.hasDesk.value ? "sidebar" : "no-page" };
  }
  if (to.name === "calls" && !session.canSeeCalls.value) return { name: "no-page" };
  const { right } = to.meta;
  return typeof right !== "string" || session.may(right) || { name: "sidebar" };
});
