import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import type { Redis, RedisOptions } from "ioredis";
import { ConfigurationError } from "../errors.js";
import { clientPackage } from "../util/client-package.js";
import { RedisError, redisError } from "./redis-error.js";
import type { RedisEndpoint, RedisTarget, RedisTls } from "./redis-url.js";

export type RedisArgument = string | number | Buffer;

/** Told what happens on a connection. */
export interface SessionEvents {
  /** The connection has ended, once, whoever ended it. */
  onEnd(error: RedisError): void;
  /** `pattern` for those that came by PSUBSCRIBE. The payload is a list of keys (or null) for CLIENT TRACKING's own channel. */
  onMessage?(payload: Buffer | readonly Buffer[] | null, channel: string, pattern: string | undefined): void;
}

/** One connection to one server, from its handshake to its end. It never comes back: see `RedisLink`. */
export class RedisSession {
  readonly #client: Redis;
  readonly #Command: typeof Redis.Command;
  readonly #events: SessionEvents;
  readonly #where: string;
  readonly #watch: NodeJS.Timeout;
  #uncork: NodeJS.Immediate | undefined;
  #ended = false;
  /** Why we ended it, if it was us. */
  #reason: RedisError | undefined;
  #bytesSeen = -1;
  #inFlight = 0;
  #silentTicks = 0;

  /** Connects, authenticates and selects the database. Rejects with a `RedisError`, or a `ConfigurationError` about what is to be installed or read. */
  static async open(
    target: RedisTarget,
    endpoint: RedisEndpoint,
    name: string,
    events: SessionEvents,
  ): Promise<RedisSession> {
    const module = await clientPackage("ioredis", import("ioredis"));
    const options = await clientOptions(target, endpoint, name);
    const client = new module.Redis(options);
    let failure: unknown;
    // The first error says more than those it brings about.
    client.on("error", (error: unknown) => {
      failure ??= error;
    });
    const deadline = setTimeout(() => {
      failure ??= new Error(`no answer within ${target.connectTimeout} s`);
      end(client);
    }, target.connectTimeout * 1000);
    try {
      await client.connect();
    } catch (error) {
      end(client);
      throw redisError(failure ?? error, endpoint.shown);
    } finally {
      clearTimeout(deadline);
    }
    // ioredis goes on with database 0 when SELECT is refused.
    if (failure !== undefined) {
      end(client);
      throw redisError(failure, endpoint.shown);
    }
    return new RedisSession(client, module.Redis.Command, target.healthCheckInterval, endpoint.shown, events);
  }

  private constructor(
    client: Redis,
    Command: typeof Redis.Command,
    healthCheckInterval: number,
    where: string,
    events: SessionEvents,
  ) {
    this.#client = client;
    this.#Command = Command;
    this.#events = events;
    this.#where = where;
    client.removeAllListeners("error");
    client.on("error", (error: unknown) => {
      this.#reason ??= redisError(error, where);
    });
    client.once("end", () => this.#onEnd());
    const { onMessage } = events;
    if (onMessage) {
      client.on("messageBuffer", (channel: Buffer, payload: Buffer | Buffer[] | null) =>
        onMessage(payload, channel.toString(), undefined),
      );
      client.on("pmessageBuffer", (pattern: string | Buffer, channel: Buffer, payload: Buffer) =>
        onMessage(payload, channel.toString(), pattern.toString()),
      );
    }
    this.#watch = setInterval(() => this.#lookForLife(), healthCheckInterval * 1000).unref();
  }

  /** Sends a command at the end of this turn of the event loop, with all others of the turn; or of this step, when it is `prompt`. */
  async call(name: string, args: readonly RedisArgument[], buffers: boolean, prompt = false): Promise<unknown> {
    if (this.#ended)
      throw new RedisError(`Redis ${this.#where}: the connection has ended`, { kind: "lost", unsent: true });
    this.#cork();
    if (prompt) process.nextTick(() => this.#write());
    this.#inFlight++;
    try {
      return await this.#client.sendCommand(
        new this.#Command(name, [...args], { replyEncoding: buffers ? null : "utf8" }),
      );
    } catch (error) {
      throw this.#reason && !isReply(error) ? this.#reason : redisError(error, this.#where);
    } finally {
      this.#inFlight--;
    }
  }

  /** Whether this connection keeps the process alive. */
  setRef(ref: boolean): void {
    if (ref) this.#client.stream.ref();
    else this.#client.stream.unref();
  }

  /** Ends the connection at once. What is in flight rejects. */
  end(reason: RedisError): void {
    this.#reason ??= reason;
    end(this.#client);
  }

  /** One system call for all commands of a turn, instead of one for each. */
  #cork(): void {
    if (this.#uncork) return;
    this.#client.stream.cork();
    this.#uncork = setImmediate(() => this.#write());
  }

  #write(): void {
    if (!this.#uncork) return;
    clearImmediate(this.#uncork);
    this.#uncork = undefined;
    this.#client.stream.uncork();
  }

  /** A peer that is gone without a word (a pulled cable, a stalled proxy) keeps its socket open: silence while an answer is due ends it. */
  #lookForLife(): void {
    const { bytesRead } = this.#client.stream;
    const silent = bytesRead === this.#bytesSeen;
    this.#bytesSeen = bytesRead;
    if (!silent) {
      this.#silentTicks = 0;
      return;
    }
    if (this.#inFlight === 0) {
      this.#silentTicks = 0;
      this.call("ping", [], false).catch(() => undefined);
      return;
    }
    this.#silentTicks++;
    if (this.#silentTicks < 2) return;
    this.end(new RedisError(`Redis ${this.#where} does not answer: the connection is open but dead`, { kind: "lost" }));
  }

  #onEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#watch);
    if (this.#uncork) clearImmediate(this.#uncork);
    this.#events.onEnd(
      this.#reason ?? new RedisError(`Redis ${this.#where}: the connection was lost`, { kind: "lost" }),
    );
  }
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}

/** `disconnect` says goodbye and waits for an answer, which a dead peer never gives. */
function end(client: Redis): void {
  client.disconnect();
  // Before the connection is made there is no stream, whatever its type says.
  const stream: Redis["stream"] | undefined = client.stream;
  stream?.destroy();
}

async function clientOptions(
  target: RedisTarget,
  endpoint: RedisEndpoint,
  name: string,
): Promise<RedisOptions & { replyMapping: "legacy" }> {
  const { username, password } = endpoint;
  const tls = endpoint.tls && (await tlsOptions(endpoint.tls));
  const connectTimeout = target.connectTimeout * 1000;
  return {
    ...address(endpoint, tls, connectTimeout),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db: target.db,
    connectionName: name,
    connectTimeout,
    keepAlive: 10_000,
    lazyConnect: true,
    // One life for each client: the link makes the next one, so that nothing is sent twice or to a server that was left.
    retryStrategy: () => null,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // RESP2: what CLIENT TRACKING redirects arrives as an ordinary message, and proxies understand it.
    protocol: 2,
    replyMapping: "legacy",
    disableClientInfo: true,
  };
}

function address(endpoint: RedisEndpoint, tls: ConnectionOptions | undefined, connectTimeoutMs: number): RedisOptions {
  const { at } = endpoint;
  const secure = tls && { tls };
  if (at.kind === "socket") return { path: at.path };
  if (at.kind === "server") return { host: at.host, port: at.port, ...secure };
  return {
    sentinels: at.sentinels.map((each) => ({ ...each })),
    name: at.masterName,
    role: "master",
    // The link asks again, after a while.
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: connectTimeoutMs / 2,
    ...(at.sentinelUsername !== undefined && { sentinelUsername: at.sentinelUsername }),
    ...(at.sentinelPassword !== undefined && { sentinelPassword: at.sentinelPassword }),
    ...secure,
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  };
}

/** Read anew for each connection, so that certificates may be exchanged under a running worker. */
async function tlsOptions(tls: RedisTls): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(readIfNamed));
  return {
    rejectUnauthorized: tls.verify,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(!tls.checkHostname && { checkServerIdentity: () => undefined }),
  };
}

async function readIfNamed(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new ConfigurationError(`the TLS file ${path} cannot be read`, { code: "bad_url", cause: error });
  }
}
