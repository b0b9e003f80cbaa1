/** What becomes of an action that was refused: the agent reads why, and nothing else stops. */

import { ElMessage } from "element-plus";
import { useI18n } from "vue-i18n";
import { ApiError } from "@/api/client";
import { useWords } from "./words";

export function useFailure() {
  const { t } = useI18n();
  const { problem } = useWords();

  /** True when the action was carried out. */
  async function attempt(action: Promise<unknown>): Promise<boolean> {
    try {
      await action;
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      ElMessage.error({ message: t("app.failed", { problem: problem(error) }), grouping: true });
      return false;
    }
  }
  return { attempt };
}
