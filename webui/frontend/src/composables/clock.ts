/**
 * The daemon's clock, as far as this page knows it. Rule: everything that ticks reads `nowMs`, so that
 * a workstation with a wrong clock still shows true times in state.
 */

import { computed, ref } from "vue";

const local = ref(Date.now());
const offsetMs = ref(0);

window.setInterval(() => {
  local.value = Date.now();
}, 1000);

/** Milliseconds on the daemon's clock, moving once a second. */
export const nowMs = computed(() => local.value + offsetMs.value);

/** Milliseconds on this machine's clock, moving once a second. */
export const localMs = computed(() => local.value);

export function setDaemonTime(at: string): void {
  local.value = Date.now();
  offsetMs.value = Date.parse(at) - local.value;
}
