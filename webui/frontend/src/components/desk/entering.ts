/** A small form that is filled in, sent once, and gone when it was taken. */

import { ElMessage } from "element-plus";
import { ref } from "vue";
import { useFailure } from "@/composables/failure";

export function useEntering(done: () => void) {
  const { attempt } = useFailure();
  const tried = ref(false);
  const busy = ref(false);

  /** Send what is complete; `said` tells the agent that it was taken. */
  async function enter(complete: boolean, send: () => Promise<unknown>, said: string): Promise<void> {
    tried.value = true;
    if (!complete || busy.value) return;
    busy.value = true;
    const taken = await attempt(send());
    busy.value = false;
    if (!taken) return;
    ElMessage.success(said);
    done();
  }

  return { tried, busy, enter };
}
