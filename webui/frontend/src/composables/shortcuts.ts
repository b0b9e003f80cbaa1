/** Keys that work everywhere on a page. Rule: a key names one action, and the help overlay lists them all. */

import { onBeforeUnmount, onMounted } from "vue";

export interface Shortcut {
  /** "F2", "Ctrl+Enter", "?" as shown in the help. */
  keys: string;
  run(): void;
}

/** How an event is written: modifiers in the order Ctrl, Alt, then the key. */
export function keysOf(event: KeyboardEvent): string {
  const modifiers = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}`;
  return `${modifiers}${event.key.length === 1 ? event.key.toUpperCase() : event.key}`;
}

/** A plain character belongs to the field being typed in, and every key to an open dialog. */
function belongsElsewhere(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  if (target?.closest("[role=dialog]")) return true;
  const types = target?.closest("input, textarea, select, [contenteditable]");
  return Boolean(types) && event.key.length === 1 && !event.ctrlKey && !event.altKey;
}

export function useShortcuts(shortcuts: Shortcut[]): void {
  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || belongsElsewhere(event)) return;
    const found = shortcuts.find(({ keys }) => keys === keysOf(event));
    if (!found) return;
    event.preventDefault();
    found.run();
  }
  onMounted(() => window.addEventListener("keydown", onKey));
  onBeforeUnmount(() => window.removeEventListener("keydown", onKey));
}
