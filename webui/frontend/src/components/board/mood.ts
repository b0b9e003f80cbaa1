/** When a figure on the board deserves a look. Pure. */

export type Mood = "calm" | "warn" | "bad";

/** A wait within the queue's target is calm; past it, it warns; past three times of it, it is bad. */
export function waitMood(longestS: number | null, targetS: number): Mood {
  if (longestS === null || longestS <= targetS) return "calm";
  return longestS <= targetS * 3 ? "warn" : "bad";
}

/** 80 % within the target is the trade's usual promise. */
export function serviceMood(share: number | null): Mood {
  if (share === null || share >= 0.8) return "calm";
  return share >= 0.6 ? "warn" : "bad";
}
