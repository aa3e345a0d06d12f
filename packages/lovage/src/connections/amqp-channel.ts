import { BrokerConnectionError, BrokerError, LovageError } from "../errors.js";
import { type BackoffPolicy, backoffDelay } from "../util/backoff.js";
import type { AmqpConnection } from "./amqp.js";
import { type ClientChannel, type ClientConnection, replyCode, replyText } from "./amqp-client.js";

/** Before a channel that the server closed is opened again. */
const REOPEN: BackoffPolicy = { initial: 0.05, max: 4 };

/** Seconds that a channel's closing is waited for. */
const CLOSE_TIMEOUT = 1;

export interface AmqpChannelOptions {
  /** In logs. */
  readonly name: string;
  /** That the server closes it is nothing to be logged: who used it is told. */
  readonly quiet?: boolean;
  /** Ask for publisher confirms. */
  readonly confirms?: boolean;
  /** Makes everything on a fresh channel: it runs each time that one was opened, before anybody else sees it. */
  setUp(channel: ClientChannel): Promise<void>;
  /** It is set up, and `current` from now on. */
  opened?(): void;
  /** The channel is gone and all that it held. `code` is the server's reason when it closed just this channel. */
  lost?(error: Error, code: number | undefined): void;
}

/**
 * A channel that is there whenever its connection is: opened again after the connection was lost, and after the server closed it
 * for something that was done on it.
 */
export class AmqpChannel {
  readonly #connection: AmqpConnection;
  readonly #options: AmqpChannelOptions;
  readonly #waiting = new Set<{ resolve(channel: ClientChannel): void; reject(error: unknown): void }>();
  #current: ClientChannel | undefined;
  #leave: (() => void) | undefined;
  #closed = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Set until the first set-up is through: its failure is the caller's. */
  #first: { reject(error: unknown): void } | undefined;

  constructor(connection: AmqpConnection, options: AmqpChannelOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  get current(): ClientChannel | undefined {
    return this.#current;
  }

  /**
   * Resolves when the channel is set up for the first time. Rejects, and gives up, when the set-up is refused; while the connection
   * is away it waits, for `seconds` at most.
   */
  async open(seconds: number): Promise<ClientChannel> {
    const ready = this.ready(seconds);
    const refused = new Promise<never>((_, reject) => {
      this.#first = { reject };
    });
    this.start();
    try {
      return await Promise.race([ready, refused]);
    } catch (error) {
      ready.catch(() => undefined);
      await this.close();
      throw error;
    } finally {
      this.#first = undefined;
    }
  }

  /** From now on the channel is there whenever the connection is. Idempotent. */
  start(): void {
    if (this.#leave || this.#closed) return;
    // Set before `use`, which may call back at once.
    this.#leave = () => undefined;
    this.#leave = this.#connection.use({
      opened: (connection) => void this.#openOn(connection),
      lost: (error) => this.#lose(error, undefined),
    });
  }

  /** The channel, waited for at most `seconds`; then rejects with a `BrokerConnectionError`. */
  async ready(seconds: number): Promise<ClientChannel> {
    if (this.#current) return this.#current;
    return await new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
      };
      const waiter = {
        resolve: (channel: ClientChannel) => {
          settle();
          resolve(channel);
        },
        reject: (error: unknown) => {
          settle();
          reject(error);
        },
      };
      const timer = setTimeout(
        () => waiter.reject(new BrokerConnectionError(`${this.#connection.condition} (waited ${seconds} s)`)),
        seconds * 1000,
      );
      this.#waiting.add(waiter);
    });
  }

  /** The channel is not opened again. What it holds goes back to its queues. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#leave?.();
    const channel = this.#current;
    this.#current = undefined;
    for (const waiter of [...this.#waiting])
      waiter.reject(new BrokerError("the broker connection was closed", { code: "broker_closed" }));
    if (channel) await closeInTime(channel);
  }

  async #openOn(connection: ClientConnection): Promise<void> {
    if (this.#closed) return;
    let refusal: Error | undefined;
    let gone = false;
    let channel: ClientChannel | undefined;
    try {
      const { confirms = false, setUp } = this.#options;
      const opened = await (confirms ? connection.createConfirmChannel() : connection.createChannel());
      channel = opened;
      opened.on("error", (error) => {
        refusal = error;
      });
      opened.on("close", () => {
        gone = true;
        if (this.#current !== opened) return;
        // Without a reason it is one of all that a lost connection closes, and that is told in the same turn.
        if (refusal) this.#closedByServer(connection, refusal);
        else setImmediate(() => this.#current === opened && this.#closedByServer(connection, undefined));
      });
      await setUp.call(this.#options, opened);
      // It may have been closed in the same turn.
      if (gone) throw refusal ?? new Error("the channel was closed");
      if (this.#closed) return await opened.close().catch(() => undefined);
      this.#current = opened;
      this.#failures = 0;
      for (const waiter of [...this.#waiting]) waiter.resolve(opened);
      this.#options.opened?.();
    } catch (error) {
      // One that was opened in vain. If the server has closed it, this throws, or is never answered.
      if (channel && !gone)
        void Promise.resolve(channel)
          .then((each) => each.close())
          .catch(() => undefined);
      this.#failed(connection, refusal ?? error);
    }
  }

  #failed(connection: ClientConnection, error: unknown): void {
    if (this.#closed || this.#connection.current !== connection) return;
    if (this.#first && isFinal(error)) {
      this.#first.reject(error);
      return;
    }
    const { name } = this.#options;
    this.#connection.logger.warn("could not set up a channel to RabbitMQ", { name, error: replyText(error) });
    this.#reopenLater(connection);
  }

  #closedByServer(connection: ClientConnection, refusal: Error | undefined): void {
    if (this.#connection.current !== connection || this.#closed) return;
    const error = refusal ?? new Error("the channel was closed");
    const { name, quiet = false } = this.#options;
    if (!quiet) this.#connection.logger.warn("RabbitMQ closed a channel", { name, error: replyText(error) });
    this.#lose(error, replyCode(error));
    this.#reopenLater(connection);
  }

  #reopenLater(connection: ClientConnection): void {
    clearTimeout(this.#timer);
    const seconds = this.#failures === 0 ? 0 : backoffDelay(REOPEN, this.#failures);
    this.#failures++;
    this.#timer = setTimeout(() => {
      if (this.#connection.current === connection) void this.#openOn(connection);
    }, seconds * 1000);
  }

  #lose(error: Error, code: number | undefined): void {
    if (!this.#current) return;
    this.#current = undefined;
    this.#options.lost?.(error, code);
  }
}

/** Whether trying again will not help: the server has refused it, or the client cannot send it (names that are too long). */
function isFinal(error: unknown): boolean {
  if (error instanceof LovageError || error instanceof TypeError || error instanceof RangeError) return true;
  return replyCode(error) !== undefined;
}

/** A server that does not answer, or does not read (see `AmqpConnection.blocked`), must not keep a process from ending. */
async function closeInTime(channel: ClientChannel): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT * 1000);
  });
  // One whose connection died meanwhile is closed already, and says so by throwing.
  const closed = Promise.resolve(channel).then((each) => each.close());
  await Promise.race([closed.catch(() => undefined), enough]);
  clearTimeout(timer);
}
