/** The invoice that is wanted of an order, as it is filled in. Pure. */

import type { InvoiceKind, InvoiceTitle, InvoiceWish } from "@/api/types";

export const TITLE_FIELDS = ["title", "tax_no", "address", "phone", "bank", "account", "email"] as const;
export type TitleField = (typeof TITLE_FIELDS)[number];

/** Fields that are empty stand as empty text. */
export interface InvoiceForm extends Record<TitleField, string> {
  kind: InvoiceKind;
  electronic: boolean;
}

const SPECIAL_NEEDS: readonly TitleField[] = ["tax_no", "address", "phone", "bank", "account"];
const TAX_NO = /^([0-9A-Z]{15}|[0-9A-Z]{17,18}|[0-9A-Z]{20})$/;

export function emptyInvoice(): InvoiceForm {
  return withTitle({ kind: "normal", electronic: true }, null);
}

/** Made out to this title; of the same kind. */
export function withTitle(form: Pick<InvoiceForm, "kind" | "electronic">, title: InvoiceTitle | null): InvoiceForm {
  const filled = Object.fromEntries(TITLE_FIELDS.map((name) => [name, title?.[name] ?? ""]));
  return { ...(filled as Record<TitleField, string>), kind: form.kind, electronic: form.electronic };
}

/** The fields in the form, which are fewer for a normal invoice. */
export function fieldsOf(form: InvoiceForm): TitleField[] {
  return TITLE_FIELDS.filter(
    (name) =>
      (form.kind === "special" || name === "title" || name === "tax_no" || name === "email") &&
      (name !== "email" || form.electronic),
  );
}

/** What must be filled in, or filled in otherwise, before it can be issued. */
export function faultsOf(form: InvoiceForm): TitleField[] {
  return fieldsOf(form).filter((name) => {
    const value = form[name].trim();
    if (name === "tax_no" && value !== "") return !TAX_NO.test(value.toUpperCase());
    if (name === "email" && value !== "") return value.length < 3;
    return value === "" && (name === "title" || (form.kind === "special" && SPECIAL_NEEDS.includes(name)));
  });
}

export function wishedInvoice(form: InvoiceForm): InvoiceWish {
  const said = Object.fromEntries(TITLE_FIELDS.map((name) => [name, form[name].trim() || null]));
  const title = said as unknown as InvoiceTitle;
  return {
    ...title,
    tax_no: title.tax_no?.toUpperCase() ?? null,
    email: form.electronic ? title.email : null,
    kind: form.kind,
    electronic: form.electronic,
  };
}
