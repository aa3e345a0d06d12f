import type { ActionOutcome } from "../../api/common.js";

/**
 * Ids in a worker's answer to `abort`, `terminate` or `revoke … terminate`: `terminate: id, id`. Empty for `terminate: tasks unknown`.
 * Source: celery-protocol 9.4.
 */
export function idsInAnswer(detail: string): ReadonlySet<string> {
  const listed = /^(?:abort|terminate): ([\s\S]*)$/.exec(detail)?.[1];
  return new Set(listed === undefined || listed === "tasks unknown" ? [] : listed.split(", "));
}

/** Workers that did what was asked, refused, or stayed silent. */
export interface Answers {
  readonly done: readonly ActionOutcome[];
  readonly refused: readonly ActionOutcome[];
  readonly silent: readonly ActionOutcome[];
}

export function sortAnswers(replies: readonly ActionOutcome[]): Answers {
  return {
    done: replies.filter(({ outcome }) => outcome === "done"),
    refused: replies.filter(({ outcome }) => outcome === "refused" || outcome === "skipped"),
    silent: replies.filter(({ outcome }) => outcome === "no-answer"),
  };
}

/** Up to three names, and how many more: a fleet of hundreds is not listed in every row. */
export function namesOf(answers: readonly ActionOutcome[]): string {
  const shown = answers.slice(0, 3).map(({ target }) => target);
  return answers.length > 3 ? `${shown.join(", ")} and ${answers.length - 3} more` : shown.join(", ");
}

/** Whether the worker that has the task did not answer: what the others say does not tell what it will do. */
function isUnheard(holder: string | null, replies: readonly ActionOutcome[]): holder is string {
  return holder !== null && !replies.some(({ target, outcome }) => target === holder && outcome !== "no-answer");
}

/** What a revoked task's outcome is, from the workers' answers. `holder`: the worker that has it already, if one that is there does. */
export function revokedOutcome(id: string, holder: string | null, answers: Answers): ActionOutcome {
  const { done, refused, silent } = answers;
  if (isUnheard(holder, [...done, ...refused])) {
    return { target: id, outcome: "no-answer", detail: `${holder}, which has it, did not answer` };
  }
  const holds = refused.find(({ target }) => target === holder);
  if (holds) return { target: id, outcome: "refused", detail: `${holds.target}: ${holds.detail}` };
  if (done.length > 0) {
    const others = silent.length === 0 ? "" : `; no answer from ${namesOf(silent)}`;
    return { target: id, outcome: "done", detail: `${namesOf(done)} will not run it${others}` };
  }
  const [refusal] = refused;
  if (refusal) return { target: id, outcome: "refused", detail: `${refusal.target}: ${refusal.detail}` };
  const detail =
    silent.length === 0
      ? "no worker is there to hear it: one that starts later will run it"
      : `no answer from ${namesOf(silent)}`;
  return { target: id, outcome: "no-answer", detail };
}

/** What came of asking for one running task to be ended. `consequence` says what the worker named does; `holder` runs it. */
export function endedOutcome(
  id: string,
  holder: string | null,
  replies: readonly ActionOutcome[],
  consequence: (worker: string) => string,
): ActionOutcome {
  const { done, refused } = sortAnswers(replies);
  const ends = done.find(({ detail }) => idsInAnswer(detail).has(id));
  if (ends) return { target: id, outcome: "done", detail: `${ends.target}: ${consequence(ends.target)}` };
  if (isUnheard(holder, replies)) {
    return { target: id, outcome: "no-answer", detail: `${holder}, which runs it, did not answer` };
  }
  const refusal = refused.find(({ target }) => target === holder) ?? (done.length === 0 ? refused[0] : undefined);
  if (refusal) return { target: id, outcome: "refused", detail: `${refusal.target}: ${refusal.detail}` };
  if (done.length === 0) return { target: id, outcome: "no-answer", detail: "no worker answered" };
  return { target: id, outcome: "refused", detail: "no worker that answered runs it" };
}
