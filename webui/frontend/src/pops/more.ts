/**
 * What a customer has besides the card: coupons, packages, opportunities.
 * Rule: it comes after the pop and never holds it up; what this reader may not see is not there.
 */

import { reactive } from "vue";
import { api } from "@/api/api";
import { ApiError } from "@/api/client";
import type { Benefits, Opportunity, Stage } from "@/api/desk";
import { session } from "@/composables/session";

export interface More extends Benefits {
  opportunities: Opportunity[];
}

const known = reactive<Record<number, More>>({});
const stages = reactive<Record<string, Stage>>({});

/** undefined until it has been read. */
export function moreOf(customerId: number): More | undefined {
  return known[customerId];
}

export function stageOf(code: string): Stage | undefined {
  return stages[code];
}

/** Read (again) what the customer has now. */
export async function readMore(customerId: number): Promise<void> {
  const [benefits, opportunities] = await Promise.all([
    session.may("customer.view") ? seen(api.benefits(customerId)) : null,
    session.may("lead.work") ? seen(api.opportunities(customerId)) : null,
  ]);
  const items = opportunities?.items ?? [];
  if (items.some(({ stage_code }) => !stages[stage_code])) await readStages();
  known[customerId] = {
    coupons: benefits?.coupons ?? [],
    packages: benefits?.packages ?? [],
    opportunities: items,
  };
}

async function readStages(): Promise<void> {
  const found = await seen(api.stages());
  for (const stage of found?.items ?? []) stages[stage.code] = stage;
}

async function seen<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}
