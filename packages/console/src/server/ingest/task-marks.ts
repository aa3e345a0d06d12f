import { isFields } from "lovage/internal";
/** What news can say of a task. `custom`: a state of the task's own. `reopened`: sent again under its id. `lost`: nobody has it. */
export const MARK_KINDS = [
  "sent",
  "received",
  "started",
  "custom",
  "retried",
  "requeued",
  "reopened",
  "lost",
  "succeeded",
  "failed",
  "revoked",
  "rejected",
  "ignored",
] as const;
export type MarkKind = (typeof MARK_KINDS)[number];

/**
 * When something was last said of a task, and by whom: Unix milliseconds (with fractions: two events of one millisecond have an order),
 * the sender's logical clock (-1 for none), and its node name ("" for what the console itself found out).
 */
export type Mark = readonly [atMs: number, clock: number, host: string];

/** When a worker took the task, in Unix milliseconds, and how often it had been retried by then. */
export type Try = readonly [atMs: number, retries: number];

/**
 * All that merging remembers of a task besides its record: the newest mark of each kind. A set of maxima comes out the same in
 * whatever order its members came in, and the state is a function of them; that is why late and disordered events do no harm.
 */
export interface TaskMarks {
  readonly at: { readonly [K in MarkKind]?: Mark };
  /** Name of the newest custom state. */
  readonly customState?: string;
  /** Each delivery to a worker that was seen, ascending; the last 200. */
  readonly tries: readonly Try[];
  /** Which news set the ETA, the progress, the error, and the run's own length. */
  readonly etaMs?: number;
  readonly progressMs?: number;
  readonly errorMs?: number;
  /** Seconds, as the worker measured them. */
  readonly runtime?: number;
  /** The first that was heard. */
  readonly firstMs?: number;
}

export const NO_MARKS: TaskMarks = { at: {}, tries: [] };
/** Deliveries remembered one by one. */
const MAX_TRIES = 200;

/** The order of marks: by time, then by logical clock, then by node. Source: celery-protocol 8.5, which puts the clock first; clients' and workers' clocks are kept in step by gossip only, which not all take part in. */
export function isLater(a: Mark, b: Mark | undefined): boolean {
  if (!b) return true;
  if (a[0] !== b[0]) return a[0] > b[0];
  if (a[1] !== b[1]) return a[1] > b[1];
  return a[2] > b[2];
}

/** The marks with one more. */
export function withMark(marks: TaskMarks, kind: MarkKind, mark: Mark): TaskMarks {
  return isLater(mark, marks.at[kind]) ? { ...marks, at: { ...marks.at, [kind]: mark } } : marks;
}

export function withoutMark(marks: TaskMarks, kind: MarkKind): TaskMarks {
  const { [kind]: _, ...at } = marks.at;
  return { ...marks, at };
}

/** The marks with one more delivery; one that is known already changes nothing. */
export function withTry(marks: TaskMarks, added: Try): TaskMarks {
  const [atMs, retries] = added;
  if (marks.tries.some((each) => each[0] === atMs && each[1] === retries)) return marks;
  const tries = [...marks.tries, added].sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(-MAX_TRIES);
  return { ...marks, tries };
}

/** The newest of these kinds, if any was seen; of two with the same mark the one named first. */
export function newestOf(
  marks: TaskMarks,
  kinds: readonly MarkKind[],
): { readonly kind: MarkKind; readonly mark: Mark } | undefined {
  let newest: { kind: MarkKind; mark: Mark } | undefined;
  for (const kind of kinds) {
    const mark = marks.at[kind];
    if (mark && isLater(mark, newest?.mark)) newest = { kind, mark };
  }
  return newest;
}

/** Instant of the newest mark of any kind; 0 for none. */
export function lastMs(marks: TaskMarks): number {
  return newestOf(marks, MARK_KINDS)?.mark[0] ?? 0;
}

/** An event to be filed under its try. */
export interface TryEvent {
  readonly atMs: number;
  /** As its sender counts; undefined where it does not say: Python's workers do so of a task that they receive only. */
  readonly retries: number | undefined;
}

/**
 * Which try an event belongs to, counted from 1. `attempt`: how many there have been, as far as is known. Instants alone cannot tell
 * a try's end from the start of the next where both fall into one millisecond, or the clocks of two workers differ.
 */
export function tryAt({ tries }: TaskMarks, attempt: number, { atMs, retries }: TryEvent): number {
  const unseen = Math.max(0, attempt - tries.length);
  const begun = tries.findLastIndex((each) => each[0] <= atMs && (retries === undefined || each[1] === retries));
  if (retries === undefined || begun !== -1) return Math.min(attempt, Math.max(1, unseen + begun + 1));
  const first = tries.findIndex((each) => each[1] === retries);
  return Math.min(attempt, first === -1 ? retries + 1 : unseen + first + 1);
}

/** As `TaskRecord.marksJson` keeps them: the same marks give the same text. */
export function writeMarks({
  at,
  tries,
  customState,
  etaMs,
  progressMs,
  errorMs,
  runtime,
  firstMs,
}: TaskMarks): string {
  const inOrder: { [K in MarkKind]?: Mark } = {};
  for (const kind of MARK_KINDS) {
    const mark = at[kind];
    if (mark) inOrder[kind] = mark;
  }
  return JSON.stringify({ at: inOrder, tries, customState, etaMs, progressMs, errorMs, runtime, firstMs });
}

/** Reads what `writeMarks` wrote; nothing of what is damaged. */
export function readMarks(text: string | null): TaskMarks {
  const value = parsed(text);
  if (!isFields(value)) return NO_MARKS;
  const at: { [K in MarkKind]?: Mark } = {};
  if (isFields(value.at)) {
    for (const kind of MARK_KINDS) {
      const mark = markOf(value.at[kind]);
      if (mark) at[kind] = mark;
    }
  }
  const tries = Array.isArray(value.tries) ? value.tries.filter(isTry) : [];
  return {
    at,
    tries,
    ...(typeof value.customState === "string" && { customState: value.customState }),
    ...numberMember(value, "etaMs"),
    ...numberMember(value, "progressMs"),
    ...numberMember(value, "errorMs"),
    ...numberMember(value, "runtime"),
    ...numberMember(value, "firstMs"),
  };
}

function parsed(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function numberMember<K extends string>(value: Readonly<Record<string, unknown>>, name: K): { [N in K]?: number } {
  const number = value[name];
  const member: { [N in K]?: number } = {};
  if (typeof number === "number") member[name] = number;
  return member;
}

function isTry(value: unknown): value is Try {
  return Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === "number");
}

function markOf(value: unknown): Mark | undefined {
  if (!Array.isArray(value)) return undefined;
  const [atMs, clock, host]: unknown[] = value;
  return typeof atMs === "number" && typeof clock === "number" && typeof host === "string"
    ? [atMs, clock, host]
    : undefined;
}
