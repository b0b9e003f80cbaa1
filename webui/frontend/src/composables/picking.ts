/** Choosing from a list under a search field without the mouse: arrows, Enter; Escape empties the field. */

import { ref, type Ref } from "vue";

export function usePicking<T>(items: Ref<T[]>, answered: Ref<boolean>, query: Ref<string>, choose: (item: T) => void) {
  const active = ref(0);

  function move(by: 1 | -1): void {
    const count = items.value.length;
    if (count > 0) active.value = (active.value + by + count) % count;
  }

  function clear(): void {
    query.value = "";
    active.value = 0;
  }

  function pick(item: T | undefined): void {
    if (item !== undefined) choose(item);
  }

  function onKey(event: KeyboardEvent | Event): void {
    if (!(event instanceof KeyboardEvent) || event.isComposing) return;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter" && !event.ctrlKey && answered.value) pick(items.value[active.value]);
    else if (event.key === "Escape") clear();
    else return;
    event.preventDefault();
  }

  return { active, clear, onKey };
}
