/** Light or dark, remembered for each page: the wall screen is dark unless somebody says otherwise. */

import { onBeforeUnmount, ref, watchEffect } from "vue";

export function usePageTheme(page: string, byDefault: "light" | "dark") {
  const stored = `zongji.theme.${page}`;
  const dark = ref((localStorage.getItem(stored) ?? byDefault) === "dark");
  watchEffect(() => document.documentElement.classList.toggle("dark", dark.value));
  onBeforeUnmount(() => document.documentElement.classList.remove("dark"));

  function toggle(): void {
    dark.value = !dark.value;
    localStorage.setItem(stored, dark.value ? "dark" : "light");
  }
  return { dark, toggle };
}
