import type { Attempt } from "../../api/tasks.js";
import type { StoredEvent } from "../store/task-record.js";
import { isObject, readExactObject } from "./exact-json.js";

/** How each event that ends an attempt leaves it. */
const ENDINGS: ReadonlyMap<string, string> = new Map([
  ["task-succeeded", "SUCCESS"],
  ["task-failed", "FAILURE"],
  ["task-retried", "RETRY"],
  ["task-revoked", "REVOKED"],
  ["task-rejected", "REJECTED"],
  ["task-ignored", "IGNORED"],
  ["task-lost", "LOST"],
]);

/**
 * The tries of a task, first to last, from its events alone: one for each time that a worker took it. A try after which another one
 * follows, though nobody told how it ended, was lost with its worker.
 * @param state of the task's record: tells a last try that is lost from one that goes on
 */
export function attemptsOf(events: readonly StoredEvent[], state?: string): readonly Attempt[] {
  const found = [...byAttempt(events)].sort(([a], [b]) => a - b).flatMap(([, told]) => attemptOf(told) ?? []);
  return found.map((each, index) => {
    const isLast = index === found.length - 1;
    const before = found[index - 1];
    return {
      ...each,
      state: each.ended === null && (!isLast || state === "LOST") ? "LOST" : each.state,
      redelivered: each.redelivered || (before !== undefined && before.ended === null),
    };
  });
}

/** Clocks of several workers differ: where instants are equal, the logical clocks say which was first. */
function byAttempt(events: readonly StoredEvent[]): ReadonlyMap<number, readonly StoredEvent[]> {
  const tries = new Map<number, StoredEvent[]>();
  for (const event of [...events].sort((a, b) => a.atMs - b.atMs || a.clock - b.clock)) {
    const attempt = event.type === "task-retried" ? attemptRetried(event, tries) : event.attempt;
    const told = tries.get(attempt);
    if (told) told.push(event);
    else tries.set(attempt, [event]);
  }
  return tries;
}

/**
 * The try that a `task-retried` ended. Celery's workers publish the next try before they tell of it, so that it may be received first;
 * but what has not begun cannot have ended so. Source: celery/app/trace.py, `handle_retry`.
 */
function attemptRetried(event: StoredEvent, tries: ReadonlyMap<number, readonly StoredEvent[]>): number {
  const has = (attempt: number, isMeant: (type: string) => boolean): boolean =>
    tries.get(attempt)?.some(({ type }) => isMeant(type)) === true;
  const began = (attempt: number): boolean => has(attempt, (type) => type === "task-started");
  const before = event.attempt - 1;
  const isOpen = began(before) && !has(before, (type) => ENDINGS.has(type));
  return !began(event.attempt) && isOpen ? before : event.attempt;
}

/** Undefined where nobody has taken the task: it was only sent. */
function attemptOf(events: readonly StoredEvent[]): Attempt | undefined {
  const received = events.find(({ type }) => type === "task-received");
  const started = events.find(({ type }) => type === "task-started");
  const end = events.findLast(({ type }) => ENDINGS.has(type));
  const by = started ?? received ?? end;
  if (!by) return undefined;
  return {
    number: by.attempt,
    worker: by.worker === "" ? null : by.worker,
    received: instantOf(received),
    started: instantOf(started),
    ended: instantOf(end),
    runtime: runtimeOf(started, end),
    state: end ? (ENDINGS.get(end.type) ?? "STARTED") : started ? "STARTED" : "RECEIVED",
    error: end ? errorOf(end) : null,
    nextAt: end?.type === "task-retried" ? nextTryOf(end) : null,
    redelivered: [received, started].some((event) => event !== undefined && deliveriesOf(event) > 1),
  };
}

/** As its worker measured it, else by the instants of the two events. */
function runtimeOf(started: StoredEvent | undefined, end: StoredEvent | undefined): number | null {
  if (!end) return null;
  const { runtime } = fieldsOf(end);
  if (typeof runtime === "number" && Number.isFinite(runtime)) return runtime;
  return started ? Math.max(0, (end.atMs - started.atMs) / 1000) : null;
}

function errorOf(end: StoredEvent): string | null {
  const { exception } = fieldsOf(end);
  return typeof exception === "string" && exception !== "" ? exception : null;
}

function nextTryOf(retried: StoredEvent): string | null {
  const { eta } = ourFieldsOf(retried);
  const at = typeof eta === "string" ? Date.parse(eta) : Number.NaN;
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

function deliveriesOf(event: StoredEvent): number {
  const { deliveries } = ourFieldsOf(event);
  return typeof deliveries === "number" ? deliveries : 1;
}

function fieldsOf(event: StoredEvent): Readonly<Record<string, unknown>> {
  return readExactObject(event.fieldsJson) ?? {};
}

function ourFieldsOf(event: StoredEvent): Readonly<Record<string, unknown>> {
  const { lovage } = fieldsOf(event);
  return isObject(lovage) ? lovage : {};
}

function instantOf(event: StoredEvent | undefined): string | null {
  return event ? new Date(event.atMs).toISOString() : null;
}
