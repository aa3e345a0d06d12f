import type { Logger } from "../util/logger.js";
import type { Closable, Connections, Share } from "./connections.js";
import { RedisError } from "./redis-error.js";
import { checkVersion, evictionPolicy, parseInfo, type RedisInfo } from "./redis-info.js";
import { type Call, type CallOptions, type LinkOptions, RedisLink } from "./redis-link.js";
import type { RedisScript } from "./redis-script.js";
import type { RedisArgument } from "./redis-session.js";
import { RedisSubscriber } from "./redis-subscriber.js";
import { parseRedisUrl, type RedisTarget } from "./redis-url.js";

export { RedisError } from "./redis-error.js";
export type { Call, CallOptions, LinkOptions, RedisLink } from "./redis-link.js";
export { defineScript, type RedisScript } from "./redis-script.js";
export type { RedisArgument } from "./redis-session.js";
export type { MessageListener, RedisSubscriber } from "./redis-subscriber.js";

/**
 * One Redis server, shared by all parts of an app that live on it: a connection for commands, one for listening when somebody listens,
 * and further ones for those who need their own.
 */
export class RedisServer implements Closable {
  readonly #target: RedisTarget;
  readonly #logger: Logger;
  readonly #commands: RedisLink;
  readonly #links = new Set<RedisLink>();
  #subscriber: RedisSubscriber | undefined;
  #closing: Promise<void> | undefined;
  #warned = false;

  constructor(target: RedisTarget, logger: Logger) {
    this.#target = target;
    this.#logger = logger;
    this.#commands = new RedisLink(target, { name: "commands", logger, prepare: (call) => this.#inspect(call) });
  }

  /** The database's number: part of the names of kombu's fanout channels. */
  get db(): number {
    return this.#target.db;
  }

  /** Where it is, for people; no secrets. */
  get shown(): string {
    return this.#target.endpoints[0].shown;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Seconds within which a command is answered or rejects, unless it says otherwise. */
  get socketTimeout(): number {
    return this.#target.socketTimeout;
  }

  /** The connection for commands: to be told of its breaks and returns, or to hold the process. */
  get commands(): RedisLink {
    return this.#commands;
  }

  /** The connection for listening; it is opened with the first subscription. */
  get subscriber(): RedisSubscriber {
    this.#subscriber ??= new RedisSubscriber(this.#target, this.#logger);
    return this.#subscriber;
  }

  /**
   * Connects. Idempotent; after a failure it may be called again. Rejects with a `RedisError`, or with a `ConfigurationError`
   * (`old_redis`) when the server's version is below 6.2.
   */
  open(): Promise<void> {
    return this.#commands.open();
  }

  /** Sends a command, with all others of this turn of the event loop. */
  call(name: string, args: readonly RedisArgument[], options?: CallOptions): Promise<unknown> {
    return this.#commands.call(name, args, options);
  }

  /** Runs a script by its digest; with its text when the server does not know it yet, or no longer. */
  run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
    options?: CallOptions,
  ): Promise<unknown> {
    return runScript(
      (name, all, callOptions) => this.#commands.call(name, all, callOptions),
      script,
      keys,
      args,
      options,
    );
  }

  /** A further connection, not yet opened; it is closed with the server, if not before. */
  link(options: Omit<LinkOptions, "logger">): RedisLink {
    const link = new RedisLink(this.#target, { logger: this.#logger, ...options });
    this.#links.add(link);
    return link;
  }

  /** Idempotent: all calls settle when it is closed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.close()));
    await this.#subscriber?.close();
    await this.#commands.close();
  }

  /** Whether the server will do, and whether it keeps what it is given. Looked at on each connection: a failover may bring another server. */
  async #inspect(call: Call): Promise<void> {
    const info = await readInfo(call);
    // A user without the right to ask is taken at its word.
    if (!info) return;
    checkVersion(info, this.shown);
    this.#warnOfEviction(info);
  }

  #warnOfEviction(info: RedisInfo): void {
    const policy = evictionPolicy(info);
    if (this.#warned || policy === undefined) return;
    this.#warned = true;
    this.#logger.warn(
      "this Redis drops keys when its memory is full, messages and results among them: set maxmemory-policy to noeviction",
      { server: this.shown, policy },
    );
  }
}

/** Runs a script over any connection; see `RedisServer.run`. */
export async function runScript(
  call: Call,
  script: RedisScript,
  keys: readonly string[],
  args: readonly RedisArgument[],
  options?: CallOptions,
): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args];
  try {
    return await call("evalsha", [script.sha, ...rest], options);
  } catch (error) {
    if (!(error instanceof RedisError && error.code === "NOSCRIPT")) throw error;
    return await call("eval", [script.lua, ...rest], options);
  }
}

/** The server's description of itself, or undefined when this user may not read it. */
async function readInfo(call: Call): Promise<RedisInfo | undefined> {
  try {
    // One section at a time: several are known from Redis 7 on.
    const texts = await Promise.all(["server", "memory"].map((section) => call("info", [section])));
    return parseInfo(texts.map(String).join("\n"));
  } catch (error) {
    if (error instanceof RedisError && error.code === "NOPERM") return undefined;
    throw error;
  }
}

/**
 * The server behind a `redis:` URL, shared among the parts of one app, and the driver's own options from the URL and `transport`.
 * `driverOptions` names those it knows; see `parseRedisUrl`. Throws a `ConfigurationError`.
 */
export function redisServer(
  options: {
    readonly url: string;
    readonly transport?: Readonly<Record<string, unknown>> | undefined;
    readonly responseTimeout?: number | undefined;
    readonly connections: Connections;
    readonly logger: Logger;
  },
  driverOptions: readonly string[],
): { readonly share: Share<RedisServer>; readonly driver: Readonly<Record<string, unknown>> } {
  const { responseTimeout } = options;
  const transport = { ...(responseTimeout !== undefined && { socket_timeout: responseTimeout }), ...options.transport };
  const { target, driver } = parseRedisUrl(options.url, transport, driverOptions);
  const share = options.connections.share(
    target.key,
    (value) => value instanceof RedisServer,
    () => new RedisServer(target, options.logger),
  );
  return { share, driver };
}
