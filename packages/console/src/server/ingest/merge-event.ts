import type { TaskRecord } from "../store/task-record.js";
import { errorFingerprint } from "./error-fingerprint.js";
import {
  isLater,
  lastMs,
  type Mark,
  type MarkKind,
  newestOf,
  readMarks,
  type TaskMarks,
  withMark,
  withoutMark,
  withTry,
  writeMarks,
} from "./task-marks.js";
import type { TaskFacts, TaskNews } from "./task-news.js";

/**
 * How the news of a task become its record. Events come in any order and more than once, or not at all; whatever the order, the same
 * events give the same record (`test/ingest/merge-event.test.ts` shuffles them).
 *
 * The state follows from the newest mark of each kind (`task-marks.ts`):
 *
 * 1. SUCCESS stays, whatever else is said: a redelivery of a task that succeeded does not take it back (Celery's rule; result
 *    backends have it too).
 * 2. FAILURE, REVOKED, REJECTED and IGNORED hold unless the task was received, begun or sent again after; of several the first in
 *    Celery's precedence. Source: celery-protocol 5.1.
 * 3. LOST holds until anything newer is said.
 * 4. Otherwise the newest of received, started, a custom state, retried, given back; a delivery after a start is a redelivery, so
 *    RECEIVED then holds. Given back (rejected with requeue, or cancelled) is waiting again: PENDING.
 */
export function mergeEvent(record: TaskRecord, news: TaskNews): TaskRecord {
  const { record: merged, marks } = mergeMarked({ record, marks: readMarks(record.marksJson) }, news);
  return { ...merged, marksJson: writeMarks(marks) };
}

/** A record beside its marks, which are written into it (`marksJson`) only when it is stored: news of a task come in bursts. */
export interface MarkedRecord {
  readonly record: TaskRecord;
  readonly marks: TaskMarks;
}

/** `mergeEvent` without reading and writing the marks' text; the record's own `marksJson` is out of date. */
export function mergeMarked({ record, marks: before }: MarkedRecord, news: TaskNews): MarkedRecord {
  const mark: Mark = [news.atMs, news.clock, news.host];
  let marks = earliest(before, news.atMs);
  if (news.mark) marks = withMark(marks, news.mark, mark);
  if (news.mark === "custom" && marks.at.custom === mark)
    marks = { ...marks, customState: news.customState ?? "CUSTOM" };
  if (news.mark === "received") marks = withTry(marks, [news.atMs, news.facts.retries ?? 0]);
  const { facts, marks: settled } = settle(record, before, marks, news);
  return { record: conclude(record, facts, settled), marks: settled };
}

/** What the console found out by itself: from the result backend, a queue, a worker's answer, or an action it took. */
export function mergeFindings(record: TaskRecord, found: Partial<TaskRecord>, nowMs: number): TaskRecord {
  const { state, ...facts } = found;
  const before = readMarks(record.marksJson);
  const marks = earliest(markFound(record, before, found, nowMs), nowMs);
  const known = Object.fromEntries(
    Object.entries(facts).filter(([name, value]) => value !== undefined && !MERGED.has(name)),
  );
  const timed = typeof found.runtime === "number" && state === "SUCCESS" ? { ...marks, runtime: found.runtime } : marks;
  return { ...conclude(record, known, timed), marksJson: writeMarks(timed) };
}

/** Members that follow from the marks, and those that writing sets. */
const MERGED: ReadonlySet<string> = new Set([
  "id",
  "state",
  "clock",
  "marksJson",
  "attempt",
  "firstMs",
  "updatedMs",
  "version",
  "logBytes",
]);

const KIND_OF_STATE: ReadonlyMap<string, MarkKind> = new Map([
  ["PENDING", "sent"],
  ["RECEIVED", "received"],
  ["STARTED", "started"],
  ["RETRY", "retried"],
  ["SUCCESS", "succeeded"],
  ["FAILURE", "failed"],
  ["REVOKED", "revoked"],
  ["REJECTED", "rejected"],
  ["IGNORED", "ignored"],
  ["LOST", "lost"],
]);

function markFound(record: TaskRecord, marks: TaskMarks, found: Partial<TaskRecord>, nowMs: number): TaskMarks {
  const { state } = found;
  // What is known already keeps its instant: the event's is better than the finding's.
  if (state === undefined || (state === record.state && marks.at.sent)) return marks;
  const kind = KIND_OF_STATE.get(state) ?? "custom";
  const host = found.worker ?? "";
  switch (kind) {
    case "sent": {
      if (FINAL_KINDS.some((each) => marks.at[each]))
        return withMark(marks, "reopened", [found.sentMs ?? nowMs, -1, ""]);
      return marks.at.sent ? marks : withMark(marks, "sent", [found.sentMs ?? nowMs, -1, found.client ?? ""]);
    }
    case "lost":
      // Just after the last news, by whatever clock those are: the next news correct it, also from a host whose clock is behind.
      return withMark(marks, "lost", [Math.max(lastMs(marks), marks.progressMs ?? 0) + 0.001, -1, ""]);
    case "received":
      return withMark(withoutMark(marks, "lost"), kind, [found.receivedMs ?? nowMs, -1, host]);
    case "started":
      return withMark(withoutMark(marks, "lost"), kind, [found.startedMs ?? nowMs, -1, host]);
    case "custom":
      return { ...withMark(withoutMark(marks, "lost"), kind, [nowMs, -1, host]), customState: state };
    case "retried":
      return withMark(marks, kind, [found.finishedMs ?? nowMs, -1, host]);
    default:
      return state === record.state ? marks : withMark(marks, kind, [found.finishedMs ?? nowMs, -1, host]);
  }
}

function earliest(marks: TaskMarks, atMs: number): TaskMarks {
  return marks.firstMs !== undefined && marks.firstMs <= atMs ? marks : { ...marks, firstMs: atMs };
}

/** The facts of the news that hold: all of the newest news of a kind, and of older ones what nobody else has told. */
function settle(
  record: TaskRecord,
  before: TaskMarks,
  marks: TaskMarks,
  news: TaskNews,
): { readonly facts: TaskFacts; readonly marks: TaskMarks } {
  const { eta, errorTold, progress, runtime, retries, deliveries, ...plain } = news.facts;
  const newest = news.mark === undefined || marks.at[news.mark] !== before.at[news.mark];
  // A worker's word goes before the sender's: it has the message itself.
  const outranked = news.mark === "sent" && before.at.received !== undefined;
  let facts: TaskFacts = newest && !outranked ? known(plain) : missing(record, plain);
  let settled = marks;
  if (outranked && newest) facts = { ...facts, ...senderFacts(plain) };
  if (eta && isNewer(news.atMs, settled.etaMs, (eta.ms ?? 0) > (record.etaMs ?? 0))) {
    facts = { ...facts, etaMs: eta.ms };
    settled = { ...settled, etaMs: news.atMs };
  }
  if (errorTold && isNewer(news.atMs, settled.errorMs, (errorTold.text ?? "") > (record.error ?? ""))) {
    facts = { ...facts, error: errorTold.text, traceback: errorTold.traceback };
    settled = { ...settled, errorMs: news.atMs };
  }
  if (progress !== undefined && isNewer(news.atMs, settled.progressMs, progress > (record.progressJson ?? ""))) {
    facts = { ...facts, progressJson: progress };
    settled = { ...settled, progressMs: news.atMs };
  }
  if (typeof runtime === "number" && newest) settled = { ...settled, runtime };
  return {
    facts: {
      ...facts,
      retries: Math.max(record.retries, retries ?? 0),
      ...(typeof deliveries === "number" && { deliveries: Math.max(record.deliveries ?? 0, deliveries) }),
    },
    marks: settled,
  };
}

/** @param greater decides between two of the same instant: any rule will do that does not ask which came first. */
function isNewer(atMs: number, thanMs: number | undefined, greater: boolean): boolean {
  return thanMs === undefined || atMs > thanMs || (atMs === thanMs && greater);
}

function senderFacts({ client, queue, exchange, routingKey }: TaskFacts): TaskFacts {
  return known({
    client: client ?? null,
    queue: queue ?? null,
    exchange: exchange ?? null,
    routingKey: routingKey ?? null,
  });
}

function known(facts: TaskFacts): TaskFacts {
  const told: Record<string, unknown> = {};
  for (const name in facts) {
    const value: unknown = Reflect.get(facts, name);
    if (value !== undefined && value !== null) told[name] = value;
  }
  return told;
}

function missing(record: TaskRecord, facts: TaskFacts): TaskFacts {
  const told: Record<string, unknown> = {};
  for (const name in facts) {
    const value: unknown = Reflect.get(facts, name);
    if (value !== undefined && value !== null && Reflect.get(record, name) === null) told[name] = value;
  }
  return told;
}

const FINAL_KINDS = ["failed", "revoked", "rejected", "ignored"] as const satisfies readonly MarkKind[];
/** After one of these a task lives again, or anew. */
const LIFE_KINDS = ["started", "custom", "received", "reopened"] as const satisfies readonly MarkKind[];
/** In this order where they were said at the same instant. */
const OPEN_KINDS = [
  "custom",
  "started",
  "received",
  "retried",
  "requeued",
  "reopened",
] as const satisfies readonly MarkKind[];

const STATE_OF: Readonly<Record<MarkKind, string>> = {
  sent: "PENDING",
  received: "RECEIVED",
  started: "STARTED",
  custom: "CUSTOM",
  retried: "RETRY",
  requeued: "PENDING",
  reopened: "PENDING",
  lost: "LOST",
  succeeded: "SUCCESS",
  failed: "FAILURE",
  revoked: "REVOKED",
  rejected: "REJECTED",
  ignored: "IGNORED",
};

interface Deciding {
  readonly kind: MarkKind;
  readonly mark: Mark;
}

function decide(marks: TaskMarks): Deciding | undefined {
  const { succeeded, lost } = marks.at;
  if (succeeded) return { kind: "succeeded", mark: succeeded };
  const life = newestOf(marks, LIFE_KINDS);
  for (const kind of FINAL_KINDS) {
    const mark = marks.at[kind];
    if (mark && !(life && life.mark[0] > mark[0])) return { kind, mark };
  }
  const open = newestOf(marks, OPEN_KINDS);
  const heardMs = Math.max(open?.mark[0] ?? 0, marks.at.sent?.[0] ?? 0, marks.progressMs ?? 0);
  if (lost && lost[0] > heardMs) return { kind: "lost", mark: lost };
  // A task that tells how far it is runs, even if its beginning was not heard.
  if (marks.progressMs !== undefined && marks.progressMs > (open?.mark[0] ?? 0) && open?.kind !== "custom") {
    return { kind: "started", mark: [marks.progressMs, open?.mark[1] ?? -1, open?.mark[2] ?? ""] };
  }
  return open ?? newestOf(marks, ["sent"]);
}

/** The record with new facts, and all that follows from the marks. One copy: this runs for every event. */
function conclude(before: TaskRecord, facts: TaskFacts, marks: TaskMarks): TaskRecord {
  const deciding = decide(marks);
  const kind = deciding?.kind;
  const state = kind === "custom" ? (marks.customState ?? "CUSTOM") : kind ? STATE_OF[kind] : before.state;
  const final = kind === "succeeded" || FINAL_KINDS.some((each) => each === kind);
  const name = facts.name ?? before.name;
  const error = kind === "succeeded" ? null : facts.error === undefined ? before.error : facts.error;
  const retries = facts.retries ?? before.retries;
  return {
    ...before,
    ...facts,
    state,
    worker: workerOf(deciding, marks) ?? facts.worker ?? before.worker,
    sentMs: wholeMs(marks.at.sent) ?? facts.sentMs ?? before.sentMs,
    receivedMs: wholeMs(marks.at.received) ?? facts.receivedMs ?? before.receivedMs,
    startedMs: wholeMs(marks.at.started) ?? facts.startedMs ?? before.startedMs,
    finishedMs: final ? wholeMs(deciding?.mark) : null,
    runtime: final ? runtimeOf(kind, deciding?.mark, marks) : null,
    revoked: before.revoked || facts.revoked === true || marks.at.revoked !== undefined,
    clock: Math.max(deciding?.mark[1] ?? before.clock, -1),
    attempt: Math.max(retries + 1, marks.tries.length, 1),
    firstMs: marks.firstMs === undefined ? before.firstMs : Math.floor(marks.firstMs),
    updatedMs: Math.floor(Math.max(lastMs(marks), marks.progressMs ?? 0)) || before.updatedMs,
    error,
    ...(kind === "succeeded" && { traceback: null }),
    fingerprint: fingerprintOf(before, state, error, name),
  };
}

function fingerprintOf(before: TaskRecord, state: string, error: string | null, name: string | null): string | null {
  if (state !== "FAILURE") return null;
  if (before.fingerprint !== null && before.state === state && before.error === error && before.name === name)
    return before.fingerprint;
  return errorFingerprint(name, error ?? "").fingerprint;
}

/** What a worker says that has the task. */
const HELD_KINDS = ["started", "custom", "received", "retried", "requeued"] as const satisfies readonly MarkKind[];

/** Who said what holds; where nobody did (the console found it out), who had the task last. */
function workerOf(deciding: Deciding | undefined, marks: TaskMarks): string | undefined {
  const host = deciding && deciding.kind !== "sent" ? deciding.mark[2] : "";
  if (host !== "") return host;
  let last: Mark | undefined;
  for (const kind of HELD_KINDS) {
    const mark = marks.at[kind];
    if (mark && mark[2] !== "" && isLater(mark, last)) last = mark;
  }
  return last?.[2];
}

/** As the worker measured it; else from its start to its end, where one worker told of both. */
function runtimeOf(kind: MarkKind | undefined, end: Mark | undefined, marks: TaskMarks): number | null {
  if (kind === "succeeded" && marks.runtime !== undefined) return marks.runtime;
  const { started } = marks.at;
  if (!started || !end || started[2] !== end[2] || end[0] < started[0]) return null;
  return Math.round(end[0] - started[0]) / 1000;
}

function wholeMs(mark: Mark | undefined): number | null {
  return mark ? Math.floor(mark[0]) : null;
}
