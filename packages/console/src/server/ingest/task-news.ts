import { type Fields, isFields, tryParseInstant } from "lovage/internal";
import type { TaskRecord } from "../store/task-record.js";
import { boundedJson } from "./bounded-json.js";
import type { ContentsGuard, KeptContents } from "./contents-guard.js";
import { eventMs, keptText, LIMITS, numberOf, textOf, wholeOf } from "./narrow.js";
import { redactText, redactValue } from "./redact.js";
import type { MarkKind } from "./task-marks.js";

/** What an event tells of a task, apart from its state. Absent: it does not say. */
export type TaskFacts = Partial<TaskRecord>;
export interface NewsFacts extends TaskFacts {
  /** `ms: null`: to be run at once. */
  readonly eta?: { readonly ms: number | null };
  readonly errorTold?: { readonly text: string | null; readonly traceback: string | null };
  readonly progress?: string;
}

export interface LogNews {
  readonly level: string;
  readonly message: string;
  readonly fieldsJson: string;
}

/** An event about a task: narrowed, bounded and redacted. */
export interface TaskNews {
  readonly id: string;
  readonly type: string;
  /** What it says of the task's state; nothing for logs, progress and the like. */
  readonly mark: MarkKind | undefined;
  readonly customState?: string;
  /** Unix milliseconds, with fractions. */
  readonly atMs: number;
  readonly clock: number;
  readonly host: string;
  readonly facts: NewsFacts;
  /** As `StoredEvent` keeps it; undefined for what the timeline has no use for. */
  readonly fieldsJson: string | undefined;
  readonly log?: LogNews;
}

/** An event as it came. */
export interface RawEvent {
  readonly type: string;
  readonly hostname: string;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly clock: number;
  readonly fields: Fields;
}

const MARK_OF_TYPE: ReadonlyMap<string, MarkKind> = new Map([
  ["task-sent", "sent"],
  ["task-received", "received"],
  ["task-started", "started"],
  ["task-succeeded", "succeeded"],
  ["task-failed", "failed"],
  ["task-retried", "retried"],
  ["task-revoked", "revoked"],
  ["task-rejected", "rejected"],
  // An active task given up by its worker: its message goes back. Source: celery-protocol 8.3.
  ["task-cancelled", "requeued"],
]);

/** Types that say nothing of the state. */
const STATELESS: ReadonlySet<string> = new Set(["task-log", "task-progress"]);
const CUSTOM_TYPE = /^task-([a-z][a-z0-9_]{0,60})$/i;

/** What reading an event needs. */
export interface NewsReader {
  readonly guard: ContentsGuard;
  /** Name of a task, as far as it was heard: an event that tells its result does not say it. */
  nameOf(id: string): string | undefined;
  /** Whether a custom state keeps its name; others are all `CUSTOM`. @default all do */
  keepsState?(state: string): boolean;
}

/** What an event tells of a task; undefined when it is about none. Never throws, whatever the event holds. */
export function readTaskNews(event: RawEvent, heardMs: number, reader: NewsReader): TaskNews | undefined {
  const { type, fields } = event;
  const id = idOf(fields.uuid);
  if (id === null || !type.startsWith("task-") || type.length > LIMITS.state) return undefined;
  const custom = MARK_OF_TYPE.has(type) || STATELESS.has(type) ? undefined : CUSTOM_TYPE.exec(type)?.[1]?.toUpperCase();
  const requeued = type === "task-rejected" && fields.requeue === true;
  const log = type === "task-log" ? logOf(fields) : undefined;
  return {
    id,
    type: keptText(type, LIMITS.state),
    mark: requeued ? "requeued" : (MARK_OF_TYPE.get(type) ?? (custom === undefined ? undefined : "custom")),
    ...(custom !== undefined && (reader.keepsState?.(custom) ?? true) && { customState: custom }),
    atMs: eventMs(event.timestamp, heardMs),
    clock: wholeOf(event.clock) ?? -1,
    host: keptText(event.hostname, LIMITS.name),
    facts: factsOf(event, id, reader),
    fieldsJson: STATELESS.has(type) ? undefined : eventJson(fields),
    ...(log && { log }),
  };
}

/** An id that can be a key and a path: not empty, not endless. */
function idOf(value: unknown): string | null {
  return typeof value === "string" && value.length <= LIMITS.id ? textOf(value, LIMITS.id) : null;
}

function factsOf(event: RawEvent, id: string, { guard, nameOf }: NewsReader): NewsFacts {
  const { type, fields, hostname } = event;
  const lovage = isFields(fields.lovage) ? fields.lovage : {};
  switch (type) {
    case "task-sent":
      return {
        ...familyFacts(fields, lovage, guard),
        client: textOf(hostname, LIMITS.name),
        exchange: textOf(fields.exchange, LIMITS.name),
        routingKey: textOf(fields.routing_key, LIMITS.name),
        queue: textOf(fields.queue, LIMITS.name) ?? textOf(lovage.queue, LIMITS.name),
      };
    case "task-received":
      return { ...familyFacts(fields, lovage, guard), queue: textOf(lovage.queue, LIMITS.name) };
    case "task-started":
      return { ...startFacts(lovage), ...runFacts(lovage) };
    case "task-succeeded":
      return { ...resultFacts(fields, lovage, guard, nameOf(id)), ...runtimeFact(fields.runtime), ...runFacts(lovage) };
    case "task-failed":
      return { errorTold: errorOf(fields), ...runFacts(lovage) };
    case "task-retried":
      return { errorTold: errorOf(fields), ...etaFact(lovage.eta), ...runFacts(lovage) };
    case "task-revoked":
      return { revoked: true, errorTold: { text: revokedText(fields), traceback: null }, ...runFacts(lovage) };
    case "task-rejected":
      return runFacts(lovage);
    case "task-progress":
      return { name: textOf(fields.name, LIMITS.name), progress: progressJson(fields) };
    case "task-log":
      return { name: textOf(fields.name, LIMITS.name), ...runFacts(lovage) };
    default:
      return {};
  }
}

function familyFacts(fields: Fields, lovage: Fields, guard: ContentsGuard): NewsFacts {
  const name = textOf(fields.name, LIMITS.name);
  const contents = guard.keep({
    name: name ?? undefined,
    args: valueText(fields.args),
    kwargs: valueText(fields.kwargs),
    result: undefined,
    exactArgs: Array.isArray(lovage.args) ? lovage.args : undefined,
    exactKwargs: isFields(lovage.kwargs) ? lovage.kwargs : undefined,
    exactResult: undefined,
  });
  return {
    name,
    ...argumentFacts(contents),
    rootId: idOf(fields.root_id),
    parentId: idOf(fields.parent_id),
    retries: Math.max(0, wholeOf(fields.retries) ?? 0),
    eta: { ms: instantMs(fields.eta) },
    expiresMs: instantMs(fields.expires),
    ...ourFacts(lovage),
  };
}

function argumentFacts({ args, kwargs, argsJson, kwargsJson }: KeptContents): TaskFacts {
  const exact = argsJson !== null && kwargsJson !== null;
  return { args, kwargs, argsJson, kwargsJson, argsSource: exact ? "event" : null };
}

function ourFacts(lovage: Fields): TaskFacts {
  const deliveries = wholeOf(lovage.deliveries);
  return {
    groupId: idOf(lovage.group_id),
    priority: wholeOf(lovage.priority),
    sizeBytes: wholeOf(lovage.size),
    contentType: textOf(lovage.content_type, LIMITS.state),
    ...(deliveries !== null && { deliveries }),
    timeLimit: numberOf(lovage.time_limit),
    softTimeLimit: numberOf(lovage.soft_time_limit),
    job: textOf(lovage.job, LIMITS.id),
    runId: idOf(lovage.job_run),
    rerunOf: idOf(lovage.rerun_of),
    schedule: textOf(lovage.schedule, LIMITS.name),
    stampsJson: isFields(lovage.stamps) ? boundedJson(redactedFields(lovage.stamps)) : null,
  };
}

/** Which run our workers speak of. Python's do not say. */
function runFacts(lovage: Fields): TaskFacts {
  const retries = wholeOf(lovage.retries);
  return retries !== null && retries >= 0 ? { retries } : {};
}

function startFacts(lovage: Fields): TaskFacts {
  const pid = wholeOf(lovage.pid);
  const slot = wholeOf(lovage.slot) ?? textOf(lovage.slot, LIMITS.state);
  const deliveries = wholeOf(lovage.deliveries);
  return {
    ...(pid !== null && { slot: slot === null ? String(pid) : `${pid}/${slot}` }),
    ...(deliveries !== null && { deliveries }),
  };
}

function resultFacts(fields: Fields, lovage: Fields, guard: ContentsGuard, name: string | undefined): TaskFacts {
  const { result, resultJson } = guard.keep({
    name: textOf(fields.name, LIMITS.name) ?? name,
    args: undefined,
    kwargs: undefined,
    result: valueText(fields.result),
    exactArgs: undefined,
    exactKwargs: undefined,
    exactResult: Object.hasOwn(lovage, "result") ? { value: lovage.result } : undefined,
  });
  return { result, resultJson };
}

/** Texts for people are texts; an old or foreign sender may give the values themselves. */
function valueText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? undefined : boundedJson({ value }).slice(9, -1);
}

function runtimeFact(value: unknown): TaskFacts {
  const runtime = numberOf(value);
  return runtime !== null && runtime >= 0 ? { runtime } : {};
}

function etaFact(value: unknown): NewsFacts {
  const ms = instantMs(value);
  return ms === null ? {} : { eta: { ms } };
}

function instantMs(value: unknown): number | null {
  if (typeof value !== "string") return null;
  return tryParseInstant(value)?.getTime() ?? null;
}

function errorOf(fields: Fields): { readonly text: string | null; readonly traceback: string | null } {
  const text = textOf(fields.exception, LIMITS.error);
  const traceback = textOf(fields.traceback, LIMITS.traceback);
  return { text: text && redactText(text), traceback: traceback && redactText(traceback) };
}

/** As the result backend would say it. */
function revokedText({ expired, terminated }: Fields): string {
  return `TaskRevokedError('${expired === true ? "expired" : terminated === true ? "terminated" : "revoked"}')`;
}

/** Counters kept of one task's progress. */
const MAX_COUNTERS = 100;

function progressJson(fields: Fields): string {
  const message = textOf(fields.message, LIMITS.error);
  const counters = isFields(fields.counters)
    ? Object.entries(fields.counters)
        .filter((entry): entry is [string, number] => numberOf(entry[1]) !== null)
        .slice(0, MAX_COUNTERS)
        .map(([name, value]) => [keptText(name, 100), value])
    : [];
  return JSON.stringify({
    current: numberOf(fields.current) ?? 0,
    total: numberOf(fields.total),
    message: message && redactText(message),
    counters: Object.fromEntries(counters),
  });
}

function logOf(fields: Fields): LogNews {
  const level = fields.level === "debug" || fields.level === "warn" || fields.level === "error" ? fields.level : "info";
  const extra = isFields(fields.fields) ? redactedFields(fields.fields) : {};
  return {
    level,
    message: redactText(lineOf(fields.message)),
    fieldsJson: boundedJson(extra),
  };
}

/** One that is cut says so: nobody has the rest. */
function lineOf(message: unknown): string {
  const text = textOf(message, LIMITS.logMessage) ?? "";
  if (typeof message !== "string" || message.length <= LIMITS.logMessage) return text;
  return `${text}… (cut: it has ${message.length.toLocaleString("en")} characters)`;
}

/** Members that the record holds better, or the row of the event itself. */
const HELD_BETTER: ReadonlySet<string> = new Set([
  ...["type", "uuid", "hostname", "timestamp", "utcoffset", "clock"],
  ...["name", "args", "kwargs", "result", "root_id", "parent_id"],
]);
const HELD_BETTER_OF_OURS: ReadonlySet<string> = new Set(["args", "kwargs", "result"]);

function eventJson(fields: Fields): string {
  const members: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (HELD_BETTER.has(name) || name === "__proto__") continue;
    const kept = name === "lovage" && isFields(value) ? without(value, HELD_BETTER_OF_OURS) : value;
    if (kept !== null && kept !== undefined) members[name] = kept;
  }
  return boundedJson(redactedFields(members));
}

function without(fields: Fields, names: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)));
}

function redactedFields(fields: Fields): Fields {
  const { value } = redactValue(fields);
  return isFields(value) ? value : {};
}
