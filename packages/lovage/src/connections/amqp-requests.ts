import { BrokerConnectionError, BrokerError, LovageError } from "../errors.js";
import type { AmqpConnection } from "./amqp.js";
import { AmqpChannel } from "./amqp-channel.js";
import { type ClientChannel, REPLY_CODES, replyCode } from "./amqp-client.js";

/**
 * Questions to the broker and changes of its topology, one after the other on a channel of their own: the server closes the channel
 * for any that it refuses, and nobody else must suffer for that. All of them must bear being repeated.
 */
export class AmqpRequests {
  readonly #connection: AmqpConnection;
  readonly #timeout: number;
  #channel: AmqpChannel | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param timeout seconds for each request, waiting for the connection included */
  constructor(connection: AmqpConnection, timeout: number) {
    this.#connection = connection;
    this.#timeout = timeout;
  }

  /**
   * What `request` returns. Rejects as the server refused it (see `replyCode`), or with a `BrokerConnectionError` when it has not
   * answered in time; a request that was under way when the connection was lost is repeated.
   */
  async perform<T>(request: (channel: ClientChannel) => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + this.#timeout * 1000;
    const result = this.#turn.then(() => this.#perform(request, deadlineMs));
    this.#turn = result.catch(() => undefined);
    return await result;
  }

  /** As `perform`, but undefined when what it is about does not exist. */
  async find<T>(request: (channel: ClientChannel) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.perform(request);
    } catch (error) {
      if (replyCode(error) === REPLY_CODES.NOT_FOUND) return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#channel?.close();
  }

  async #perform<T>(request: (channel: ClientChannel) => Promise<T>, deadlineMs: number): Promise<T> {
    for (;;) {
      const left = (deadlineMs - performance.now()) / 1000;
      if (left <= 0) throw new BrokerConnectionError(`${this.#connection.condition} (waited ${this.#timeout} s)`);
      const channel = await this.#ready(left);
      try {
        return await this.#within(request(channel), left);
      } catch (error) {
        if (error instanceof LovageError || replyCode(error) !== undefined) throw error;
        if (error instanceof TypeError || error instanceof RangeError) throw await this.#notEncodable(error);
        // The connection went away under it, or the channel was closed for the request before.
        if (this.#connection.closed) throw error;
        await new Promise((later) => setImmediate(later));
      }
    }
  }

  /** Names that are too long, and such. amqplib's channel waits for an answer to what it could not send: it is given up. */
  async #notEncodable(cause: Error): Promise<BrokerError> {
    const channel = this.#channel;
    this.#channel = undefined;
    await channel?.close();
    return new BrokerError(`this cannot be asked of RabbitMQ: ${cause.message}`, { cause });
  }

  async #ready(seconds: number): Promise<ClientChannel> {
    // Only plain channels: there is nothing to set up.
    this.#channel ??= new AmqpChannel(this.#connection, {
      name: "requests",
      quiet: true,
      setUp: async () => undefined,
    });
    this.#channel.start();
    return await this.#channel.ready(seconds);
  }

  async #within<T>(work: Promise<T>, seconds: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new BrokerConnectionError(`${this.#connection.condition} (waited ${this.#timeout} s)`));
      }, seconds * 1000);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }
}
