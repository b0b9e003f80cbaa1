/** A reason that is asked for before something is done. */

import { ElMessageBox } from "element-plus";
import { useI18n } from "vue-i18n";

interface Question {
  title: string;
  text: string;
  /** What pressing the button does. */
  button: string;
  keep: string;
  /** So many characters at most. */
  most: number;
  missing: string;
  value?: string;
}

/** null: it is not to be done. */
export function askReason({ title, text, button, keep, most, missing, value = "" }: Question): Promise<string | null> {
  return ElMessageBox.prompt(text, title, {
    confirmButtonText: button,
    cancelButtonText: keep,
    inputValue: value,
    inputValidator: (typed) => (typed.trim() !== "" && typed.trim().length <= most) || missing,
  }).then(
    ({ value: typed }) => typed.trim(),
    () => null,
  );
}

/** Why a number belongs on the blacklist. */
export function useVoteReason() {
  const { t } = useI18n();
  return (title: string, text: string, value?: string) =>
    askReason({ title, text, button: title, keep: t("pop.voteNot"), most: 200, missing: t("pop.voteWhyWrong"), value });
}
