import type { AmqpConnection } from "../../connections/amqp.js";
import { AmqpChannel } from "../../connections/amqp-channel.js";
import { type ClientMessage, REPLY_CODES, replyCode } from "../../connections/amqp-client.js";
import { decodeEnvelope } from "../../connections/amqp-envelope.js";
import type { AmqpRequests } from "../../connections/amqp-requests.js";
import type { ManagedQueue, RabbitManagement } from "../../connections/rabbit-management.js";
import type { Delivery, PeekedMessage, QueueCounts, QueueDefinition, QueueInspector } from "../broker.js";
import { sortedBindings } from "../routing-table.js";
import { type BegunCounts, messageKey } from "./begun.js";
import { wasDelayed } from "./delayed.js";
import { AmqpDelivery } from "./delivery.js";
import { Holds } from "./holds.js";
import { type AmqpTopology, explained } from "./topology.js";

export interface AmqpInspectorOptions {
  readonly connection: AmqpConnection;
  readonly requests: AmqpRequests;
  readonly topology: AmqpTopology;
  readonly begun: BegunCounts;
  /** Tells what AMQP does not, where it may be asked. */
  readonly management: RabbitManagement | undefined;
  /** Seconds for one question. */
  readonly timeout: number;
  /** A queue was deleted here. */
  readonly onDelete: (queue: string) => void;
}

/**
 * What AMQP itself can tell of queues: how many messages are ready, and these by taking them for a moment, after which they count as
 * delivered before. Messages have no ids in AMQP: what names one is a digest of all it consists of.
 */
export class AmqpInspector implements QueueInspector {
  readonly #options: AmqpInspectorOptions;
  readonly #open = new Set<Taking>();

  constructor(options: AmqpInspectorOptions) {
    this.#options = options;
  }

  async list(): Promise<string[]> {
    const { management, topology } = this.#options;
    return management ? [...(await management.queues()).keys()].sort() : topology.queues;
  }

  /** What is ready is of now; what is held, as the management API counts it, of the last five seconds. */
  async counts(queue: string): Promise<QueueCounts | undefined> {
    const managed = (await this.#options.management?.queues())?.get(queue);
    const found = await this.#check(queue, managed);
    return (
      found && {
        ready: found.messageCount,
        unacked: managed?.unacked ?? 0,
        scheduled: 0,
        oldest: undefined,
        consumers: found.consumerCount,
      }
    );
  }

  /** As the management API tells it; without that, as it was declared from here. */
  async definition(queue: string): Promise<QueueDefinition | undefined> {
    const { management, topology } = this.#options;
    const found = management && (await management.definition(queue));
    return found ? { ...found, bindings: sortedBindings(found.bindings) } : topology.definition(queue);
  }

  async #check(
    queue: string,
    managed: ManagedQueue | undefined,
  ): Promise<{ messageCount: number; consumerCount: number } | undefined> {
    try {
      return await this.#options.requests.find((channel) => channel.checkQueue(queue));
    } catch (error) {
      // Somebody's own (exclusive): its figures are told all the same.
      if (managed && replyCode(error) === REPLY_CODES.RESOURCE_LOCKED)
        return { messageCount: managed.ready, consumerCount: managed.consumers };
      throw explained(error);
    }
  }

  async peek(queue: string, { limit, offset = 0 }: { limit: number; offset?: number }): Promise<PeekedMessage[]> {
    const taking = await this.#take(queue, offset + limit);
    if (!taking) return [];
    try {
      return taking.found.slice(offset, offset + limit).map(({ key, message }) => peeked(queue, key, message));
    } finally {
      await taking.giveBack();
    }
  }

  async take(queue: string, keys: readonly string[]): Promise<Delivery[]> {
    if (keys.length === 0) return [];
    const wanted = new Set(keys);
    const taking = await this.#take(queue, Number.POSITIVE_INFINITY);
    if (!taking) return [];
    return await taking.keep((key) => wanted.has(key));
  }

  async purge(queue: string): Promise<number> {
    return (await this.#options.requests.find((channel) => channel.purgeQueue(queue)))?.messageCount ?? 0;
  }

  async delete(queue: string): Promise<void> {
    const { requests, onDelete } = this.#options;
    onDelete(queue);
    await requests.perform((channel) => channel.deleteQueue(queue));
    onDelete(queue);
    this.#options.management?.forget();
  }

  /** Gives back what was taken out of turn. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((taking) => taking.giveBack()));
  }

  /** Up to `limit` messages from the head; undefined when there is no such queue. */
  async #take(queue: string, limit: number): Promise<Taking | undefined> {
    const { requests } = this.#options;
    const counted = await requests.find((channel) => channel.checkQueue(queue));
    if (!counted || counted.messageCount === 0 || limit <= 0) return undefined;
    const taking = new Taking(queue, this.#options, () => this.#open.delete(taking));
    this.#open.add(taking);
    try {
      // No more than there were: others may put back what they looked at.
      await taking.fetch(Math.min(limit, counted.messageCount));
    } catch (error) {
      await taking.giveBack();
      throw error;
    }
    return taking;
  }
}

interface Found {
  readonly key: string;
  readonly message: ClientMessage;
}

/** Messages taken out of turn, on a channel of their own: closing it gives back what is left. */
class Taking {
  readonly found: Found[] = [];
  readonly #queue: string;
  readonly #options: AmqpInspectorOptions;
  readonly #channel: AmqpChannel;
  readonly #onClosed: () => void;
  readonly #kept = new Set<AmqpDelivery>();
  #holds: Holds | undefined;
  #closing: Promise<void> | undefined;

  constructor(queue: string, options: AmqpInspectorOptions, onClosed: () => void) {
    this.#queue = queue;
    this.#options = options;
    this.#onClosed = onClosed;
    this.#channel = new AmqpChannel(options.connection, {
      name: `inspection of ${queue}`,
      setUp: async (channel) => {
        this.#holds = new Holds(channel, (on) => on.prefetch(0));
      },
      lost: (error) => {
        this.#holds?.lose(error.message);
        void this.giveBack();
      },
    });
  }

  async fetch(limit: number): Promise<void> {
    const { timeout } = this.#options;
    const channel = await this.#channel.open(timeout);
    const seen = new Map<string, number>();
    while (this.found.length < limit) {
      const message = await channel.get(this.#queue);
      if (!message) return;
      this.#holds?.add(message.fields.deliveryTag, this.#queue);
      const digest = messageKey(this.#queue, decodeEnvelope(message, wasDelayed(message)));
      // Equal messages are told apart by their order.
      const before = seen.get(digest) ?? 0;
      seen.set(digest, before + 1);
      this.found.push({ key: before === 0 ? digest : `${digest}.${before}`, message });
    }
  }

  /** Those wanted become deliveries; the others go back. */
  async keep(isWanted: (key: string) => boolean): Promise<Delivery[]> {
    const holds = this.#holds;
    if (!holds) return [];
    const { begun, topology } = this.#options;
    const kept: AmqpDelivery[] = [];
    const returned: Promise<void>[] = [];
    for (const { key, message } of this.found) {
      if (!isWanted(key)) {
        returned.push(holds.reject(message.fields.deliveryTag, true));
        continue;
      }
      const delivery = new AmqpDelivery(message, this.#queue, {
        holds,
        begun,
        boundTo: (queue) => topology.boundTo(queue),
        onEnd: (ended) => {
          this.#kept.delete(ended);
          if (this.#kept.size === 0) void holds.told().then(() => this.giveBack());
        },
      });
      kept.push(delivery);
      this.#kept.add(delivery);
    }
    await Promise.allSettled(returned);
    if (kept.length === 0) await this.giveBack();
    return kept;
  }

  /** Idempotent. */
  giveBack(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#holds?.giveBack();
    await this.#channel.close();
    this.#onClosed();
  }
}

function peeked(queue: string, key: string, raw: ClientMessage): PeekedMessage {
  const message = decodeEnvelope(raw, wasDelayed(raw));
  const { timestamp } = message.properties;
  return {
    key,
    message,
    queue,
    state: "ready",
    eta: undefined,
    deliveries: raw.fields.redelivered ? 1 : 0,
    published: typeof timestamp === "number" ? new Date(timestamp * 1000) : undefined,
  };
}
