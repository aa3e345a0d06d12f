import { createHash } from "node:crypto";
import {
  type ClientChannel,
  type ClientMessage,
  REPLY_CODES,
  replyCode,
  replyText,
} from "../../connections/amqp-client.js";
import type { AmqpRequests } from "../../connections/amqp-requests.js";
import { BrokerError } from "../../errors.js";

/**
 * Messages that wait for their ETA inside RabbitMQ, in Celery 5.5's topology (celery-protocol 3.7): 28 queues whose messages live
 * for 2^27 … 1 seconds. The routing key begins with the delay in binary, a digit per level: at each, a 1 leads through the queue
 * and a 0 past it. What comes out of the last goes to `celery_delayed_delivery`, and from there
 *
 * - to the queue itself, bound with 28 wildcards and its name, when it was published to the anonymous exchange;
 * - for a named exchange, to a queue `lovage.due.…` that passes everything on to that exchange at once, with the key it was
 *   published with: so that its bindings count, of whatever type it is.
 */
const LEVELS = 28;
export const DELIVERY_EXCHANGE = "celery_delayed_delivery";
/** Seconds: what 28 binary digits can say. */
const LONGEST_DELAY = 2 ** LEVELS - 1;
const ANY_DELAY = "*.".repeat(LEVELS);
const DIGITS = /^(?:[01]\.){28}/;
/** Bytes that a routing key can have, less the digits and their dots. */
const LONGEST_KEY = 255 - 2 * LEVELS;
/** Seconds for which a queue's binding is taken for granted: somebody may delete the queue, and declare it again without. */
const BOUND_FOR = 30;
/** Stands for what cannot be a topic exchange's key. */
const HASHED = "lovage-due-";

export interface DelayedRoute {
  readonly exchange: string;
  readonly routingKey: string;
}

/** Where a message is published to so that it arrives at `target` after `seconds`, a whole number of at least 1. */
export function delayedRoute(seconds: number, target: DelayedRoute): DelayedRoute {
  const digits = seconds.toString(2).padStart(LEVELS, "0").split("").join(".");
  return { exchange: levelName(LEVELS - 1), routingKey: `${digits}.${dueKey(target)}` };
}

/**
 * Seconds to wait until `eta`, rounded up: never early. Undefined when it is now or was before.
 * Throws a `BrokerError` for what is further away than the topology can tell (8.5 years).
 */
export function delaySeconds(eta: Date, nowMs: number): number | undefined {
  const seconds = Math.ceil((eta.getTime() - nowMs) / 1000);
  if (!(seconds > 0)) return undefined;
  if (seconds <= LONGEST_DELAY) return seconds;
  throw new BrokerError(
    `RabbitMQ cannot keep a message until ${eta.toISOString()}: 8.5 years (${LONGEST_DELAY} s) at most`,
    {
      code: "eta_too_far",
    },
  );
}

/** Whether a delivery comes from an ETA's queues. */
export function wasDelayed({ fields, properties }: ClientMessage): boolean {
  if (fields.exchange === DELIVERY_EXCHANGE) return true;
  const { headers } = properties;
  if (typeof headers !== "object" || headers === null) return false;
  const first: unknown = Reflect.get(headers, "x-first-death-exchange");
  return typeof first === "string" && first.startsWith("celery_delayed_");
}

/** Where a delayed message was published to, as far as can be told from where it arrived. */
export function originalRoute(
  { exchange, routingKey }: DelayedRoute,
  queue: string,
  bound: DelayedRoute | undefined,
): DelayedRoute {
  if (exchange !== DELIVERY_EXCHANGE) return { exchange, routingKey };
  const key = routingKey.replace(DIGITS, "");
  if (key === queue || key.startsWith(HASHED)) return { exchange: "", routingKey: queue };
  // Sent by Celery through the queue's own exchange.
  return { exchange: bound?.routingKey === key ? bound.exchange : "", routingKey: key };
}

export class DelayedDelivery {
  readonly #requests: AmqpRequests;
  readonly #queueType: "quorum" | "classic";
  #topology: Promise<void> | undefined;
  readonly #due = new Map<string, { readonly madeMs: number; readonly done: Promise<void> }>();

  constructor(requests: AmqpRequests, queueType: "quorum" | "classic") {
    this.#requests = requests;
    this.#queueType = queueType;
  }

  /** Makes everything that a delayed message for `target` needs. Rejects as the server does when its queue or exchange is not there. */
  async prepare(target: DelayedRoute): Promise<void> {
    this.#topology ??= this.#declareLevels().catch((error: unknown) => {
      this.#topology = undefined;
      throw error;
    });
    await this.#topology;
    const key = `${target.exchange}\0${target.routingKey}`;
    const known = this.#due.get(key);
    if (known && performance.now() - known.madeMs < BOUND_FOR * 1000) return await known.done;
    const done = this.#requests.perform((channel) =>
      target.exchange === "" ? bindDue(channel, target.routingKey) : this.#declareDue(channel, target),
    );
    this.#due.set(key, { madeMs: performance.now(), done });
    done.catch(() => this.#due.delete(key));
    await done;
  }

  /** The queue is gone, with its binding. */
  forget(queue: string): void {
    this.#due.delete(`\0${queue}`);
  }

  /** The broker may have lost everything: it is made again when it is needed, and what is in use at once. */
  async restore(): Promise<void> {
    const inUse = this.#topology !== undefined;
    this.#topology = undefined;
    this.#due.clear();
    if (!inUse) return;
    this.#topology = this.#declareLevels();
    this.#topology.catch(() => {
      this.#topology = undefined;
    });
    await this.#topology;
  }

  async #declareLevels(): Promise<void> {
    try {
      await this.#requests.perform((channel) => this.#declareLevelsOn(channel));
    } catch (cause) {
      if (replyCode(cause) !== REPLY_CODES.PRECONDITION_FAILED) throw cause;
      throw new BrokerError(
        `the queues for messages with an ETA exist with other properties: ${replyText(cause)}. Set native_delayed_delivery_queue_type as the others do`,
        { code: "queue_mismatch", cause },
      );
    }
  }

  /** In Celery's order: from the longest down. */
  async #declareLevelsOn(channel: ClientChannel): Promise<void> {
    await declareDeliveryExchange(channel);
    const top = LEVELS - 1;
    for (let level = top; level >= 0; level--)
      await channel.assertExchange(levelName(level), "topic", { durable: true });
    for (let level = top; level >= 0; level--) {
      const name = levelName(level);
      const next = level === 0 ? DELIVERY_EXCHANGE : levelName(level - 1);
      const before = "*.".repeat(top - level);
      await channel.assertQueue(name, { durable: true, arguments: this.#arguments(2 ** level * 1000, next) });
      await channel.bindQueue(name, name, `${before}1.#`);
      await channel.bindExchange(next, name, `${before}0.#`);
    }
  }

  async #declareDue(channel: ClientChannel, target: DelayedRoute): Promise<void> {
    // Otherwise nobody would hear of an exchange that is not there.
    await channel.checkExchange(target.exchange);
    const queue = dueQueue(target);
    const args = { ...this.#arguments(0, target.exchange), "x-dead-letter-routing-key": target.routingKey };
    await channel.assertQueue(queue, { durable: true, arguments: args });
    await channel.bindQueue(queue, DELIVERY_EXCHANGE, `${ANY_DELAY}${dueKey(target)}`);
  }

  #arguments(ttlMs: number, next: string): Record<string, string | number> {
    return {
      "x-queue-type": this.#queueType,
      "x-overflow": "reject-publish",
      "x-message-ttl": ttlMs,
      "x-dead-letter-exchange": next,
      ...(this.#queueType === "quorum" && { "x-dead-letter-strategy": "at-least-once" }),
    };
  }
}

/** Leads what is due for a queue to it. The exchange must be there. */
export async function bindDue(channel: ClientChannel, queue: string): Promise<void> {
  await channel.bindQueue(queue, DELIVERY_EXCHANGE, `${ANY_DELAY}${dueKey({ exchange: "", routingKey: queue })}`);
}

/**
 * What Celery's clients rely on for a queue behind a topic or fanout exchange: they publish with the digits before the queue's
 * routing key, and no wildcards of ours. Source: celery-protocol 3.7, "per application queue".
 */
export async function bindDueAsCelery(channel: ClientChannel, queue: string, via: DelayedRoute): Promise<void> {
  const pattern = via.routingKey.startsWith("#") ? via.routingKey : `#.${via.routingKey}`;
  await channel.bindExchange(via.exchange, DELIVERY_EXCHANGE, pattern);
  await channel.bindQueue(queue, via.exchange, pattern);
}

export async function declareDeliveryExchange(channel: ClientChannel): Promise<void> {
  await channel.assertExchange(DELIVERY_EXCHANGE, "topic", { durable: true });
}

function levelName(level: number): string {
  return `celery_delayed_${level}`;
}

/** What follows the digits: the queue's name if it can be a topic key. One for an exchange must match no other's `#.key`. */
function dueKey(target: DelayedRoute): string {
  const { exchange, routingKey } = target;
  const fits = Buffer.byteLength(routingKey) <= LONGEST_KEY && !/(^|\.)[*#](\.|$)/.test(routingKey);
  return exchange === "" && fits ? routingKey : `${HASHED}${hash(target)}`;
}

function dueQueue(target: DelayedRoute): string {
  const name = `lovage.due.${target.exchange}.${target.routingKey}`;
  // Dots may be on either side: the hash tells apart what would read the same.
  return `${Buffer.byteLength(name) <= 200 ? name : "lovage.due"}.${hash(target)}`;
}

function hash({ exchange, routingKey }: DelayedRoute): string {
  return createHash("sha256").update(`${exchange}\0${routingKey}`).digest("hex").slice(0, 16);
}
