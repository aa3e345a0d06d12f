import { Socket } from "node:net";
import type { Client, Notification, QueryConfig } from "pg";
import { clientPackage } from "../util/client-package.js";
import { PostgresError, postgresError } from "./postgres-error.js";
import type { PostgresEndpoint } from "./postgres-url.js";

/** A row, by the names of its columns. `pg` gives bigint and numeric as text, bytea as `Buffer`, timestamptz as `Date`, json parsed. */
export type PostgresRow = Readonly<Record<string, unknown>>;

export interface PostgresResult {
  readonly rows: readonly PostgresRow[];
  /** Rows written or read. */
  readonly count: number;
  /** What was done, as in `INSERT` or `ROLLBACK`. */
  readonly command: string;
  /** Name and type (its number in `pg_type`) of each column. */
  readonly fields?: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** A text with its values for `$1`, `$2`, … */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
}

export interface SessionOptions {
  readonly endpoint: PostgresEndpoint;
  /** Seconds. */
  readonly connectTimeout: number;
  /** Called once when the connection has ended, whoever ended it. */
  readonly onEnd?: (error: PostgresError) => void;
  readonly onNotice?: (channel: string, payload: string) => void;
}

/**
 * Our statements are many and short, and meant to go by indexes: tables of moments ago have no statistics, so that the planner would
 * guess, and compiling or planning each anew costs more than running it.
 */
const PLANNER_SETTINGS = [
  "jit = off",
  "plan_cache_mode = force_generic_plan",
  "enable_seqscan = off",
  "enable_hashjoin = off",
  "enable_mergejoin = off",
];

const SETTLE_SECONDS = 5;
/** Statements that a connection prepares; what comes after those is planned each time. */
const MAX_PREPARED = 300;
/** Milliseconds of silence after which the system asks whether the other end is still there. */
const KEEP_ALIVE_MS = 10_000;

/** One connection, from its handshake to its end. It never comes back. */
export class PostgresSession {
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #where: string;
  readonly #prepared = new Map<string, string>();
  #ended = false;
  #reason: PostgresError | undefined;
  #inPool = false;
  #isDirect = false;

  private constructor(client: Client, socket: Socket, where: string) {
    this.#client = client;
    this.#socket = socket;
    this.#where = where;
  }

  /** Connects and authenticates. Rejects with a `PostgresError`, or a `ConfigurationError` when `pg` is not installed. */
  static async open({ endpoint, connectTimeout, onEnd, onNotice }: SessionOptions): Promise<PostgresSession> {
    const pg = await loadClient();
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: endpoint.connectionString,
      connectionTimeoutMillis: connectTimeout * 1000,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      // All statements of a transaction go out together: it costs one round trip.
      pipeline: true,
      stream: () => socket,
    });
    const session = new PostgresSession(client, socket, endpoint.shown);
    client.on("error", (error) => session.#noteReason(error));
    client.on("end", () => session.#end(onEnd));
    if (onNotice) client.on("notification", ({ channel, payload }: Notification) => onNotice(channel, payload ?? ""));
    try {
      await client.connect();
    } catch (error) {
      session.#ended = true;
      socket.destroy();
      throw postgresError(session.#reason?.cause ?? error, endpoint.shown);
    }
    return session;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** For people: no secrets. */
  get where(): string {
    return this.#where;
  }

  /** As the server told it at the handshake; a pooler tells a number of its own. */
  get processId(): number | undefined {
    const id: unknown = Reflect.get(this.#client, "processID");
    return typeof id === "number" ? id : undefined;
  }

  /**
   * Whether the server itself is spoken to, and remembers: statements are prepared once, and the planner is set once. A pooler may hand the
   * next transaction to another of its connections, and this one to somebody else.
   */
  get isDirect(): boolean {
    return this.#isDirect;
  }

  /** Declares that it is the server itself that is spoken to. */
  async settle(): Promise<void> {
    await this.queryWithin({ text: PLANNER_SETTINGS.map((each) => `SET ${each}`).join("; ") }, SETTLE_SECONDS);
    this.#isDirect = true;
  }

  /**
   * Begins a transaction that cannot outlive its client for long, nor a statement in it. All that is set is set for the transaction alone,
   * which is what works through a pooler.
   * @param lazy its commit does not wait for the disk: after a crash of the server it may not have been
   */
  begin(seconds: number, lazy = false): Promise<PostgresResult> {
    const limitMs = Math.ceil(seconds * 1000);
    const limits = [`statement_timeout = ${limitMs}`, `idle_in_transaction_session_timeout = ${limitMs}`];
    const settings = this.#isDirect ? limits : [...limits, ...PLANNER_SETTINGS];
    if (lazy) settings.push("synchronous_commit = off");
    return this.query({ text: ["BEGIN", ...settings.map((each) => `SET LOCAL ${each}`)].join("; ") });
  }

  /** Sends a statement behind those that are under way. Rejects with a `PostgresError`; it has no deadline of its own. */
  async query({ text, values }: Statement): Promise<PostgresResult> {
    if (this.#ended) throw this.#reason ?? new PostgresError(`PostgreSQL ${this.#where}: the connection has ended`, {});
    try {
      const name = values && this.#isDirect ? this.#nameOf(text) : undefined;
      const config: QueryConfig<unknown[]> = { text };
      if (values) config.values = [...values];
      if (name !== undefined) config.name = name;
      const result = await this.#client.query<Record<string, unknown>>(config);
      const { rows, rowCount, command, fields } = result;
      return { rows, count: rowCount ?? 0, command, fields };
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** As `query`, but when there is no answer within `seconds` the connection is ended. */
  async queryWithin(statement: Statement, seconds: number): Promise<PostgresResult> {
    const deadline = setTimeout(() => this.destroy(`no answer within ${seconds} s`), seconds * 1000);
    try {
      return await this.query(statement);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Whether the connection keeps the process alive. */
  hold(on: boolean): void {
    if (this.#inPool === !on) return;
    this.#inPool = !on;
    if (on) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Says goodbye, when nothing is under way. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.hold(true);
    // A server that does not answer must not hold up the goodbye.
    const tooLong = setTimeout(() => this.#socket.destroy(), 1000);
    try {
      await this.#client.end();
    } finally {
      clearTimeout(tooLong);
      this.#socket.destroy();
    }
  }

  /** Ends the connection at once; what is under way rejects with `reason`. */
  destroy(reason: string): void {
    this.#reason ??= new PostgresError(`PostgreSQL ${this.#where}: ${reason}`, {});
    this.#socket.destroy();
  }

  #nameOf(text: string): string | undefined {
    let name = this.#prepared.get(text);
    // The server keeps what is prepared for as long as the connection lives: texts made of what people search for have no end.
    if (name === undefined && this.#prepared.size >= MAX_PREPARED) return undefined;
    if (name === undefined) {
      name = `lovage_${this.#prepared.size}`;
      this.#prepared.set(text, name);
    }
    return name;
  }

  /** The first one says more than those it brings about. */
  #noteReason(error: unknown): void {
    this.#reason ??= postgresError(error, this.#where);
  }

  #failure(error: unknown): PostgresError {
    const failure = postgresError(error, this.#where);
    if (failure.sqlState === undefined && this.#reason) return this.#reason;
    return failure;
  }

  #end(onEnd: SessionOptions["onEnd"]): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason ??= new PostgresError(`PostgreSQL ${this.#where}: the server ended the connection`, {});
    onEnd?.(this.#reason);
  }
}

async function loadClient(): Promise<{ readonly Client: typeof Client }> {
  // A CommonJS module: its classes are on `default` wherever the names are not found.
  const { default: pg } = await clientPackage("pg", import("pg"));
  return pg;
}
