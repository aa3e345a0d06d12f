import {
  EXCHANGE_TYPES,
  type ExchangeType,
  PRIORITY_ORDERS,
  type PriorityOrder,
  QUEUE_TYPES,
  type QueueType,
} from "../brokers/broker.js";
import { matchesWildcard } from "../util/wildcard.js";

/** What is wrong with a value, as the end of the sentence "`setting` …". */
export class Problem extends Error {}

/** One kind of value: how it is checked, and how it is written in an environment variable. */
export interface Kind<Input, Value> {
  /** As in "a number of seconds above 0": for messages and docs. */
  readonly expects: string;
  /** Never called; carries the type users write. */
  readonly input?: (value: Input) => void;
  /** Throws a `Problem`. */
  parse(value: unknown): Value;
  fromText(text: string): unknown;
}

function kind<Input, Value>(
  expects: string,
  parse: (value: unknown) => Value | undefined,
  fromText: (text: string) => unknown,
): Kind<Input, Value> {
  return {
    expects,
    parse(value) {
      const parsed = parse(value);
      if (parsed === undefined) throw new Problem(`must be ${expects}; got ${shown(value)}`);
      return parsed;
    },
    fromText,
  };
}

/** A value as a message may show it: short, without members, and no URL or `user:password@host`. */
function shown(value: unknown): string {
  if (typeof value === "string" && (value.includes("://") || value.includes("@")))
    return "a text that may hold a password";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text =
    typeof value === "string" ? JSON.stringify(value) : typeof value === "function" ? "a function" : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Text that stands for JSON; left as it is when it is none, so that the check names it. */
function jsonText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const text: Kind<string, string> = kind(
  "a text that is not empty",
  (value) => (typeof value === "string" && value !== "" ? value : undefined),
  (written) => written,
);

export const flag: Kind<boolean, boolean> = kind(
  "true or false",
  (value) => (typeof value === "boolean" ? value : undefined),
  (written) => (/^(1|true|yes|on)$/i.test(written) ? true : /^(0|false|no|off)$/i.test(written) ? false : written),
);

function number(expects: string, fits: (value: number) => boolean): Kind<number, number> {
  return kind(
    expects,
    (value) => (typeof value === "number" && Number.isFinite(value) && fits(value) ? value : undefined),
    (written) => (written.trim() === "" ? written : Number.isNaN(Number(written)) ? written : Number(written)),
  );
}
export const seconds = number("a number of seconds, 0 or more", (value) => value >= 0);
export const positiveSeconds = number("a number of seconds above 0", (value) => value > 0);
export const count = number("a whole number, 0 or more", (value) => Number.isInteger(value) && value >= 0);
export const positiveCount = number("a whole number above 0", (value) => Number.isInteger(value) && value > 0);
export const priority = number(
  "a priority from 0 to 9",
  (value) => Number.isInteger(value) && value >= 0 && value <= 9,
);

/** RabbitMQ allows up to 255, and Celery's own examples use 10: a queue shared with others must be declared with their number. */
export const maxPriority = number("a whole number from 0 to 255", isMaxPriority);
function isMaxPriority(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255;
}

/** A TCP port to listen on. */
export const port = number(
  "a port from 0 to 65535 (0 takes any that is free)",
  (value) => Number.isInteger(value) && value >= 0 && value <= 65_535,
);

/** For Celery's switches of which Lovage has one position only: the other is refused rather than ignored. */
export function only<const V extends boolean | number>(allowed: V, because: string): Kind<V, V> {
  const fits = (value: unknown): value is V => value === allowed;
  return kind(
    `${allowed} (${because})`,
    (value) => (fits(value) ? value : undefined),
    (written) => (typeof allowed === "boolean" ? flag.fromText(written) : Number(written)),
  );
}

/** An object whose members the one who uses it checks. */
export const record: Kind<Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>> = kind(
  "an object",
  (value) => (isRecord(value) ? Object.freeze({ ...value }) : undefined),
  jsonText,
);

/** The value, or null for none; in the environment `none` or an empty text. */
export function orNull<Input, Value>(inner: Kind<Input, Value>): Kind<Input | null, Value | null> {
  return kind(
    `${inner.expects}, or null`,
    (value) => (value === null ? null : attempt(inner, value)),
    (written) => (/^(none|null|)$/i.test(written) ? null : inner.fromText(written)),
  );
}

function attempt<Input, Value>(inner: Kind<Input, Value>, value: unknown): Value | undefined {
  try {
    return inner.parse(value);
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

export function oneOf<const V extends string>(...allowed: readonly V[]): Kind<V, V> {
  const known: ReadonlyMap<unknown, V> = new Map(allowed.map((value) => [value, value]));
  return kind(
    `one of ${allowed.join(", ")}`,
    (value) => known.get(value),
    (written) => written,
  );
}

export const names: Kind<readonly string[], readonly string[]> = kind(
  "a list of texts",
  (value) =>
    Array.isArray(value) && value.every((each): each is string => typeof each === "string" && each !== "")
      ? Object.freeze([...value])
      : undefined,
  (written) =>
    written
      .split(",")
      .map((each) => each.trim())
      .filter(Boolean),
);

export const timeZone: Kind<string, string> = kind(
  "a time zone's IANA name, as in Europe/Berlin",
  (value) => {
    try {
      return typeof value === "string" ? new Intl.DateTimeFormat("en", { timeZone: value }) && value : undefined;
    } catch {
      return undefined;
    }
  },
  (written) => written,
);

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Celery's rate: `10/s`, `100/m`, `1000/h`, or a number a second. */
export const rate: Kind<string | number, string | number> = kind(
  "a rate such as 10/s, 100/m or 1000/h",
  (value) =>
    (typeof value === "number" && value >= 0) || (typeof value === "string" && /^\d+(\.\d+)?(\/[smh])?$/.test(value))
      ? value
      : undefined,
  (written) => written,
);

/** How often, and how patiently, a publish is tried again. Seconds. */
export interface RetryPolicySetting {
  /** Repeats at most; null for no limit. @default 3 */
  readonly maxRetries: number | null;
  /** Seconds before the first repeat. @default 0 */
  readonly intervalStart: number;
  /** Seconds added before each further repeat. @default 0.2 */
  readonly intervalStep: number;
  /** Seconds at most. @default 1 */
  readonly intervalMax: number;
}
const RETRY_POLICY: RetryPolicySetting = Object.freeze({
  maxRetries: 3,
  intervalStart: 0,
  intervalStep: 0.2,
  intervalMax: 1,
});

export const retryPolicy: Kind<Partial<RetryPolicySetting>, RetryPolicySetting> = kind(
  `an object of ${Object.keys(RETRY_POLICY).join(", ")}`,
  (value) => {
    if (!isRecord(value)) return undefined;
    const fits = Object.entries(value).every(
      ([name, each]) =>
        name in RETRY_POLICY && ((typeof each === "number" && each >= 0) || (name === "maxRetries" && each === null)),
    );
    return fits ? Object.freeze({ ...RETRY_POLICY, ...value }) : undefined;
  },
  jsonText,
);

/** A queue as `taskQueues` defines it. */
export interface QueueSetting {
  readonly name: string;
  /** @default the queue's name */
  readonly exchange?: string;
  /** @default `taskDefaultExchangeType` */
  readonly exchangeType?: ExchangeType;
  /** @default the queue's name */
  readonly routingKey?: string;
  /** 0 to 255; priorities above 9 are never sent. @default `taskQueueMaxPriority` */
  readonly maxPriority?: number;
  /** "celery" keeps kombu's order on Redis, where 0 is the most urgent, for a queue shared with Python. @default "lovage" */
  readonly priorityOrder?: PriorityOrder;
  /** On RabbitMQ: how the queue is kept. @default `taskDefaultQueueType` */
  readonly type?: QueueType;
}

const QUEUE_FIELDS: Readonly<Record<keyof QueueSetting, (value: unknown) => boolean>> = {
  name: isName,
  exchange: isName,
  exchangeType: (value) => EXCHANGE_TYPES.some((type) => type === value),
  routingKey: isName,
  maxPriority: isMaxPriority,
  priorityOrder: (value) => PRIORITY_ORDERS.some((order) => order === value),
  type: (value) => QUEUE_TYPES.some((type) => type === value),
};
function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
function isQueue(value: unknown): value is QueueSetting {
  if (!isRecord(value) || !isName(value.name)) return false;
  const fields: Readonly<Record<string, (value: unknown) => boolean>> = QUEUE_FIELDS;
  return Object.entries(value).every(([name, each]) => each === undefined || fields[name]?.(each) === true);
}

export const queues: Kind<readonly (string | QueueSetting)[], readonly QueueSetting[]> = kind(
  `a list of queue names or of objects with ${Object.keys(QUEUE_FIELDS).join(", ")}`,
  (value) => {
    if (!Array.isArray(value)) return undefined;
    const named: unknown[] = value.map((each: unknown) => (isName(each) ? { name: each } : each));
    return named.every(isQueue) ? Object.freeze(named.map((queue) => Object.freeze({ ...queue }))) : undefined;
  },
  (written) => (written.trimStart().startsWith("[") ? jsonText(written) : names.fromText(written)),
);

/** Where the tasks of a route go. */
export interface RouteSetting {
  readonly queue?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly priority?: number;
}
/** Answers for the task names it knows: a queue's name, or a route. */
export type RouteFunction = (taskName: string) => string | RouteSetting | undefined;
/** Task name, or pattern with `*` and `?`, → queue name or route. An exact name counts first, then the first pattern that matches. */
export type RouteTable = Readonly<Record<string, string | RouteSetting>>;
/** Answers for the task names it knows. */
export type RouteFinder = (taskName: string) => RouteSetting | undefined;

export const routes: Kind<
  RouteTable | RouteFunction | readonly (RouteTable | RouteFunction)[],
  readonly RouteFinder[]
> = kind(
  "an object of task name (or pattern) → queue name or {queue, exchange, routingKey, priority}, a function, or a list of these",
  (value) => {
    const list: unknown[] = Array.isArray(value) ? value : [value];
    const finders = list.map(routeFinder);
    return finders.every((each) => each !== undefined) ? Object.freeze(finders) : undefined;
  },
  jsonText,
);

function routeFinder(value: unknown): RouteFinder | undefined {
  if (isRecord(value)) return tableFinder(value);
  if (!isRouteFunction(value)) return undefined;
  return (taskName) => {
    const found = value(taskName);
    return typeof found === "string" ? { queue: found } : (found ?? undefined);
  };
}
function isRouteFunction(value: unknown): value is RouteFunction {
  return typeof value === "function";
}

/** Exact names before patterns, as Celery's `MapRoute`; undefined when the table is none. */
function tableFinder(table: Readonly<Record<string, unknown>>): RouteFinder | undefined {
  const exact = new Map<string, RouteSetting>();
  const patterns: { readonly pattern: string; readonly route: RouteSetting }[] = [];
  for (const [name, target] of Object.entries(table)) {
    const route = isName(target) ? { queue: target } : isRoute(target) ? Object.freeze({ ...target }) : undefined;
    if (!route) return undefined;
    if (/[*?]/.test(name)) patterns.push({ pattern: name, route });
    else exact.set(name, route);
  }
  return (taskName) => exact.get(taskName) ?? patterns.find(({ pattern }) => matchesWildcard(pattern, taskName))?.route;
}

function isRoute(value: unknown): value is RouteSetting {
  if (!isRecord(value)) return false;
  return Object.entries(value).every(
    ([name, each]) =>
      each === undefined ||
      (name === "priority"
        ? typeof each === "number" && Number.isInteger(each) && each >= 0 && each <= 9
        : ["queue", "exchange", "routingKey"].includes(name) && isName(each)),
  );
}
