import { isFields } from "lovage/internal";
import type { LogLine, Progress, TaskEvent, TaskSummary } from "../../api/tasks.js";
import { parseFields } from "../store/stored-json.js";
import type { StoredEvent, StoredLog, TaskRecord } from "../store/task-record.js";

/** Characters of a value in a list. */
const LINE_LENGTH = 200;
/** What ECMAScript's dates can hold, in milliseconds either way. */
const LAST_INSTANT_MS = 8.64e15;

export interface SummaryOptions {
  /** Whether this user may see arguments, results and messages of progress. */
  readonly payloads: boolean;
  /** By which an ETA is still to come. @default the present */
  readonly nowMs?: number;
}

/** A record as lists, streams and the API show it. Texts are cut to one line; SCHEDULED is shown here and stored nowhere. */
export function toSummary(record: TaskRecord, { payloads, nowMs = Date.now() }: SummaryOptions): TaskSummary {
  const shown = (text: string | null): string | null => (payloads ? oneLine(text) : null);
  return {
    id: record.id,
    name: record.name,
    state: shownState(record, nowMs),
    args: shown(record.args),
    kwargs: shown(record.kwargs),
    result: shown(record.result),
    error: oneLine(record.error),
    worker: record.worker,
    queue: record.queue,
    exchange: record.exchange,
    routingKey: record.routingKey,
    priority: record.priority,
    client: record.client,
    sent: toInstant(record.sentMs),
    received: toInstant(record.receivedMs),
    started: toInstant(record.startedMs),
    finished: toInstant(record.finishedMs),
    eta: toInstant(record.etaMs),
    expires: toInstant(record.expiresMs),
    wait: waitOf(record),
    runtime: record.runtime,
    retries: record.retries,
    progress: progressOf(record, payloads),
    rootId: record.rootId,
    parentId: record.parentId,
    groupId: record.groupId,
    schedule: record.schedule,
    job: record.job,
    runId: record.runId,
    rerunOf: record.rerunOf,
    revoked: record.revoked,
    version: record.version,
  };
}

/** The state as people are told it: a task that waits for its time is SCHEDULED until that has come. */
export function shownState({ state, etaMs }: Pick<TaskRecord, "state" | "etaMs">, nowMs: number): string {
  return state === "PENDING" && etaMs !== null && etaMs > nowMs ? "SCHEDULED" : state;
}

/** Seconds from when it could have begun (sent, or its ETA) to when it did; null while it waits, and where that would not be true. */
export function waitOf(
  record: Pick<TaskRecord, "sentMs" | "etaMs" | "startedMs" | "retries" | "attempt">,
): number | null {
  const { sentMs, etaMs, startedMs, retries, attempt } = record;
  if (sentMs === null || startedMs === null) return null;
  // A later try waited since its own ETA; where it had none, the time since the first sending says nothing of waiting.
  if ((retries > 0 || attempt > 1) && (etaMs === null || etaMs <= sentMs)) return null;
  const readyMs = Math.max(sentMs, etaMs ?? 0);
  // Two clocks that disagree must not show a negative wait.
  return Math.max(0, (startedMs - readyMs) / 1000);
}

/** How far a task is; its message only for who may see payloads. */
export function progressOf({ progressJson }: Pick<TaskRecord, "progressJson">, payloads: boolean): Progress | null {
  if (progressJson === null) return null;
  const { current, total, message, counters } = parseFields(progressJson);
  if (typeof current !== "number") return null;
  return {
    current,
    total: typeof total === "number" ? total : null,
    message: payloads && typeof message === "string" ? message : null,
    counters: numbersOf(counters),
  };
}

/** A stored event as the API shows it. Without `payloads` its members are left out, but for those that say nothing of contents. */
export function toEvent(event: StoredEvent, { payloads }: { readonly payloads: boolean }): TaskEvent {
  const fields = parseFields(event.fieldsJson);
  return {
    type: event.type,
    at: new Date(event.atMs).toISOString(),
    worker: event.worker,
    clock: event.clock < 0 ? null : event.clock,
    fields: payloads ? fields : withoutPayloads(fields),
  };
}

/** A stored log line as the API shows it. */
export function toLogLine(log: StoredLog & { readonly seq: number }): LogLine {
  return {
    seq: log.seq,
    taskId: log.taskId,
    at: new Date(log.atMs).toISOString(),
    level: levelOf(log.level),
    message: log.message,
    fields: parseFields(log.fieldsJson),
    attempt: log.attempt,
    worker: log.worker,
  };
}

/** An instant of the store as the API writes it; null for none, and for what is no instant. */
export function toInstant(ms: number | null): string | null {
  return ms === null || !(Math.abs(ms) <= LAST_INSTANT_MS) ? null : new Date(ms).toISOString();
}

/** The text on one line, at most 200 characters, cut between whole characters. */
export function oneLine(text: string | null, length = LINE_LENGTH): string | null {
  if (text === null) return null;
  const line = text.slice(0, length * 4).replace(/\s+/gu, " ");
  if (line.length <= length && text.length <= length * 4) return line;
  const cut = line.slice(0, length - 1);
  // Half of a surrogate pair is no character.
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** Members of events that carry what tasks were given or gave. */
const PAYLOAD_MEMBERS: ReadonlySet<string> = new Set(["args", "kwargs", "result", "message", "fields", "counters"]);

function withoutPayloads(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => !PAYLOAD_MEMBERS.has(name))
      .map(([name, value]) => [name, isFields(value) ? withoutPayloads(value) : value]),
  );
}

function numbersOf(value: unknown): Record<string, number> {
  if (!isFields(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

function levelOf(level: string): LogLine["level"] {
  return level === "debug" || level === "warn" || level === "error" ? level : "info";
}
