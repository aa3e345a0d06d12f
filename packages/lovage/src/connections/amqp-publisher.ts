import { BrokerConnectionError, BrokerError, UnroutableError } from "../errors.js";
import type { AmqpConnection } from "./amqp.js";
import { AmqpChannel } from "./amqp-channel.js";
import {
  type ClientChannel,
  type ClientMessage,
  type ClientPublishOptions,
  REPLY_CODES,
  replyText,
} from "./amqp-client.js";

export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Uint8Array;
  readonly options: ClientPublishOptions;
  /** Reject with `UnroutableError` when it routes to no queue. */
  readonly mandatory: boolean;
}

interface Entry extends Publication {
  readonly deadlineMs: number;
  readonly content: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  returned: boolean;
  settled: boolean;
  /** One of those in flight when the server closed the channel: any of them may be why. */
  suspect: boolean;
}

export interface AmqpPublisherOptions {
  readonly name: string;
  /** Seconds within which each publish is confirmed or rejected. */
  readonly timeout: number;
  /** Runs on each fresh channel before anything is published on it: restores what messages are routed by. */
  readonly prepare?: (channel: ClientChannel) => Promise<void>;
}

/**
 * Publishes with confirms, many at a time. While the connection is away messages wait; those that were in flight when it was lost
 * are sent again (and may arrive twice). Each is confirmed or rejected by its deadline, whatever happens.
 */
export class AmqpPublisher {
  readonly #connection: AmqpConnection;
  readonly #options: AmqpPublisherOptions;
  readonly #channel: AmqpChannel;
  /** Not sent yet, or to be sent again; oldest first. */
  #waiting: Entry[] = [];
  #nextWaiting = 0;
  /** Sent, by their number on the channel, in that order. Those that were given up stay until they are confirmed. */
  readonly #unconfirmed = new Map<number, Entry>();
  #lastTag = 0;
  /** The client's buffer is full: until it has drained. */
  #full = false;
  /** A suspect is in flight, alone. */
  #probing = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #leave: () => void;
  #closed = false;

  constructor(connection: AmqpConnection, options: AmqpPublisherOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#channel = new AmqpChannel(connection, {
      name: options.name,
      confirms: true,
      setUp: (channel) => this.#setUp(channel),
      opened: () => this.#sendWaiting(),
      lost: (error, code) => this.#lost(error, code),
    });
    this.#leave = connection.use({
      opened: () => undefined,
      lost: () => undefined,
      unblocked: () => this.#sendWaiting(),
    });
  }

  /** Settles when the broker has it, or has it not, within the timeout. */
  publish(publication: Publication): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new BrokerError("the broker connection was closed", { code: "broker_closed" }));
        return;
      }
      const { exchange, routingKey, body, options, mandatory } = publication;
      if (mandatory) options.mandatory = true;
      const entry: Entry = {
        exchange,
        routingKey,
        body,
        options,
        mandatory,
        content: Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
        deadlineMs: performance.now() + this.#options.timeout * 1000,
        resolve,
        reject,
        returned: false,
        settled: false,
        suspect: false,
      };
      this.#watchDeadlines();
      const channel = this.#sendable();
      if (channel && this.#nextWaiting === this.#waiting.length) {
        this.#send(channel, entry);
        return;
      }
      this.#waiting.push(entry);
      this.#channel.start();
    });
  }

  /** What was not confirmed is rejected. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#leave();
    // What is in flight is confirmed before: closing a channel waits for the server's answer.
    await this.#channel.close();
    const error = new BrokerError("the broker connection was closed", { code: "broker_closed" });
    for (const entry of [...this.#unconfirmed.values(), ...this.#waiting.slice(this.#nextWaiting)])
      this.#reject(entry, error);
    this.#unconfirmed.clear();
    this.#waiting = [];
    this.#nextWaiting = 0;
  }

  /** The channel, if anything may be sent on it now. What RabbitMQ would not read is not sent, so that it can be given up for good. */
  #sendable(): ClientChannel | undefined {
    return this.#full || this.#probing || this.#connection.blocked !== undefined ? undefined : this.#channel.current;
  }

  async #setUp(channel: ClientChannel): Promise<void> {
    channel.on("drain", () => {
      this.#full = false;
      this.#sendWaiting();
    });
    channel.on("return", (message) => this.#returned(message));
    channel.on("ack", ({ deliveryTag, multiple }) => this.#confirmed(channel, deliveryTag, multiple, true));
    channel.on("nack", ({ deliveryTag, multiple }) => this.#confirmed(channel, deliveryTag, multiple, false));
    await this.#options.prepare?.(channel);
    this.#full = false;
    this.#probing = false;
    this.#lastTag = 0;
  }

  #sendWaiting(): void {
    for (;;) {
      const channel = this.#sendable();
      const entry = this.#waiting[this.#nextWaiting];
      if (!channel || !entry) break;
      // Alone, so that the next refusal has one author.
      if (entry.suspect && !entry.settled && this.#unconfirmed.size > 0) return;
      this.#nextWaiting++;
      if (entry.settled) continue;
      this.#probing = entry.suspect;
      this.#send(channel, entry);
    }
    this.#forgetSent();
  }

  #send(channel: ClientChannel, entry: Entry): void {
    const { exchange, routingKey, content, options } = entry;
    try {
      entry.returned = false;
      this.#full = !channel.publish(exchange, routingKey, content, options);
      this.#unconfirmed.set(++this.#lastTag, entry);
    } catch (cause) {
      if (cause instanceof RangeError || cause instanceof TypeError) this.#reject(entry, notEncodable(entry, cause));
      // The channel is closing: it will be lost, and opened again.
      else this.#waiting.push(entry);
    }
  }

  #confirmed(channel: ClientChannel, tag: number, multiple: boolean, accepted: boolean): void {
    if (this.#channel.current !== channel) return;
    if (multiple) {
      for (const known of this.#unconfirmed.keys()) {
        if (known > tag) break;
        this.#conclude(known, accepted);
      }
    } else {
      this.#conclude(tag, accepted);
    }
    if (this.#nextWaiting < this.#waiting.length) this.#sendWaiting();
  }

  #conclude(tag: number, accepted: boolean): void {
    const entry = this.#unconfirmed.get(tag);
    if (!entry) return;
    this.#unconfirmed.delete(tag);
    if (entry.suspect) this.#probing = false;
    if (!accepted) this.#reject(entry, new BrokerError("RabbitMQ refused the message: its queue is full or failed"));
    else if (entry.returned) this.#reject(entry, unroutable(entry));
    else this.#resolve(entry);
  }

  /** The server found no queue for one of those in flight; its confirm follows. It says which by what was published. */
  #returned(message: ClientMessage): void {
    const { exchange, routingKey } = message.fields;
    const correlationId = message.properties.correlationId;
    for (const entry of this.#unconfirmed.values()) {
      if (entry.returned || !entry.mandatory || entry.exchange !== exchange || entry.routingKey !== routingKey)
        continue;
      if (entry.options.correlationId !== correlationId || !entry.content.equals(message.content)) continue;
      entry.returned = true;
      return;
    }
  }

  #lost(error: Error, code: number | undefined): void {
    const inFlight = [...this.#unconfirmed.values()].filter((entry) => !entry.settled);
    this.#unconfirmed.clear();
    this.#probing = false;
    const guilty = code === undefined ? undefined : findGuilty(inFlight, error, code);
    if (guilty) {
      const reason = refusal(guilty, error, code);
      // All that go to an exchange which is not there share its fate.
      for (const entry of inFlight)
        if (entry === guilty || (code !== REPLY_CODES.PRECONDITION_FAILED && entry.exchange === guilty.exchange))
          this.#reject(entry, reason);
    }
    const again = inFlight.filter((entry) => !entry.settled);
    for (const entry of again) entry.suspect = code !== undefined && !guilty;
    this.#waiting = [...again, ...this.#waiting.slice(this.#nextWaiting)];
    this.#nextWaiting = 0;
  }

  /** One timer for all: they have the same time each, so that the oldest is the next to fall due. */
  #watchDeadlines(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#expire();
        if (this.#unconfirmed.size > 0 || this.#nextWaiting < this.#waiting.length) this.#watchDeadlines();
      },
      Math.min(100, this.#options.timeout * 250),
    );
  }

  #expire(): void {
    const nowMs = performance.now();
    for (const entry of this.#unconfirmed.values()) {
      if (entry.settled) continue;
      if (entry.deadlineMs > nowMs) break;
      this.#reject(entry, this.#lateError("was not confirmed", "; it may have arrived"));
    }
    // Only those that wait now: a rejection may lead to the next publish.
    for (const entry of this.#waiting.slice(this.#nextWaiting)) {
      if (entry.settled) continue;
      if (entry.deadlineMs > nowMs) break;
      this.#reject(entry, this.#lateError("could not be sent", ""));
    }
    while (this.#waiting[this.#nextWaiting]?.settled) this.#nextWaiting++;
    this.#forgetSent();
  }

  #forgetSent(): void {
    if (this.#nextWaiting < Math.min(1000, this.#waiting.length)) return;
    this.#waiting = this.#waiting.slice(this.#nextWaiting);
    this.#nextWaiting = 0;
  }

  #lateError(what: string, doubt: string): BrokerConnectionError {
    const { timeout } = this.#options;
    return new BrokerConnectionError(`the message ${what} within ${timeout} s${doubt}: ${this.#connection.condition}`);
  }

  #resolve(entry: Entry): void {
    if (entry.settled) return;
    entry.settled = true;
    entry.resolve();
  }
  #reject(entry: Entry, error: unknown): void {
    if (entry.settled) return;
    entry.settled = true;
    entry.reject(error);
  }
}

/** The one for which the server closed the channel, where that can be told. */
function findGuilty(inFlight: readonly Entry[], error: Error, code: number): Entry | undefined {
  if (inFlight.length === 1) return inFlight[0];
  const text = replyText(error);
  const exchange = /exchange '(.*?)' in vhost/.exec(text)?.[1];
  if ((code === REPLY_CODES.NOT_FOUND || code === REPLY_CODES.ACCESS_REFUSED) && exchange !== undefined)
    return inFlight.find((entry) => entry.exchange === exchange);
  const size = /message size (\d+)/.exec(text)?.[1];
  return size === undefined ? undefined : inFlight.find(({ content }) => content.length === Number(size));
}

function refusal(entry: Entry, error: Error, code: number | undefined): BrokerError {
  if (code === REPLY_CODES.NOT_FOUND) return unroutable(entry);
  return new BrokerError(`RabbitMQ refused the message: ${replyText(error)}`, { cause: error });
}

function unroutable({ exchange, routingKey }: Entry): UnroutableError {
  const where =
    exchange === ""
      ? `no queue is named ${routingKey}`
      : `exchange ${exchange} routes ${JSON.stringify(routingKey)} to no queue`;
  return new UnroutableError(`${where}: declare it before publishing to it`);
}

function notEncodable({ options, exchange, routingKey }: Entry, cause: Error): BrokerError {
  const sizes = Object.entries(options.headers ?? {})
    .map(([name, value]) => ({ name, size: Buffer.byteLength(JSON.stringify(value) ?? "") }))
    .sort((a, b) => b.size - a.size);
  const [largest] = sizes;
  const what =
    cause instanceof RangeError && largest
      ? `its headers take more than the 64 KiB that RabbitMQ's client can send; the largest is ${largest.name}, ${largest.size} bytes`
      : cause.message;
  const to = exchange === "" ? `queue ${routingKey}` : `exchange ${exchange}`;
  return new BrokerError(`a message for ${to} cannot be sent: ${what}`, { code: "message_not_encodable", cause });
}
