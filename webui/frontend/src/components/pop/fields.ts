/** Values of the business's own fields. */

import type { CustomInput } from "@/api/types";

/** Nothing was entered or chosen yet. */
export function isEmpty(value: CustomInput | undefined): boolean {
  return value === undefined || (typeof value !== "boolean" && value.length === 0);
}
