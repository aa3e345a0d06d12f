import type { AmqpConnection } from "../../connections/amqp.js";
import { AmqpChannel } from "../../connections/amqp-channel.js";
import { type ClientChannel, type ClientMessage, REPLY_CODES, replyText } from "../../connections/amqp-client.js";
import type { AmqpRequests } from "../../connections/amqp-requests.js";
import { type BackoffPolicy, backoffDelay } from "../../util/backoff.js";
import { newId } from "../../util/ids.js";
import type { Consumer, Delivery } from "../broker.js";
import type { BegunCounts } from "./begun.js";
import { AmqpDelivery } from "./delivery.js";
import { Holds } from "./holds.js";
import type { AmqpTopology } from "./topology.js";

/** AMQP's largest prefetch; beyond it there is no limit, as in Celery. */
const LARGEST_PREFETCH = 65_535;
/** Seconds between looks at a consumer that gets nothing. */
const LOOK_INTERVAL = 5;
const RECONSUME: BackoffPolicy = { initial: 0.2, max: 5 };

export interface AmqpConsumerOptions {
  readonly queues: readonly string[];
  readonly prefetch: number;
  /** Part of the consumer tags. */
  readonly name: string | undefined;
  readonly connection: AmqpConnection;
  readonly requests: AmqpRequests;
  readonly topology: AmqpTopology;
  readonly begun: BegunCounts;
  readonly onDelivery: (delivery: Delivery) => void;
  /** It has been cancelled and holds nothing any more. */
  readonly onDone: (consumer: AmqpConsumer) => void;
}

/**
 * Takes messages of some queues, on a channel of its own.
 *
 * One limit covers all queues. Several classic ones share RabbitMQ's limit per channel, as in Celery. Otherwise the limit is per
 * consumer: quorum queues know no other, and for a single queue it is the one with which a message that is given back is surely
 * handed out before those behind it (the other's counter and the queue are different processes). Such a limit holds from a
 * consumer's beginning, so that a new one means new consumers; what comes above the common limit is kept back here.
 *
 * The consumers are made anew, with their queues, when the connection or the channel was lost, when a queue was deleted, and when
 * the broker says that messages wait and nobody consumes them.
 */
export class AmqpConsumer implements Consumer {
  readonly #options: AmqpConsumerOptions;
  readonly #channel: AmqpChannel;
  #prefetch: number;
  /** The limit with which the present channel was set up. */
  #limited = 0;
  #limitsChannel = true;
  #holds: Holds | undefined;
  readonly #handed = new Set<AmqpDelivery>();
  #keptBack: { readonly message: ClientMessage; readonly queue: string }[] = [];
  /** Queue → consumer tag. */
  readonly #tags = new Map<string, string>();
  readonly #remaking = new Map<string, NodeJS.Timeout>();
  #watch: NodeJS.Timeout | undefined;
  #received = 0;
  #stuck = 0;
  #changes: Promise<void> = Promise.resolve();
  #cancelled = false;
  #closed = false;

  constructor(options: AmqpConsumerOptions) {
    this.#options = options;
    this.#prefetch = options.prefetch;
    const { connection, queues } = options;
    this.#channel = new AmqpChannel(connection, {
      name: `consumer of ${queues.join(", ")}`,
      setUp: (channel) => this.#setUp(channel),
      opened: () => this.#opened(),
      lost: (error, code) => this.#lost(error, code),
    });
  }

  /** Resolves when it consumes. Rejects when a queue is not there, or the broker did not answer within `seconds`. */
  async start(seconds: number): Promise<void> {
    await this.#channel.open(seconds);
    this.#scheduleLook();
  }

  get trouble(): string | undefined {
    if (this.#cancelled) return "its consumer was cancelled";
    if (!this.#channel.current) return this.#options.connection.condition;
    const missing = this.#options.queues.filter((queue) => !this.#tags.has(queue));
    if (missing.length > 0) return `RabbitMQ has ended the consumption of ${missing.join(", ")}: beginning again`;
    return this.#stuck > 0 ? "messages wait and RabbitMQ delivers none" : undefined;
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count;
    await this.#change(async (channel) => {
      await this.#limit(channel);
      if (!this.#limitsChannel) for (const queue of [...this.#tags.keys()]) await this.#consumeAnew(channel, queue);
    });
    this.#handOverKept();
  }

  async cancel(): Promise<void> {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#stopTimers();
    await this.#change(async (channel) => {
      for (const tag of this.#tags.values()) await channel.cancel(tag);
      this.#tags.clear();
    });
    const kept = this.#keptBack.splice(0);
    await Promise.allSettled(kept.map(({ message }) => this.#holds?.reject(message.fields.deliveryTag, true)));
    await this.#closeWhenDone();
  }

  /** Ends it, and gives back what it holds. */
  async close(): Promise<void> {
    await this.cancel();
    this.#closed = true;
    this.#holds?.giveBack();
    this.#handed.clear();
    await this.#channel.close();
    this.#options.onDone(this);
  }

  /** The queue was deleted here: what is held of it is gone. */
  loseQueue(queue: string): void {
    this.#keptBack = this.#keptBack.filter((each) => each.queue !== queue);
    this.#holds?.loseQueue(queue);
  }

  async #setUp(channel: ClientChannel): Promise<void> {
    const { queues, topology } = this.#options;
    this.#holds = new Holds(channel, (on) => this.#limit(on));
    this.#tags.clear();
    // Not with the broker's word on the first only: consuming what is not there would close the channel.
    for (const queue of queues) await topology.ensure(queue);
    if (this.#cancelled) return;
    this.#limitsChannel = queues.length > 1 && (await this.#areClassic());
    const prefetch = this.#prefetch;
    await this.#limit(channel);
    for (const queue of queues) await this.#consume(channel, queue);
    this.#limited = prefetch;
  }

  #opened(): void {
    // Changed meanwhile, when there was no channel to change it on.
    if (this.#limited !== this.#prefetch) this.setPrefetch(this.#prefetch).catch(() => undefined);
    if (this.#cancelled) void this.#closeWhenDone();
  }

  async #areClassic(): Promise<boolean> {
    const { queues, topology } = this.#options;
    const types = await Promise.all(queues.map((queue) => topology.typeOf(queue)));
    return types.every((type) => type === "classic");
  }

  async #limit(channel: ClientChannel): Promise<void> {
    const count = this.#prefetch > LARGEST_PREFETCH ? 0 : this.#prefetch;
    await channel.prefetch(count, this.#limitsChannel);
  }

  async #consume(channel: ClientChannel, queue: string): Promise<void> {
    const holds = this.#holds;
    const { name } = this.#options;
    const consumerTag = `${(name ?? "lovage").slice(0, 60)}.${newId()}`;
    this.#tags.set(queue, consumerTag);
    const receive = (message: ClientMessage | null): void => {
      if (holds !== this.#holds || !holds) return;
      if (message) this.#receive(message, queue, holds);
      else if (this.#tags.get(queue) === consumerTag) this.#ended(queue);
    };
    await channel.consume(queue, receive, { consumerTag });
  }

  async #consumeAnew(channel: ClientChannel, queue: string): Promise<void> {
    const tag = this.#tags.get(queue);
    this.#tags.delete(queue);
    if (tag !== undefined) await channel.cancel(tag);
    await this.#consume(channel, queue);
  }

  #receive(message: ClientMessage, queue: string, holds: Holds): void {
    this.#received++;
    holds.add(message.fields.deliveryTag, queue);
    if (this.#cancelled) {
      // It crossed the cancellation on the way. A turn later it would be too late.
      holds.reject(message.fields.deliveryTag, true).catch(() => undefined);
    } else if (this.#isFull() || this.#keptBack.length > 0) {
      this.#keptBack.push({ message, queue });
    } else {
      this.#handOver(message, queue, holds);
    }
  }

  #isFull(): boolean {
    return this.#prefetch > 0 && this.#handed.size >= this.#prefetch;
  }

  #handOver(message: ClientMessage, queue: string, holds: Holds): void {
    const { begun, topology, onDelivery, connection } = this.#options;
    try {
      const delivery = new AmqpDelivery(message, queue, {
        holds,
        begun,
        boundTo: (name) => topology.boundTo(name),
        onEnd: (ended) => this.#handedBack(ended),
      });
      this.#handed.add(delivery);
      onDelivery(delivery);
    } catch (error) {
      connection.logger.error("a delivery's receiver threw", { queue, error: String(error) });
    }
  }

  #handedBack(delivery: AmqpDelivery): void {
    this.#handed.delete(delivery);
    if (this.#keptBack.length > 0) this.#handOverKept();
    if (this.#cancelled) void this.#closeWhenDone();
  }

  #handOverKept(): void {
    while (this.#keptBack.length > 0 && !this.#isFull() && !this.#cancelled) {
      const next = this.#keptBack.shift();
      if (next && this.#holds) this.#handOver(next.message, next.queue, this.#holds);
    }
  }

  async #closeWhenDone(): Promise<void> {
    if (this.#handed.size > 0 || this.#closed) return;
    await this.#holds?.told();
    if (this.#closed) return;
    this.#closed = true;
    await this.#channel.close();
    this.#options.onDone(this);
  }

  #lost(error: Error, code: number | undefined): void {
    const { logger } = this.#options.connection;
    const held = this.#holds?.size ?? 0;
    const text = replyText(error);
    if (code === REPLY_CODES.PRECONDITION_FAILED && text.includes("timed out")) {
      logger.warn(
        "RabbitMQ took back messages that were held for longer than its consumer_timeout: they will run again; raise that setting of RabbitMQ above the longest task",
        { held, queues: this.#options.queues },
      );
    } else if (held > 0) {
      logger.warn("lost the messages held: RabbitMQ gives them to others", { held, error: text });
    }
    this.#holds?.lose(text);
    this.#holds = undefined;
    this.#handed.clear();
    this.#keptBack = [];
    this.#tags.clear();
    for (const timer of this.#remaking.values()) clearTimeout(timer);
    this.#remaking.clear();
    if (this.#cancelled) void this.#closeWhenDone();
  }

  /** RabbitMQ ended the consumer: its queue was deleted, or failed over. */
  #ended(queue: string): void {
    const { logger } = this.#options.connection;
    this.#tags.delete(queue);
    this.#holds?.loseQueue(queue);
    if (this.#cancelled) return;
    logger.warn("RabbitMQ ended the consumption of a queue: declaring and consuming it again", { queue });
    this.#remake(queue, 0);
  }

  #remake(queue: string, attempt: number): void {
    const again = (): void => {
      this.#remaking.delete(queue);
      this.#change(async (channel) => {
        // On another channel: what is refused there does not cost what is held here.
        await this.#options.topology.ensure(queue);
        if (!this.#tags.has(queue)) await this.#consume(channel, queue);
      }).catch((error: unknown) => {
        this.#options.connection.logger.warn("could not consume a queue again", { queue, error: String(error) });
        this.#remake(queue, attempt + 1);
      });
    };
    clearTimeout(this.#remaking.get(queue));
    if (this.#cancelled) return;
    this.#remaking.set(queue, setTimeout(again, attempt === 0 ? 0 : backoffDelay(RECONSUME, attempt - 1) * 1000));
  }

  /** Changes of the consumers happen one after the other, on the channel that there is then, if any. */
  #change(change: (channel: ClientChannel) => Promise<void>): Promise<void> {
    const done = this.#changes.then(async () => {
      const channel = this.#channel.current;
      if (!channel) return;
      try {
        await change(channel);
      } catch (error) {
        // With the channel went what was to be changed: the next one is set up as it should be.
        if (this.#channel.current === channel) throw error;
      }
    });
    this.#changes = done.catch(() => undefined);
    return done;
  }

  #scheduleLook(): void {
    if (this.#cancelled) return;
    this.#watch = setTimeout(() => {
      this.#look().then(
        () => this.#scheduleLook(),
        () => this.#scheduleLook(),
      );
    }, LOOK_INTERVAL * 1000).unref();
  }

  /** The progress watchdog: messages that wait, room for them, and nothing comes. Consuming anew costs nothing that is held. */
  async #look(): Promise<void> {
    const { queues, requests, connection } = this.#options;
    const before = this.#received;
    if (this.#isFull() || !this.#channel.current || this.#remaking.size > 0) return;
    for (const queue of queues) {
      const found = await requests.find((channel) => channel.checkQueue(queue));
      const idle = found && found.messageCount > 0 && this.#received === before && !this.#isFull();
      if (!idle) continue;
      if (found.consumerCount > 0 && ++this.#stuck < 3) continue;
      this.#stuck = 0;
      if (this.#cancelled) return;
      connection.logger.warn("messages wait and none is delivered: consuming anew", {
        queue,
        ready: found.messageCount,
      });
      await this.#change((channel) => this.#consumeAnew(channel, queue));
    }
    if (this.#received !== before) this.#stuck = 0;
  }

  #stopTimers(): void {
    clearTimeout(this.#watch);
    for (const timer of this.#remaking.values()) clearTimeout(timer);
    this.#remaking.clear();
  }
}
