/** Which questions come first, and which answers are new to their asker. Pure. */

import type { Question } from "@/api/desk";

/** Those that wait for the reader's answer, the oldest first; then the own ones, the latest first. */
export function inTurn(questions: Question[]): Question[] {
  const by = (way: 1 | -1) => (a: Question, b: Question) => way * a.asked_at.localeCompare(b.asked_at);
  return [
    ...questions.filter(({ own }) => !own).sort(by(1)),
    ...questions.filter(({ own }) => own).sort(by(-1)),
  ];
}

/** Own questions whose answer has not been read. */
export function unread(questions: Question[], read: ReadonlySet<number>): Question[] {
  return inTurn(questions).filter(({ id, own, answer }) => own && answer !== null && !read.has(id));
}
