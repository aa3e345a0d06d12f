import { BrokerConnectionError, BrokerError, ConfigurationError } from "../errors.js";
import { type BackoffPolicy, backoffDelay } from "../util/backoff.js";
import { sleep } from "../util/clock.js";
import type { Logger } from "../util/logger.js";
import { maskUrls } from "../util/secrets.js";
import {
  type ClientAddress,
  type ClientConnection,
  cutConnection,
  importAmqplib,
  isClientConnection,
  REPLY_CODES,
  replyCode,
  replyText,
} from "./amqp-client.js";
import { readForeignTags } from "./amqp-foreign-tags.js";
import { type AmqpOptions, readAmqpOptions, shownAddress } from "./amqp-options.js";
import { AmqpWatchdog } from "./amqp-watchdog.js";
import type { Closable, Connections, Share } from "./connections.js";

/**
 * Two connections per app: RabbitMQ stops reading from one that publishes while it is short of memory or disk, and what is
 * acknowledged or declared on the other must get through nevertheless.
 */
export const AMQP_ROLES = ["publish", "consume"] as const;
export type AmqpRole = (typeof AMQP_ROLES)[number];

/** Short at first: most losses are a restart of a proxy. Never long: a worker must be back within seconds of its broker. */
const RECONNECT: BackoffPolicy = { initial: 0.2, max: 4 };

/** Told when the connection comes and goes. */
export interface AmqpUser {
  opened(connection: ClientConnection): void;
  /** Everything on it is gone: channels, consumers, held deliveries, unconfirmed publishes. */
  lost(error: BrokerConnectionError): void;
  /** RabbitMQ takes messages again. */
  unblocked?(): void;
}

export interface AmqpConnectionOptions {
  readonly url: string;
  readonly transport?: Readonly<Record<string, unknown>> | undefined;
  readonly role: AmqpRole;
  readonly logger: Logger;
}

/** The connection that the broker and the rpc result backend of one app share. */
export function shareAmqp(connections: Connections, options: AmqpConnectionOptions): Share<AmqpConnection> {
  const { url, transport, role } = options;
  // Before anybody has a share: options that are wrong must not leave one behind.
  const parsed = readAmqpOptions(url, transport);
  return connections.share(
    `amqp ${role} ${url} ${JSON.stringify(transport ?? {})}`,
    (value) => value instanceof AmqpConnection,
    () => new AmqpConnection(parsed, options),
  );
}

/**
 * One connection to RabbitMQ that, once open, is opened again for ever when it is lost: to the next of its addresses, with
 * backoff and jitter. What runs on it (channels, consumers) is made anew by its users: see `AmqpChannel`.
 */
export class AmqpConnection implements Closable {
  readonly options: AmqpOptions;
  readonly role: AmqpRole;
  readonly logger: Logger;
  readonly #users = new Set<AmqpUser>();
  readonly #ending = new AbortController();
  #current: ClientConnection | undefined;
  #watchdog: AmqpWatchdog | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #nextAddress = 0;
  #blocked: string | undefined;
  #lastError: Error | undefined;

  constructor(options: AmqpOptions, { role, logger }: Pick<AmqpConnectionOptions, "role" | "logger">) {
    this.options = options;
    this.role = role;
    this.logger = logger;
  }

  /** Opens it, unless it is. Rejects with a `BrokerConnectionError` when no address answers; a later call tries again. */
  async connect(signal?: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
    this.#opening ??= this.#openFirst().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    await (signal ? raced(this.#opening, signal) : this.#opening);
  }

  get current(): ClientConnection | undefined {
    return this.#current;
  }
  get closed(): boolean {
    return this.#closing !== undefined;
  }
  /** Why RabbitMQ takes no messages at present, as in "low on memory"; undefined when it does. */
  get blocked(): string | undefined {
    return this.#blocked;
  }
  /** In words, for errors: why nothing can be done at present. */
  get condition(): string {
    if (this.#blocked !== undefined) return `RabbitMQ takes no messages: it is ${this.#blocked}`;
    if (this.#current) return "RabbitMQ did not answer";
    return `RabbitMQ cannot be reached${this.#lastError ? `: ${this.#lastError.message}` : ""}`;
  }

  /** The user is told of the present connection at once, if there is one. Returns how to leave. */
  use(user: AmqpUser): () => void {
    this.#users.add(user);
    if (this.#current) user.opened(this.#current);
    return () => this.#users.delete(user);
  }

  /** Gives up a connection that is open but of no use; it is opened again. */
  drop(reason: string): void {
    const connection = this.#current;
    if (!connection) return;
    this.logger.warn("gave up a connection to RabbitMQ", { role: this.role, reason });
    this.#lose(connection, new Error(reason));
    cutConnection(connection, reason);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends it as the death of this process would: without a word to the broker. */
  abandon(): void {
    const connection = this.#current;
    this.#closing ??= Promise.resolve();
    this.#ending.abort(closedError());
    if (connection) {
      this.#lose(connection, new Error("abandoned"));
      cutConnection(connection, "abandoned");
    }
  }

  async #close(): Promise<void> {
    this.#ending.abort(closedError());
    await this.#opening?.catch(() => undefined);
    const connection = this.#current;
    if (!connection) return;
    this.#current = undefined;
    this.#watchdog?.stop();
    // A broker that does not answer must not keep a process from ending.
    const forced = setTimeout(() => cutConnection(connection, "RabbitMQ did not answer a goodbye"), 2000);
    await connection.close().catch(() => undefined);
    clearTimeout(forced);
    this.#tellLost(new BrokerConnectionError("the connection to RabbitMQ was closed"));
  }

  /** Every address once. */
  async #openFirst(): Promise<void> {
    const errors: Error[] = [];
    for (const _ of this.options.addresses) {
      try {
        await this.#openNext();
        return;
      } catch (error) {
        if (error instanceof ConfigurationError) throw error;
        this.#refuseWhenClosed();
        errors.push(error instanceof Error ? error : new Error(String(error)));
      }
    }
    throw new BrokerConnectionError(errors.map(({ message }) => message).join("; "), { cause: errors[0] });
  }

  async #openNext(): Promise<void> {
    const { addresses } = this.options;
    const address = addresses[this.#nextAddress++ % addresses.length];
    if (!address) throw new ConfigurationError("the broker's URL names no address", { code: "bad_url" });
    const connection = await this.#dial(address);
    if (this.closed) {
      cutConnection(connection, "closed meanwhile");
      throw closedError();
    }
    // The same one first, next time: addresses are alternatives, not a circle.
    this.#nextAddress--;
    this.#adopt(connection);
  }

  async #dial(address: ClientAddress): Promise<ClientConnection> {
    const { connectTimeout, tls } = this.options;
    const client = await importAmqplib();
    const socket = {
      ...(address.protocol === "amqps" ? tls : {}),
      noDelay: true,
      keepAlive: true,
      clientProperties: { product: "Lovage", connection_name: `lovage ${this.role} ${process.pid}` },
    };
    const dialled = client.connect(address, socket);
    try {
      const connection = await raced(withTimeout(dialled, connectTimeout), this.#ending.signal);
      if (!isClientConnection(connection)) throw new Error("amqplib returned no connection");
      readForeignTags(connection);
      return connection;
    } catch (cause) {
      // One that comes after all is not left open.
      dialled.then(
        (late) => isClientConnection(late) && cutConnection(late, "too late"),
        () => undefined,
      );
      throw new BrokerConnectionError(`${shownAddress(address)}: ${dialFailure(cause, address)}`, { cause });
    }
  }

  #adopt(connection: ClientConnection): void {
    this.#current = connection;
    this.#blocked = undefined;
    this.#lastError = undefined;
    let reason: Error | undefined;
    connection.on("error", (error) => {
      reason = error;
    });
    connection.on("close", (error) => this.#lose(connection, error ?? reason ?? new Error("it was closed")));
    connection.on("blocked", (why) => {
      this.#blocked = String(why);
      this.logger.warn("RabbitMQ takes no messages at present", { reason: this.#blocked });
    });
    connection.on("unblocked", () => {
      this.#blocked = undefined;
      this.logger.info("RabbitMQ takes messages again");
      for (const user of [...this.#users]) user.unblocked?.();
    });
    this.#watchdog = new AmqpWatchdog(connection, {
      isBlocked: () => this.#blocked !== undefined,
      dead: (why) => {
        if (this.#current === connection) this.drop(why);
      },
    });
    for (const user of [...this.#users]) user.opened(connection);
  }

  #lose(connection: ClientConnection, error: Error): void {
    if (this.#current !== connection) return;
    this.#current = undefined;
    this.#blocked = undefined;
    this.#watchdog?.stop();
    this.#lastError = new Error(replyText(error));
    if (this.closed) return;
    this.logger.warn("lost a connection to RabbitMQ", { role: this.role, error: this.#lastError.message });
    this.#tellLost(
      new BrokerConnectionError(`the connection to RabbitMQ was lost: ${this.#lastError.message}`, { cause: error }),
    );
    this.#opening = this.#openAgain();
  }

  #tellLost(error: BrokerConnectionError): void {
    for (const user of [...this.#users]) user.lost(error);
  }

  /** For ever. Resolves when it is open, or was closed. */
  async #openAgain(): Promise<void> {
    for (let attempt = 0; !this.closed; attempt++) {
      try {
        await sleep(backoffDelay(RECONNECT, attempt), this.#ending.signal);
        await this.#openNext();
        this.logger.info("connected to RabbitMQ again", { role: this.role });
        return;
      } catch (error) {
        if (this.closed) return;
        this.#lastError = error instanceof Error ? error : new Error(String(error));
        this.logger.warn("could not connect to RabbitMQ", { role: this.role, error: this.#lastError.message });
      }
    }
  }

  #refuseWhenClosed(): void {
    if (this.closed) throw closedError();
  }
}

export function closedError(): BrokerError {
  return new BrokerError("the broker connection was closed", { code: "broker_closed" });
}

/** What went wrong, without the password, and with what amqplib's own words leave unclear. */
function dialFailure(cause: unknown, { username, vhost }: ClientAddress): string {
  const text = replyText(cause);
  if (
    replyCode(cause) === REPLY_CODES.ACCESS_REFUSED ||
    text.includes("ACCESS_REFUSED") ||
    text.includes("ACCESS-REFUSED")
  )
    return `RabbitMQ refused user ${username}: wrong password, or no permission for the vhost ${decodeURIComponent(vhost)}`;
  if (text.includes("NOT_ALLOWED")) return `RabbitMQ refused: ${text}`;
  return maskUrls(text || String(cause instanceof AggregateError ? cause.errors[0] : cause));
}

async function withTimeout<T>(work: Promise<T>, seconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
