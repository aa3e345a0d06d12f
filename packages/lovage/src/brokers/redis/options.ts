import { ConfigurationError } from "../../errors.js";

export const QUEUE_ORDERS = ["round_robin", "priority", "sorted"] as const;
export type QueueOrder = (typeof QUEUE_ORDERS)[number];

/** What changes the layout in Redis, and must be the same for all who share it (celery-protocol 4.1). Names are Celery's. */
export interface RedisTransport {
  /** `global_keyprefix`: before every key and channel. @default "" */
  readonly globalKeyprefix: string;
  /** `sep`: between a queue's name and its priority step, and between the parts of a binding. @default "\x06\x16" */
  readonly sep: string;
  /** `priority_steps`: ascending. @default [0, 3, 6, 9] */
  readonly prioritySteps: readonly number[];
  /** `fanout_prefix`: `/{db}.` when true, nothing when false. @default true */
  readonly fanoutPrefix: boolean | string;
  /** `fanout_patterns`: the routing key is part of the channel. @default true */
  readonly fanoutPatterns: boolean;
  /** `unacked_key`. @default "unacked" */
  readonly unackedKey: string;
  /** `unacked_index_key`. @default "unacked_index" */
  readonly unackedIndexKey: string;
  /** `unacked_mutex_key`. @default "unacked_mutex" */
  readonly unackedMutexKey: string;
  /** `unacked_mutex_expire`: seconds. @default 300 */
  readonly unackedMutexExpire: number;
  /** `visibility_timeout`: seconds after which what a Python worker took and did not acknowledge comes back. @default 3600 */
  readonly visibilityTimeout: number;
  /** `queue_order_strategy`: which queue is served first. @default "round_robin" */
  readonly queueOrderStrategy: QueueOrder;
}

type Options = Readonly<Record<string, unknown>>;

/** The driver's own options; those of the connection are in connections/redis-url.ts. */
export const REDIS_BROKER_OPTIONS = [
  "global_keyprefix",
  "sep",
  "priority_steps",
  "fanout_prefix",
  "fanout_patterns",
  "unacked_key",
  "unacked_index_key",
  "unacked_mutex_key",
  "unacked_mutex_expire",
  "visibility_timeout",
  "queue_order_strategy",
] as const;

/** Reads the options, which are text when they come from a URL. Throws a `ConfigurationError` that names the one that is wrong. */
export function parseRedisTransport(options: Options, leaseSeconds: number): RedisTransport {
  const visibilityTimeout = seconds(options, "visibility_timeout", 3600);
  // Python workers look at when we last renewed a lease, which may be almost a lease ago.
  if (visibilityTimeout <= leaseSeconds)
    throw bad(
      "visibility_timeout",
      `must be longer than brokerLeaseSeconds (${leaseSeconds}): Python workers would take back what ours run`,
      visibilityTimeout,
    );
  const order = text(options, "queue_order_strategy", "round_robin");
  const queueOrderStrategy = QUEUE_ORDERS.find((each) => each === order);
  if (!queueOrderStrategy) throw bad("queue_order_strategy", `must be one of ${QUEUE_ORDERS.join(", ")}`, order);
  return {
    globalKeyprefix: text(options, "global_keyprefix", "", true),
    sep: text(options, "sep", "\u0006\u0016"),
    prioritySteps: steps(options.priority_steps),
    fanoutPrefix: fanoutPrefix(options.fanout_prefix),
    fanoutPatterns: flag(options, "fanout_patterns", true),
    unackedKey: text(options, "unacked_key", "unacked"),
    unackedIndexKey: text(options, "unacked_index_key", "unacked_index"),
    unackedMutexKey: text(options, "unacked_mutex_key", "unacked_mutex"),
    unackedMutexExpire: seconds(options, "unacked_mutex_expire", 300),
    visibilityTimeout,
    queueOrderStrategy,
  };
}

function text(options: Options, name: string, absent: string, mayBeEmpty = false): string {
  const { [name]: value = absent } = options;
  if (typeof value !== "string" || (value === "" && !mayBeEmpty)) throw bad(name, "must be text", value);
  return value;
}

function flag(options: Options, name: string, absent: boolean): boolean {
  const { [name]: value = absent } = options;
  const read = asFlag(value);
  if (read === undefined) throw bad(name, "must be true or false", value);
  return read;
}
function asFlag(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "True" || value === "1") return true;
  if (value === "false" || value === "False" || value === "0") return false;
  return undefined;
}
function fanoutPrefix(value: unknown = true): boolean | string {
  const read = asFlag(value) ?? value;
  if (typeof read === "boolean" || (typeof read === "string" && read !== "")) return read;
  throw bad("fanout_prefix", "must be true, false or a prefix such as /{db}.", value);
}

function seconds(options: Options, name: string, absent: number): number {
  const { [name]: value = absent } = options;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !(number > 0) || !Number.isFinite(number))
    throw bad(name, "must be a number of seconds above 0", value);
  return number;
}

function steps(value: unknown = [0, 3, 6, 9]): readonly number[] {
  const list: unknown = typeof value === "string" ? value.split(",").map(Number) : value;
  const numbers = Array.isArray(list) ? list.filter(isStep).sort((a, b) => a - b) : [];
  const valid = Array.isArray(list) && numbers.length === list.length && new Set(numbers).size === numbers.length;
  if (!valid || numbers[0] !== 0) throw bad("priority_steps", "must be numbers from 0 to 9, 0 among them", value);
  return numbers;
}
function isStep(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 9;
}

function bad(name: string, problem: string, value: unknown): ConfigurationError {
  return new ConfigurationError(`transport option ${name} ${problem}, not ${JSON.stringify(value)}`, {
    code: "bad_url",
  });
}
