import type { HeardEvent } from "../parts.js";

/** What happened to a queue's messages, as events told. */
export interface Traffic {
  /** Sent, by senders that say so: not all do. */
  readonly sent: number;
  /** Taken by workers. */
  readonly received: number;
  /** Done with: succeeded, failed, retried, revoked or rejected for good. */
  readonly done: number;
  /** Taken by workers again, after another had them. */
  readonly redelivered: number;
}
export const NO_TRAFFIC: Traffic = Object.freeze({ sent: 0, received: 0, done: 0, redelivered: 0 });

/** Milliseconds of a bucket, and how long one is kept. */
const BUCKET_MS = 5000;
const KEPT_MS = 70_000;
/** Names that events may bring up: who publishes events could invent any number. */
const MAX_QUEUES = 2000;
const MAX_NAME = 255;

interface Counted {
  total: Traffic;
  readonly buckets: Map<number, Traffic>;
}

/**
 * Counts what events tell of queues, in buckets of five seconds for a little over a minute, and in all since the start.
 * Celery's `task-received` names no queue: then it is the queue of the task's record, or the only one its worker consumes.
 * What cannot be told is counted by worker, so that nobody takes the rest for the whole.
 */
export class QueueTraffic {
  readonly #queues = new Map<string, Counted>();
  /** Worker → bucket of its last event that named no queue. */
  readonly #untold = new Map<string, number>();

  /** @param consumed the queues that a worker consumes, by its name */
  note(event: HeardEvent, nowMs: number, consumed: (worker: string) => readonly string[]): void {
    const change = changeOf(event);
    if (!change) return;
    const queue = queueOf(event, consumed);
    const bucket = Math.floor(nowMs / BUCKET_MS);
    if (queue === undefined) {
      if (this.#untold.size < MAX_QUEUES || this.#untold.has(event.hostname)) this.#untold.set(event.hostname, bucket);
      return;
    }
    const counted = this.#counted(queue);
    if (!counted) return;
    counted.total = plus(counted.total, change);
    counted.buckets.set(bucket, plus(counted.buckets.get(bucket) ?? NO_TRAFFIC, change));
  }

  /** In the last `seconds`, a minute at most. */
  within(queue: string, nowMs: number, seconds: number): Traffic {
    const first = Math.floor((nowMs - seconds * 1000) / BUCKET_MS);
    let sum = NO_TRAFFIC;
    for (const [bucket, traffic] of this.#queues.get(queue)?.buckets ?? [])
      if (bucket > first) sum = plus(sum, traffic);
    return sum;
  }

  /** Since the start. */
  total(queue: string): Traffic {
    return this.#queues.get(queue)?.total ?? NO_TRAFFIC;
  }

  /** Whether a worker's events of the last minute left open which queue they were about. */
  leavesOpen(worker: string): boolean {
    return this.#untold.has(worker);
  }

  /** Queues that were seen. */
  get queues(): readonly string[] {
    return [...this.#queues.keys()];
  }

  /** Forgets a queue that is not there. */
  forget(queue: string): void {
    this.#queues.delete(queue);
  }

  /** Drops what is older than is asked for. */
  prune(nowMs: number): void {
    const first = Math.floor((nowMs - KEPT_MS) / BUCKET_MS);
    for (const { buckets } of this.#queues.values())
      for (const bucket of buckets.keys()) if (bucket < first) buckets.delete(bucket);
    for (const [worker, bucket] of this.#untold) if (bucket < first) this.#untold.delete(worker);
  }

  #counted(queue: string): Counted | undefined {
    const known = this.#queues.get(queue);
    if (known) return known;
    if (queue === "" || queue.length > MAX_NAME || this.#queues.size >= MAX_QUEUES) return undefined;
    const made: Counted = { total: NO_TRAFFIC, buckets: new Map() };
    this.#queues.set(queue, made);
    return made;
  }
}

function plus(a: Traffic, b: Traffic): Traffic {
  return {
    sent: a.sent + b.sent,
    received: a.received + b.received,
    done: a.done + b.done,
    redelivered: a.redelivered + b.redelivered,
  };
}

function changeOf({ type, fields }: HeardEvent): Traffic | undefined {
  switch (type) {
    case "task-sent":
      return { ...NO_TRAFFIC, sent: 1 };
    case "task-received":
      return { ...NO_TRAFFIC, received: 1, redelivered: deliveriesOf(fields) > 1 ? 1 : 0 };
    case "task-succeeded":
    case "task-failed":
    case "task-retried":
    case "task-revoked":
      return { ...NO_TRAFFIC, done: 1 };
    case "task-rejected":
      return fields.requeue === true ? undefined : { ...NO_TRAFFIC, done: 1 };
    default:
      return undefined;
  }
}

function deliveriesOf(fields: Readonly<Record<string, unknown>>): number {
  const deliveries = memberOf(fields.lovage, "deliveries");
  return typeof deliveries === "number" ? deliveries : 1;
}

function queueOf(event: HeardEvent, consumed: (worker: string) => readonly string[]): string | undefined {
  const { fields, after, before, type, hostname } = event;
  const told = memberOf(fields.lovage, "queue") ?? fields.queue;
  if (typeof told === "string" && told !== "") return told;
  const known = after?.queue ?? before?.queue;
  if (known) return known;
  // A sender consumes nothing.
  const [only, ...others] = type === "task-sent" ? [] : consumed(hostname);
  return others.length === 0 ? only : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
