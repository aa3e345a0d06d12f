import { createHash } from "node:crypto";
import { ConfigurationError } from "../errors.js";
import { backoffDelay } from "../util/backoff.js";
import type { Logger } from "../util/logger.js";
import type { Closable, Connections, Share } from "./connections.js";
import { GroupCommit, type WriteKind, type WriteOptions } from "./postgres-commits.js";
import { isRepeatable, PostgresError } from "./postgres-error.js";
import { type NoticeListener, PostgresListener } from "./postgres-listener.js";
import { migrateSchema } from "./postgres-migrate.js";
import { PostgresPool } from "./postgres-pool.js";
import { setTokensForward } from "./postgres-restart.js";
import type { PostgresResult, PostgresSession, Statement } from "./postgres-session.js";
import { type PostgresTarget, parsePostgresUrl } from "./postgres-url.js";

export type { CommitContext, WriteKind, WriteOptions, WriteOutcome } from "./postgres-commits.js";
export { PostgresError } from "./postgres-error.js";
export type { NoticeListener } from "./postgres-listener.js";
export type { PostgresResult, PostgresRow, Statement } from "./postgres-session.js";

/** What an operation in a transaction works with. */
export interface PostgresTransaction {
  query(text: string, values?: readonly unknown[]): Promise<PostgresResult>;
}

export interface QueryOptions {
  /** Seconds within which it is answered or rejects, tries on other connections included. @default the database's write timeout */
  readonly timeout?: number;
  /**
   * Whether it may be run twice: reading, and writing what is the same the second time. Others reject when their connection is lost,
   * and nobody knows whether they were carried out. @default true
   */
  readonly repeatable?: boolean;
}

/** SKIP LOCKED, MATERIALIZED and tuple routing as they are used here. */
const OLDEST_VERSION = 12;
const BACKOFF = { initial: 0.05, max: 1 };
const REPEATS = 5;

/**
 * One schema of one PostgreSQL database, shared by all parts of an app that live in it: a few connections, one group commit, and
 * notifications. Nothing here leans on the state of a connection, so it works through a pooler in transaction mode.
 */
export class PostgresDatabase implements Closable {
  readonly #target: PostgresTarget;
  readonly #writeTimeout: number;
  readonly #logger: Logger;
  readonly #pool: PostgresPool;
  readonly #commits: GroupCommit;
  readonly #listener: PostgresListener;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #migrated = false;
  /** By topic, what is to be notified next. */
  readonly #notices = new Map<string, Set<string>>();
  #notifying = false;

  constructor(target: PostgresTarget, options: { readonly writeTimeout: number; readonly logger: Logger }) {
    this.#target = target;
    this.#writeTimeout = options.writeTimeout;
    this.#logger = options.logger;
    this.#pool = new PostgresPool(target, (session) => this.#inspect(session));
    this.#commits = new GroupCommit({
      use: (work) => this.#pool.use(work),
      writeTimeout: options.writeTimeout,
      where: this.where,
      logger: options.logger,
    });
    this.#listener = new PostgresListener({
      target,
      channelOf: (topic) => this.channel(topic),
      notify: (channel) => this.query("SELECT pg_notify($1, '')", [channel], { timeout: 3 }),
      logger: options.logger,
    });
  }

  /** Names the log that all writes of this database go to in order: the same for a broker and a result backend that share it. */
  get log(): string {
    return this.#target.key;
  }
  /** A plain identifier that needs no quotes: `lovage.broker_queues` is `${schema}.broker_queues`. */
  get schema(): string {
    return this.#target.schema;
  }
  /** For people: no secrets. */
  get where(): string {
    return this.#target.endpoints[0].shown;
  }
  /** Whether notifications arrive at present. */
  get isNotified(): boolean {
    return this.#listener.isNotified;
  }

  /**
   * Connects and brings the schema up to date. Idempotent; after a failure it may be called again. Rejects with a `PostgresError`, or
   * with a `ConfigurationError`: `package_missing`, `old_postgres`, `newer_database`, `migration_denied`.
   */
  open(): Promise<void> {
    if (this.#closing) return Promise.reject(closedError());
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /**
   * Writes an item together with all other writes of its time, in one transaction. Settles when it is committed, within the write
   * timeout in any case: then with a `passing` error, and it may have been committed or not.
   */
  write<I, O>(kind: WriteKind<I, O>, item: I, options?: WriteOptions): Promise<O> {
    return this.#commits.write(kind, item, options);
  }

  /** A write that cannot be asked for after all: rejects with `error`, and so do those of its chain. */
  fail(error: unknown, options: WriteOptions): Promise<never> {
    return this.#commits.fail(error, options);
  }

  /** One statement by itself. It is tried again when its connection is lost, unless it says that it must not be. */
  async query(
    text: string,
    values?: readonly unknown[],
    { timeout = this.#writeTimeout, repeatable = true }: QueryOptions = {},
  ): Promise<PostgresResult> {
    return await this.#persist(timeout, repeatable, (session, seconds) =>
      session.queryWithin({ text, values }, seconds),
    );
  }

  /**
   * Runs `work` in a transaction of its own. It is run again after a deadlock; not when the connection is lost, unless `repeatable`.
   * When `work` throws, nothing is written.
   */
  async transaction<T>(
    work: (transaction: PostgresTransaction) => Promise<T>,
    { timeout = this.#writeTimeout, repeatable = false }: QueryOptions = {},
  ): Promise<T> {
    return await this.#persist(timeout, repeatable, (session, seconds) => inTransaction(session, seconds, work));
  }

  /**
   * Listens to a topic of this schema. Settles when notifications from now on will arrive, or it is known that for now they cannot:
   * the listener's looks take their place then. Keeps the process alive until the returned function is called.
   */
  listen(topic: string, listener: NoticeListener): Promise<() => void> {
    return this.#listener.listen(topic, listener);
  }

  /**
   * Notifies listeners of a topic, soon, with others, in a transaction of its own: commits that notify wait for each other, all over
   * the server. A notification that fails is made up for by the listeners' looks. Each payload at most 7,900 bytes.
   */
  notify(topic: string, payload: string): void {
    const payloads = this.#notices.get(topic) ?? new Set();
    this.#notices.set(topic, payloads);
    payloads.add(payload);
    if (this.#notifying) return;
    this.#notifying = true;
    void this.#notifyAll();
  }

  /** The channel of a topic. A schema's name may be as long as a channel's may be: its digest is short. */
  channel(topic: string): string {
    const schema = createHash("sha256").update(this.#target.schema).digest("hex").slice(0, 16);
    return `lovage_${schema}_${topic}`;
  }

  /** Commits what waits and closes the connections. Idempotent: all calls settle when they are closed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<void> {
    // The pool inspects what it opens.
    await this.#pool.use(async (session) => await session.queryWithin({ text: "SELECT 1" }, this.#writeTimeout));
  }

  async #close(): Promise<void> {
    await this.#commits.close();
    await this.#listener.close();
    await this.#pool.close();
  }

  /** What every new connection must pass before it is used. */
  async #inspect(session: PostgresSession): Promise<void> {
    const { rows } = await session.queryWithin(
      {
        text: `SELECT current_setting('server_version_num')::int / 10000 AS version, pg_backend_pid() AS pid,
          current_setting('transaction_read_only') AS read_only`,
      },
      this.#target.connectTimeout,
    );
    const [row] = rows;
    if (Number(row?.version) < OLDEST_VERSION)
      throw new ConfigurationError(
        `PostgreSQL ${session.where} is version ${Number(row?.version)}: ${OLDEST_VERSION} or newer is needed`,
        { code: "old_postgres" },
      );
    if (row?.read_only === "on")
      throw new PostgresError(`PostgreSQL ${session.where} is read-only, perhaps a standby`, {
        passing: true,
        lost: true,
      });
    // A pooler tells a process id of its own, and may hand the next transaction to another server process.
    if (row?.pid === session.processId) await session.settle();
    if (!this.#migrated) await migrateSchema(session, this.#target.schema);
    this.#migrated = true;
    await setTokensForward(session, this.#target.schema, this.#target.connectTimeout);
  }

  async #persist<T>(
    timeout: number,
    repeatable: boolean,
    work: (session: PostgresSession, seconds: number) => Promise<T>,
  ): Promise<T> {
    if (this.#closing) throw closedError();
    const deadline = performance.now() / 1000 + timeout;
    let sent = false;
    for (let failures = 0; ; failures++) {
      try {
        return await this.#pool.use(
          (session) => {
            sent = true;
            // Half of what is left, so that another connection gets its chance.
            const left = Math.max(0.1, deadline - performance.now() / 1000);
            return work(session, repeatable ? left / 2 : left);
          },
          deadline - performance.now() / 1000,
        );
      } catch (error) {
        const again =
          error instanceof PostgresError && error.passing && (repeatable || !sent || error.sqlState !== undefined);
        if (!again || this.#closing || performance.now() / 1000 >= deadline) throw error;
        if (isRepeatable(error) && failures < REPEATS) continue;
        const delay = Math.min(backoffDelay(BACKOFF, failures), Math.max(0, deadline - performance.now() / 1000));
        await new Promise((later) => setTimeout(later, delay * 1000));
      }
    }
  }

  async #notifyAll(): Promise<void> {
    while (this.#notices.size > 0) {
      const notices = [...this.#notices].flatMap(([topic, payloads]) =>
        [...payloads].map((payload) => [this.channel(topic), payload] as const),
      );
      this.#notices.clear();
      // Nothing is lost with it: the commit need not wait for the disk while it holds up all others that notify.
      const text =
        "SELECT set_config('synchronous_commit', 'off', true), pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS notice (channel, payload)";
      const columns = [notices.map(([channel]) => channel), notices.map(([, payload]) => payload)];
      await this.query(text, columns).catch((error: unknown) =>
        this.#logger.debug("could not notify through PostgreSQL", { error: String(error) }),
      );
    }
    this.#notifying = false;
  }
}

async function inTransaction<T>(
  session: PostgresSession,
  seconds: number,
  work: (transaction: PostgresTransaction) => Promise<T>,
): Promise<T> {
  const deadline = setTimeout(() => session.destroy(`no answer within ${seconds} s`), seconds * 1000);
  try {
    await session.begin(seconds);
    const result = await work({ query: (text, values) => session.query({ text, values } satisfies Statement) });
    await session.query({ text: "COMMIT" });
    return result;
  } catch (error) {
    await session.query({ text: "ROLLBACK" }).catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}

/**
 * The database behind a `postgres:` URL, shared among the parts of one app. `driver` are the options that the driver named, as they were
 * written. Throws a `ConfigurationError` for a URL or options that are wrong.
 */
export function postgresDatabase(
  options: {
    readonly url: string;
    readonly transport?: Readonly<Record<string, unknown>> | undefined;
    readonly connections: Connections;
    readonly logger: Logger;
    /** Seconds within which a write is committed or rejects; the first to open the database decides. */
    readonly writeTimeout: number;
  },
  driverOptions: readonly string[] = [],
): { readonly share: Share<PostgresDatabase>; readonly driver: Readonly<Record<string, unknown>> } {
  const { target, driver } = parsePostgresUrl(options.url, options.transport, driverOptions);
  const { writeTimeout, logger } = options;
  const share = options.connections.share(
    target.key,
    (value) => value instanceof PostgresDatabase,
    () => new PostgresDatabase(target, { writeTimeout, logger }),
  );
  return { share, driver };
}

function closedError(): PostgresError {
  return new PostgresError("the PostgreSQL connection is closed", { passing: true });
}
