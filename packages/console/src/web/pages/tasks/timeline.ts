import type { Attempt, TaskEvent, TaskSummary } from "../../../api/tasks.js";

/** What a task did for a stretch of time. `retry`: between two tries. `lost`: a worker had it, and nobody knows what became of that. */
export const STRETCH_KINDS = ["wait", "run", "retry", "lost"] as const;
export type StretchKind = (typeof STRETCH_KINDS)[number];

export interface Stretch {
  readonly kind: StretchKind;
  readonly attempt: number;
  /** Handed out again by the broker after another worker had it. */
  readonly redelivered: boolean;
  readonly from: string;
  /** Null: goes on. */
  readonly to: string | null;
}

/** The instants that lay out a task's life. */
type Lived = Pick<TaskSummary, "sent" | "received" | "started" | "finished" | "eta" | "state">;

/** A task's life as stretches, oldest first; attempts of which no start is known have none. */
export function stretchesOf(task: Lived, attempts: readonly Attempt[]): Stretch[] {
  const stretches: Stretch[] = [];
  let waitsFrom = latest(task.sent ?? attempts[0]?.received ?? task.received, task.eta);
  let waitsAs: "wait" | "retry" = "wait";
  for (const [index, attempt] of attempts.entries()) {
    const begin = attempt.started ?? attempt.ended;
    if (waitsFrom !== null && (begin === null || begin > waitsFrom)) {
      stretches.push(stretch(waitsAs, attempt, waitsFrom, begin));
    }
    // Nobody tells when a lost attempt ended: it is over when the next one is handed out.
    const next = attempts[index + 1];
    const end = attempt.ended ?? (attempt.state === "LOST" ? (next?.received ?? next?.started ?? null) : null);
    if (attempt.started !== null) {
      stretches.push(stretch(attempt.state === "LOST" ? "lost" : "run", attempt, attempt.started, end));
    }
    waitsFrom = end;
    waitsAs = attempt.state === "RETRY" ? "retry" : "wait";
  }
  const last = attempts.at(-1);
  if (last?.state === "RETRY" && last.ended !== null && task.finished === null) {
    stretches.push({ ...stretch("retry", last, last.ended, null), redelivered: false });
  }
  return stretches;
}

function stretch(kind: StretchKind, attempt: Attempt, from: string, to: string | null): Stretch {
  return { kind, attempt: attempt.number, redelivered: attempt.redelivered, from, to };
}

/** ISO instants of one zone sort as texts. */
function latest(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && b > a) ? b : a;
}

/** One line of the timeline. `at` null: nobody told when. */
export interface Happening {
  readonly at: string | null;
  readonly what: string;
  readonly worker: string | null;
  /** A reason, an error, a planned time. */
  readonly detail: string | null;
  /** When the next try is planned. */
  readonly plannedFor: string | null;
  readonly mark: "lost" | "redelivered" | null;
}

const WORDS: Readonly<Record<string, string>> = {
  "task-sent": "Sent",
  "task-received": "Received",
  "task-started": "Started",
  "task-retried": "Retry",
  "task-succeeded": "Succeeded",
  "task-failed": "Failed",
  "task-revoked": "Revoked",
  "task-rejected": "Rejected",
  "task-ignored": "Ignored",
};
/** They have views of their own, or (lost) are told by the attempts. */
const ELSEWHERE: ReadonlySet<string> = new Set(["task-progress", "task-log", "task-lost"]);

/** What happened to a task, oldest first: from its events, and from its record where no event told. */
export function happeningsOf(task: Lived, events: readonly TaskEvent[], attempts: readonly Attempt[]): Happening[] {
  const heard = events.filter((event) => !ELSEWHERE.has(event.type)).map((event) => fromEvent(event));
  const told = new Set(events.map((event) => event.type));
  const recorded = [
    ...(told.has("task-sent") ? [] : plain("Sent", task.sent)),
    ...(told.has("task-received") ? [] : plain("Received", task.received)),
    ...(told.has("task-started") ? [] : plain("Started", task.started)),
    ...(events.some((event) => ENDS.has(event.type)) ? [] : plain(`Ended: ${task.state}`, task.finished)),
  ];
  return [...heard, ...recorded, ...marksOf(attempts)].sort((a, b) => (a.at ?? "").localeCompare(b.at ?? ""));
}

const ENDS: ReadonlySet<string> = new Set([
  "task-succeeded",
  "task-failed",
  "task-revoked",
  "task-rejected",
  "task-ignored",
]);

function plain(what: string, at: string | null): Happening[] {
  return at === null ? [] : [{ at, what, worker: null, detail: null, plannedFor: null, mark: null }];
}

function fromEvent(event: TaskEvent): Happening {
  const { fields } = event;
  return {
    at: event.at,
    what: WORDS[event.type] ?? event.type,
    worker: event.type === "task-sent" ? null : event.worker,
    detail: reasonOf(event),
    plannedFor: event.type === "task-retried" ? textOf(memberOf(fields.lovage, "eta")) : null,
    mark: null,
  };
}

function reasonOf(event: TaskEvent): string | null {
  switch (event.type) {
    case "task-retried":
    case "task-failed":
      return textOf(event.fields.exception);
    case "task-revoked":
      return revokedBecause(event.fields);
    case "task-rejected":
      return event.fields.requeue === true ? "put back into the queue" : null;
    default:
      return null;
  }
}

function revokedBecause(fields: TaskEvent["fields"]): string | null {
  if (fields.expired === true) {
    return "expired before it began";
  }
  return fields.terminated === true ? `terminated while it ran (${textOf(fields.signum) ?? "signal not told"})` : null;
}

function marksOf(attempts: readonly Attempt[]): Happening[] {
  return attempts.flatMap((attempt): Happening[] => [
    ...(attempt.redelivered
      ? [
          {
            at: attempt.received ?? attempt.started,
            what: "Redelivered",
            worker: attempt.worker,
            detail: `attempt ${attempt.number}: the broker handed it out again`,
            plannedFor: null,
            mark: "redelivered" as const,
          },
        ]
      : []),
    ...(attempt.state === "LOST"
      ? [
          {
            at: attempt.ended ?? attempt.started ?? attempt.received,
            what: "Lost",
            worker: attempt.worker,
            detail: `attempt ${attempt.number}: its worker went silent, or denies having it`,
            plannedFor: null,
            mark: "lost" as const,
          },
        ]
      : []),
  ]);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function textOf(value: unknown): string | null {
  if (typeof value === "string") {
    return value;
  }
  return typeof value === "number" ? String(value) : null;
}
