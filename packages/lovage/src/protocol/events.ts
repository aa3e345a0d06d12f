import { DecodeError } from "../errors.js";
import type { LogLevel } from "../util/logger.js";
import { type DecodeLimits, decodeBody, encodeBody } from "./content.js";
import type { RunFacts, TaskFacts } from "./event-facts.js";
import { readEventFields } from "./event-fields.js";
import type { Message } from "./message.js";
import { type Fields, isFields, textOrNull } from "./read-fields.js";

export { LamportClock } from "./lamport-clock.js";

/** What happened, under Celery's wire names. Texts called `args`, `kwargs`, `result`, `exception` are for people. Source: celery-protocol 8.3. */
export type EventFields = WorkerEventFields | TaskEventFields;
export type WorkerEventFields = WorkerVitals | WorkerElect | WorkerElectAck;
export type TaskEventFields =
  | TaskSent
  | TaskReceived
  | TaskStarted
  | TaskSucceeded
  | TaskTroubled
  | TaskRevoked
  | TaskRejected
  | TaskCancelled
  | TaskLog
  | TaskProgress;
export type EventType = EventFields["type"];

export interface WorkerVitals {
  readonly type: "worker-online" | "worker-heartbeat" | "worker-offline";
  /** Seconds between heartbeats. */
  readonly freq: number;
  /** Tasks that run. Missing, like the next two, in a heartbeat sent on command by the reference. */
  readonly active?: number;
  /** Tasks done since the start. */
  readonly processed?: number;
  /** Over 1, 5 and 15 minutes. */
  readonly loadavg?: readonly number[];
  readonly sw_ident: string;
  readonly sw_ver: string;
  readonly sw_sys: string;
}
export interface WorkerElect {
  readonly type: "worker-elect";
  readonly id: string;
  readonly topic: string;
  readonly action: unknown;
  readonly cver: number;
}
export interface WorkerElectAck {
  readonly type: "worker-elect-ack";
  readonly id: string;
}

interface TaskOfFamily {
  readonly uuid: string;
  readonly name: string;
  readonly args: string;
  readonly kwargs: string;
  readonly root_id: string | null;
  readonly parent_id: string | null;
  readonly retries: number;
  /** ISO instants. */
  readonly eta: string | null;
  readonly expires: string | null;
}
/** From the client: the message is with the broker. */
export interface TaskSent extends TaskOfFamily {
  readonly type: "task-sent";
  readonly queue: string | null;
  readonly exchange: string | null;
  readonly routing_key: string | null;
  /** Ours. */
  readonly lovage?: TaskFacts;
}
export interface TaskReceived extends TaskOfFamily {
  readonly type: "task-received";
  /** Ours. */
  readonly lovage?: TaskFacts;
}
export interface TaskStarted {
  readonly type: "task-started";
  readonly uuid: string;
  /** Ours: the process it runs in, and how often its message has been handed out. */
  readonly lovage?: RunFacts & { readonly pid: number; readonly deliveries: number };
}
export interface TaskSucceeded {
  readonly type: "task-succeeded";
  readonly uuid: string;
  readonly result: string;
  /** Seconds. */
  readonly runtime: number;
  /** Ours: the result as JSON too, when it is short. */
  readonly lovage?: RunFacts & { readonly result?: unknown };
}
export interface TaskTroubled {
  readonly type: "task-failed" | "task-retried";
  readonly uuid: string;
  readonly exception: string;
  /** Missing for a task that no worker knew. */
  readonly traceback?: string;
  /** Ours; of task-retried the ISO instant of the next try too. Missing for a task that no worker knew. */
  readonly lovage?: RunFacts & { readonly eta?: string };
}
export interface TaskRevoked {
  readonly type: "task-revoked";
  readonly uuid: string;
  readonly terminated: boolean;
  readonly signum: number | string | null;
  readonly expired: boolean;
  /** Ours. */
  readonly lovage?: RunFacts;
}
export interface TaskRejected {
  readonly type: "task-rejected";
  readonly uuid: string;
  readonly requeue: boolean;
  /** Ours. */
  readonly lovage?: RunFacts;
}
export interface TaskCancelled {
  readonly type: "task-cancelled";
  readonly uuid: string;
}
/** Ours: a line that a task logged. Other monitors ignore it. */
export interface TaskLog {
  readonly type: "task-log";
  readonly uuid: string;
  readonly name: string;
  readonly level: LogLevel;
  readonly message: string;
  /** JSON values. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly logger?: string;
  readonly lovage?: RunFacts;
}
/** Ours: how far a task is. Other monitors ignore it. */
export interface TaskProgress {
  readonly type: "task-progress";
  readonly uuid: string;
  readonly name: string;
  readonly current: number;
  readonly total: number | null;
  readonly message: string | null;
  /** What the task counts, by name. */
  readonly counters: Readonly<Record<string, number>>;
}

/** What every event carries. Source: celery-protocol 8.2. */
export interface EventStamp {
  /** The sender's node name; `gen<pid>@<host>` for clients. */
  readonly hostname: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Hours west of UTC, rounded down. */
  readonly utcoffset: number;
  readonly pid: number;
  /** The sender's logical clock. */
  readonly clock: number;
}
export type StampedEvent = EventFields & EventStamp;
/** An event of a type known here. */
export type LovageEvent = StampedEvent;

/** An event as it arrived. */
export interface ReceivedEvent extends EventStamp {
  /** Any type: users send their own. */
  readonly type: string;
  /** All its members as they came, those named above included. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The event under its type, checked; undefined for a type unknown here, or without what its type needs. */
  readonly known: LovageEvent | undefined;
}

/** The routing key of batches. */
export const MULTI_ROUTING_KEY = "task.multi";

/** The routing key of an event sent by itself: `task-received` goes to `task.received`. */
export function eventRoutingKey(type: string): string {
  return type.replaceAll("-", ".");
}

/** Who sends, and when. `clock` is the sender's logical clock, forwarded for this event. */
export interface EventSource {
  readonly hostname: string;
  readonly pid: number;
  readonly clock: number;
  readonly now: Date;
}

/** An event ready to be sent. */
export function stampEvent<E extends EventFields>(
  event: E,
  { hostname, pid, clock, now }: EventSource,
): E & EventStamp {
  const utcoffset = Math.floor(now.getTimezoneOffset() / 60);
  // -0 would be written as 0 but is not equal to it.
  return {
    ...event,
    hostname,
    utcoffset: utcoffset === 0 ? 0 : utcoffset,
    pid,
    clock,
    timestamp: now.getTime() / 1000,
  };
}

/**
 * A message with one event or several. Task events travel in an array, one alone too; a worker event by itself, as Celery's
 * receivers know them. Throws an `EncodeError` for fields that JSON cannot carry.
 */
export function encodeEvents(events: StampedEvent | readonly StampedEvent[], hostname: string): Message {
  const list = isList(events) ? events : [events];
  const [first] = list;
  const alone = list.length === 1 && first !== undefined && (list !== events || first.type.startsWith("worker-"));
  const { body, contentType, contentEncoding } = encodeBody(alone ? first : list, {
    place: "event",
    typedValues: false,
  });
  return { headers: { hostname }, properties: { delivery_mode: 1, priority: 0 }, body, contentType, contentEncoding };
}

export interface DecodeEventsOptions {
  readonly limits?: DecodeLimits;
}

/**
 * The events in a message, one or an array of them, whatever its routing key. What is no event is passed over: peers may send
 * anything. Throws a `DecodeError` or `ContentDisallowed` when the message cannot hold events at all.
 *
 * `timestamp` is what the sender's clock said, in Unix seconds. (The reference shifts it by the difference of the two hosts'
 * `utcoffset` before showing it; that turns an instant into something else, so it is not done here.)
 * `clock` is -1 for `task-sent`, since clients do not keep their clocks in step, and where it is missing.
 * Source: celery-protocol 8.1, 8.2, 8.5.
 */
export function decodeEvents(message: Message, { limits }: DecodeEventsOptions = {}): ReceivedEvent[] {
  const headers: Fields = isFields(message.headers) ? message.headers : {};
  const value = decodeBody(message.body, message.contentType, message.contentEncoding, headers.compression, { limits });
  if (!Array.isArray(value) && !isFields(value)) {
    throw new DecodeError("the body is neither an event nor an array of events");
  }
  const events: ReceivedEvent[] = [];
  for (const each of Array.isArray(value) ? value : [value]) {
    const event = isFields(each) ? readEvent(each, textOrNull(headers.hostname)) : undefined;
    if (event) events.push(event);
  }
  return events;
}

/** The sender is named in the event, and in the message's headers too. */
function readEvent(fields: Fields, sender: string | null): ReceivedEvent | undefined {
  const type = textOrNull(fields.type);
  const hostname = textOrNull(fields.hostname) ?? sender;
  if (type === null || hostname === null) return undefined;
  const stamp: EventStamp = {
    hostname,
    timestamp: finite(fields.timestamp, 0),
    utcoffset: finite(fields.utcoffset, 0),
    pid: finite(fields.pid, 0),
    clock: type === "task-sent" ? -1 : finite(fields.clock, -1),
  };
  const known = readEventFields(type, fields);
  return { type, ...stamp, fields, known: known && { ...known, ...stamp } };
}

function finite(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
