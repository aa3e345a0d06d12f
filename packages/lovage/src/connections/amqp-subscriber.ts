import type { AmqpConnection } from "./amqp.js";
import { AmqpChannel } from "./amqp-channel.js";
import type { ClientChannel, ClientMessage } from "./amqp-client.js";

export interface AmqpSubscriberOptions {
  /** In logs. */
  readonly name: string;
  /** Declares and binds what is consumed, and returns the queue's name. Runs anew whenever that may be gone. */
  prepare(channel: ClientChannel): Promise<string>;
  /** Each message, once: it is not acknowledged. What it throws is logged. */
  onMessage(message: ClientMessage): void;
}

/**
 * Hears a queue of its own without acknowledging, on a channel of its own: mailboxes, events, results. The queue and the consumer
 * are made anew after a lost connection and after somebody deleted the queue; what was sent meanwhile is not heard.
 */
export class AmqpSubscriber {
  readonly #connection: AmqpConnection;
  readonly #options: AmqpSubscriberOptions;
  readonly #channel: AmqpChannel;
  #tag: string | undefined;
  #cancelled = false;

  constructor(connection: AmqpConnection, options: AmqpSubscriberOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#channel = new AmqpChannel(connection, {
      name: options.name,
      setUp: (channel) => this.#consume(channel),
    });
  }

  /** Resolves once messages that are sent from now on will arrive; rejects when that is refused, or not so within `seconds`. */
  async start(seconds: number): Promise<void> {
    await this.#channel.open(seconds);
  }

  /** The queue is gone with it when it deletes itself. Idempotent. */
  async cancel(): Promise<void> {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const channel = this.#channel.current;
    // Before the channel: the end of a consumer is answered when its queue has been deleted, if it deletes itself.
    if (channel && this.#tag !== undefined) await channel.cancel(this.#tag).catch(() => undefined);
    await this.#channel.close();
  }

  async #consume(channel: ClientChannel): Promise<void> {
    const { prepare, name } = this.#options;
    const queue = await prepare(channel);
    const { consumerTag } = await channel.consume(queue, (message) => this.#receive(message, channel), { noAck: true });
    this.#tag = consumerTag;
    this.#connection.logger.debug("listening on RabbitMQ", { name, queue });
  }

  #receive(message: ClientMessage | null, channel: ClientChannel): void {
    if (this.#cancelled) return;
    if (message === null) {
      // The queue was deleted, or its node went down: amqplib says no more than this.
      this.#connection.logger.warn("RabbitMQ ended a subscription: making it anew", { name: this.#options.name });
      this.#consume(channel).catch(() => channel.close().catch(() => undefined));
      return;
    }
    try {
      this.#options.onMessage(message);
    } catch (error) {
      // Here amqplib would close the channel for it.
      this.#connection.logger.error("a listener threw", { name: this.#options.name, error: String(error) });
    }
  }
}
