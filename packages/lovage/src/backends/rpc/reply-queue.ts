import type { AmqpConnection } from "../../connections/amqp.js";
import type { ClientChannel, ClientMessage } from "../../connections/amqp-client.js";
import type { AmqpPublisher } from "../../connections/amqp-publisher.js";
import { AmqpSubscriber } from "../../connections/amqp-subscriber.js";
import { BackendConnectionError } from "../../errors.js";
import { withDeadline } from "../../util/deadline.js";
import { type Deferred, deferred } from "../../util/deferred.js";
import { newId } from "../../util/ids.js";

/** The `type` of a message that this process sends to itself to learn what arrived before it. */
const MARKER = "lovage.catch-up";

export interface ReplyQueueOptions {
  /** Milliseconds that the queue outlives its last consumer. */
  readonly expiresMs: number;
  /** Seconds within which RabbitMQ does what it is asked or is taken to be away. */
  readonly timeout: number;
  /** `text` is undefined for a message that is no JSON. */
  onResult(taskId: string, text: string | undefined): void;
}

/**
 * The queue to which workers send the results of this process' tasks, named in each task's `reply_to`.
 *
 * Unlike Celery's it does not delete itself with its consumer but some minutes later: results that come while a connection is opened
 * again wait for it. Nobody else declares it, so the two need not agree. It does not survive the broker.
 */
export class ReplyQueue {
  readonly name = newId();
  readonly #options: ReplyQueueOptions;
  readonly #publisher: AmqpPublisher;
  readonly #subscriber: AmqpSubscriber;
  readonly #markers = new Map<string, Deferred<void>>();
  #channel: ClientChannel | undefined;
  #opening: Promise<void> | undefined;

  constructor(connection: AmqpConnection, publisher: AmqpPublisher, options: ReplyQueueOptions) {
    this.#options = options;
    this.#publisher = publisher;
    this.#subscriber = new AmqpSubscriber(connection, {
      name: "results",
      prepare: (channel) => this.#declare(channel),
      onMessage: (message) => this.#receive(message),
    });
  }

  get isOpen(): boolean {
    return this.#opening !== undefined;
  }

  /** Resolves once results that are sent from now on will arrive. Idempotent. */
  open(): Promise<void> {
    this.#opening ??= this.#subscriber.start(this.#options.timeout);
    return this.#opening;
  }

  /** Resolves when everything has arrived that the broker had before this call: a queue keeps the order. */
  async catchUp(): Promise<void> {
    const { timeout } = this.#options;
    const id = newId();
    const arrived = deferred();
    this.#markers.set(id, arrived);
    try {
      await this.#publisher.publish({
        exchange: "",
        routingKey: this.name,
        body: Buffer.alloc(0),
        options: { type: MARKER, correlationId: id, deliveryMode: 1 },
        mandatory: false,
      });
      await withDeadline(
        arrived.promise,
        timeout,
        () => new BackendConnectionError(`RabbitMQ did not hand over this process' results within ${timeout} s`),
      );
    } finally {
      this.#markers.delete(id);
    }
  }

  /** Removes the queue. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    await this.#opening?.catch(() => undefined);
    const gone = new Error("closed");
    // A broker that does not answer must not hold anybody up: the queue goes by itself, later.
    await withDeadline(Promise.resolve(this.#channel?.deleteQueue(this.name)), 2, () => gone).catch(() => undefined);
    await this.#subscriber.cancel();
  }

  async #declare(channel: ClientChannel): Promise<string> {
    const { expiresMs } = this.#options;
    await channel.assertQueue(this.name, { durable: false, arguments: { "x-expires": expiresMs } });
    this.#channel = channel;
    return this.name;
  }

  #receive({ content, properties }: ClientMessage): void {
    const { correlationId, contentType, type } = properties;
    if (typeof correlationId !== "string") return;
    if (type === MARKER) {
      this.#markers.get(correlationId)?.resolve();
      return;
    }
    // Never decoded: what is no JSON might be Python's pickle.
    this.#options.onResult(correlationId, contentType === "application/json" ? content.toString() : undefined);
  }
}
