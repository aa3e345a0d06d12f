import { type FSWatcher, statSync, watch } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { ConfigurationError } from "../errors.js";
import type { Logger } from "../util/logger.js";
import type { Closable, Connections, Share } from "./connections.js";
import { openSqliteFile, RESULT_CODES, resultCode, type SqlHandle, type SqlStatement } from "./sqlite-driver.js";

/** A store that refuses, is busy for too long, or is closed. Drivers translate it into their own errors. */
export class SqliteError extends Error {
  /** Whether another try may succeed: the file is busy, full or closed rather than wrong. */
  readonly passing: boolean;
  constructor(message: string, options: { passing: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = "SqliteError";
    this.passing = options.passing;
  }
}

export interface SqliteOptions {
  readonly path: string;
  /** FULL: a committed write is on disk. NORMAL: it survives the process, not a power cut; a few times faster for single writes. */
  readonly synchronous: "FULL" | "NORMAL";
  /** Seconds a write may wait for its turn before it rejects. */
  readonly writeTimeout: number;
  readonly logger: Logger;
}

/** What an operation works with: statements are prepared once. */
export interface Sql {
  /** Another number in every transaction and every reading. Within one, nobody else changes what was read. */
  readonly turn: number;
  prepare(sql: string): SqlStatement;
  exec(sql: string): void;
}

export interface WriteOptions {
  /** Writes of one chain that are asked for in one turn of the event loop succeed in their order, or from the first failure on not at all. */
  readonly chain?: number | undefined;
  /** Nobody is held up while this waits a moment for others to share its commit with. @default false */
  readonly patient?: boolean;
}

interface PendingWrite {
  readonly operation: (sql: Sql) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  /** Monotonic milliseconds. */
  readonly deadlineMs: number;
  readonly chain: number | undefined;
}

/** How an operation went; it counts once the transaction is committed. */
interface Done {
  readonly write: PendingWrite;
  readonly failed: boolean;
  readonly value: unknown;
}

/** How long a patient write waits for company. A commit costs a fraction of it, and many a worker's tasks less. */
const PATIENCE_MS = 2;
/** One transaction holds the event loop no longer than about this. */
const TRANSACTION_MS = 10;
/** A busy file is tried again after 1 to this many milliseconds, evenly drawn: SQLite's own wait would block the event loop. */
const BUSY_RETRY_MS = 6;
/** Milliseconds between looks at a file somebody writes to: its watch tells of the write, and the commit follows when the disk has it. */
const LOOKS_MS = [1, 2, 4, 8, 16, 32, 64, 128];
/** Prepared statements that are kept. */
const MAX_STATEMENTS = 500;
/** The safety net under the watch, which some file systems lack. */
const POLL_MS = 1000;

const { BUSY, LOCKED, READONLY, FULL, IOERR } = RESULT_CODES;
const ENDS_TRANSACTION: readonly number[] = [FULL, IOERR, READONLY];
const PASSING: readonly number[] = [BUSY, LOCKED, FULL, IOERR];

/**
 * One SQLite file, shared by all parts of an app that live in it.
 *
 * Writes are group-committed: operations that come in one turn of the event loop run in order in one transaction, and settle when
 * it is committed. So results, acknowledgements and the next claim of a busy worker cost one commit together.
 * To be used on the main thread only: a thread that ends inside a call of @photostructure/sqlite takes the process along.
 */
export class SqliteDatabase implements Closable {
  readonly #options: SqliteOptions;
  #handle: SqlHandle | undefined;
  /** Of the file that was opened. */
  #identity: string | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #statements = new Map<string, SqlStatement>();
  #pending: PendingWrite[] = [];
  /** An operation of the transaction that is tried again threw: each runs on its own savepoint. */
  #careful = false;
  /** Chains of which a write has failed, and why, while others of them may wait. */
  readonly #broken = new Map<number, unknown>();
  #flush: NodeJS.Immediate | NodeJS.Timeout | undefined;
  /** Runs while all that waits is patient: the next write that is in a hurry takes it along. */
  #patience: NodeJS.Timeout | undefined;
  readonly #listeners = new Set<() => void>();
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #tellAgain: NodeJS.Timeout | undefined;
  #seenVersion: unknown;
  #complained = false;

  constructor(options: SqliteOptions) {
    this.#options = options;
  }

  /** Absolute; names this file among others. */
  get path(): string {
    return this.#options.path;
  }

  /** Opens the file, making it when it is not there. Idempotent; after a failure it may be called again. */
  open(): Promise<void> {
    if (this.#closing) return Promise.reject(closedError());
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /**
   * Runs `operation` in a transaction, with others, in order of the calls. Settles when it is committed. An operation that throws
   * rejects alone, but for those of its `chain`, which reject with it and write nothing. It may be called more than once: it must do nothing but read and write here.
   */
  write<T>(operation: (sql: Sql) => T, { chain, patient = false }: WriteOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.#handle) {
        reject(closedError());
        return;
      }
      const deadlineMs = performance.now() + this.#options.writeTimeout * 1000;
      // `resolve` gets what `operation` returned: the queue holds operations of all types.
      this.#pending.push({ operation, resolve: (value) => resolve(value as T), reject, deadlineMs, chain });
      this.#scheduleCommit(patient);
    });
  }

  #scheduleCommit(patient: boolean): void {
    if (this.#flush) return;
    if (patient) {
      this.#patience ??= setTimeout(() => this.#commitPending(), PATIENCE_MS);
      return;
    }
    this.#flush = setImmediate(() => this.#commitPending());
  }

  /** Runs `operation` at once on what is committed now. */
  read<T>(operation: (sql: Sql) => T): T {
    if (!this.#handle) throw closedError();
    this.#sql.turn++;
    try {
      return operation(this.#sql);
    } catch (error) {
      throw translate(error);
    }
  }

  /** As `read`, for those who can wait: a file that is busy for a moment (another process recovers or closes it) is read a little later. */
  async query<T>(operation: (sql: Sql) => T): Promise<T> {
    const deadlineMs = performance.now() + this.#options.writeTimeout * 1000;
    for (;;) {
      try {
        return this.read(operation);
      } catch (error) {
        const busy = error instanceof SqliteError && isBusy(error.cause);
        if (!busy || performance.now() > deadlineMs) throw error;
        await new Promise((later) => setTimeout(later, 1 + Math.random() * BUSY_RETRY_MS));
      }
    }
  }

  /**
   * Calls `listener` after every commit, by this process or another. The returned function ends it.
   * Until then it keeps the process alive, as a socket that is listened to does: consumers, subscriptions and pending waits are
   * listeners. An open file that nobody listens to does not.
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#watch();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#unwatch();
    };
  }

  /**
   * Brings the tables of one user of this file up to date. `steps` are SQL scripts in order, run once each, by one of the processes
   * that come at the same time. Throws a `ConfigurationError` when the file was made by a newer version.
   */
  async migrate(user: string, steps: readonly string[]): Promise<void> {
    await this.write((sql) => {
      sql.exec(
        "CREATE TABLE IF NOT EXISTS lovage_migrations (user TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID",
      );
      const done = Number(sql.prepare("SELECT version FROM lovage_migrations WHERE user = ?").get(user)?.version ?? 0);
      if (done > steps.length) {
        throw new ConfigurationError(
          `${this.#options.path} was made by a newer Lovage (${user} tables version ${done}, this one knows ${steps.length})`,
          {
            code: "newer_database",
          },
        );
      }
      if (done === steps.length) return;
      for (const step of steps.slice(done)) sql.exec(step);
      sql
        .prepare("INSERT INTO lovage_migrations VALUES (?, ?) ON CONFLICT DO UPDATE SET version = excluded.version")
        .run(user, steps.length);
    });
  }

  /** Commits what waits and closes the file. Idempotent: all calls settle when it is closed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    while (this.#pending.length > 0) await this.write(() => undefined).catch(() => undefined);
    this.#unwatch();
    this.#statements.clear();
    this.#handle?.close();
    this.#handle = undefined;
  }

  async #open(): Promise<void> {
    const { path, synchronous, logger } = this.#options;
    let handle: SqlHandle | undefined;
    try {
      handle = await openSqliteFile(path, logger);
      // A busy timeout would sleep in the event loop: writes wait by timers instead.
      handle.exec("PRAGMA busy_timeout = 0");
      await this.#prepare(
        handle,
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000`,
      );
    } catch (error) {
      handle?.close();
      throw error instanceof ConfigurationError ? error : translate(error, path);
    }
    this.#handle = handle;
    this.#identity = fileIdentity(path);
  }

  /** Turning a new file into WAL mode needs it alone, and whoever looks at it meanwhile is turned away: processes that start together take turns. */
  async #prepare(handle: SqlHandle, pragmas: string): Promise<void> {
    const deadlineMs = performance.now() + this.#options.writeTimeout * 1000;
    for (;;) {
      try {
        handle.exec(pragmas);
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadlineMs) throw error;
        await new Promise((done) => setTimeout(done, 1 + Math.random() * BUSY_RETRY_MS));
      }
    }
  }

  readonly #sql = {
    turn: 0,
    prepare: (sql: string): SqlStatement => {
      let statement = this.#statements.get(sql);
      if (!statement) {
        if (!this.#handle) throw closedError();
        statement = this.#handle.prepare(sql);
        this.#forgetOldest();
        this.#statements.set(sql, statement);
      }
      return statement;
    },
    exec: (sql: string): void => {
      if (!this.#handle) throw closedError();
      this.#handle.exec(sql);
    },
  } satisfies Sql;

  /** Those in use are soon prepared again. Texts made of what people search for have no end. */
  #forgetOldest(): void {
    if (this.#statements.size < MAX_STATEMENTS) return;
    for (const oldest of this.#statements.keys()) {
      this.#statements.delete(oldest);
      return;
    }
  }

  #commitPending(): void {
    this.#flush = undefined;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    let done: Done[] = [];
    this.#sql.turn++;
    try {
      // What is written to a deleted file is gone with its last holder: nothing may be confirmed that is only there.
      this.#refuseWhenReplaced();
      this.#sql.prepare("BEGIN IMMEDIATE").run();
      done = this.#runPending();
      this.#sql.prepare("COMMIT").run();
    } catch (error) {
      this.#rollBack();
      return this.#postpone(error);
    }
    this.#careful = false;
    this.#pending = this.#pending.slice(done.length);
    if (this.#pending.length > 0) this.#flush = setImmediate(() => this.#commitPending());
    else this.#broken.clear();
    for (const { write, failed, value } of done) {
      if (failed) write.reject(value);
      else write.resolve(value);
    }
    this.#tellListeners();
  }

  /** Runs operations in order for as long as one transaction may take, and returns how they went. */
  #runPending(): Done[] {
    const started = performance.now();
    const done: Done[] = [];
    for (const write of this.#pending) {
      if (performance.now() - started > TRANSACTION_MS) break;
      done.push(this.#careful ? this.#runAlone(write) : this.#runUnguarded(write));
    }
    return done;
  }

  #runUnguarded(write: PendingWrite): Done {
    const broken = this.#brokenBy(write);
    return broken ?? { write, failed: false, value: write.operation(this.#sql) };
  }

  /** The refusal of a write whose chain is broken. */
  #brokenBy(write: PendingWrite): Done | undefined {
    if (this.#broken.size === 0 || write.chain === undefined || !this.#broken.has(write.chain)) return undefined;
    return { write, failed: true, value: this.#broken.get(write.chain) };
  }

  #break({ chain }: PendingWrite, error: unknown): void {
    if (chain !== undefined) this.#broken.set(chain, error);
  }

  /** So that one that throws takes only its own writes back. */
  #runAlone(write: PendingWrite): Done {
    const broken = this.#brokenBy(write);
    if (broken) return broken;
    this.#sql.exec("SAVEPOINT operation");
    try {
      const value = write.operation(this.#sql);
      this.#sql.exec("RELEASE operation");
      return { write, failed: false, value };
    } catch (error) {
      // These end the transaction by themselves: there is no savepoint to go back to.
      if (ENDS_TRANSACTION.includes(resultCode(error) ?? 0)) throw error;
      this.#sql.exec("ROLLBACK TO operation; RELEASE operation");
      this.#sql.turn++;
      const value = translate(error, this.#options.path);
      this.#break(write, value);
      return { write, failed: true, value };
    }
  }

  #refuseWhenReplaced(): void {
    if (fileIdentity(this.#options.path) === this.#identity) return;
    throw new SqliteError(`${this.#options.path} was deleted or replaced while it was open: start this process again`, {
      passing: true,
    });
  }

  #rollBack(): void {
    try {
      this.#sql.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
  }

  /** The transaction did not come about; nothing of it was written. */
  #postpone(error: unknown): void {
    const mayBeOneOperation = !(error instanceof SqliteError) && !ENDS_TRANSACTION.includes(resultCode(error) ?? 0);
    if (!isBusy(error) && !this.#careful && mayBeOneOperation) {
      // One operation threw. Savepoints tell which, and are too dear to set for every operation of every transaction.
      this.#careful = true;
      this.#flush = setImmediate(() => this.#commitPending());
      return;
    }
    this.#careful = false;
    const now = performance.now();
    const giveUp = ({ deadlineMs }: PendingWrite): boolean => !isBusy(error) || deadlineMs <= now;
    const reason = translate(error, this.#options.path);
    const told: PendingWrite[] = [];
    this.#pending = this.#pending.filter((write) => {
      if (!giveUp(write) && !this.#brokenBy(write)) return true;
      this.#break(write, reason);
      told.push(write);
      return false;
    });
    if (this.#pending.length > 0)
      this.#flush = setTimeout(() => this.#commitPending(), 1 + Math.random() * BUSY_RETRY_MS);
    else this.#broken.clear();
    for (const { reject } of told) reject(reason);
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        // Its reading failed, perhaps because the file was busy: what it would have seen must not stay unseen.
        this.#options.logger.warn("could not look at what changed in the database: looking again", {
          error: String(error),
        });
        this.#tellAgain ??= setTimeout(() => {
          this.#tellAgain = undefined;
          this.#tellListeners();
        }, POLL_MS).unref();
      }
    }
  }

  #watch(): void {
    if (this.#poll || !this.#handle) return;
    this.#seenVersion = this.#dataVersion();
    // Keeps the process alive, as an open socket would: a program that only waits for a result would end before it came.
    this.#poll = setInterval(() => this.#lookForChange(), POLL_MS);
    this.#watchWal();
  }

  #watchWal(): void {
    try {
      this.#watcher = watch(`${this.#options.path}-wal`, { persistent: false }, (event) => {
        if (event === "rename") this.#rewatch();
        this.#lookSoon(0);
      });
      this.#watcher.on("error", () => this.#rewatch());
    } catch {
      // Not there yet, or no watches here: the poll notices, and tries again.
    }
  }

  #rewatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #unwatch(): void {
    this.#rewatch();
    clearInterval(this.#poll);
    clearTimeout(this.#look);
    clearTimeout(this.#tellAgain);
    this.#poll = undefined;
    this.#look = undefined;
    this.#tellAgain = undefined;
  }

  /**
   * Looks now and again a few times, whether or not there is something to see: one notice may tell of the end of one commit and the
   * beginning of the next. Each write to the file begins anew.
   */
  #lookSoon(turn: number): void {
    clearTimeout(this.#look);
    this.#look = undefined;
    this.#lookForChange();
    const delayMs = LOOKS_MS[turn];
    if (delayMs === undefined || this.#listeners.size === 0) return;
    this.#look = setTimeout(() => this.#lookSoon(turn + 1), delayMs).unref();
  }

  /** Tells the listeners when another connection has committed since the last look. */
  #lookForChange(): void {
    if (!this.#handle) return;
    if (!this.#watcher) this.#watchWal();
    this.#complainWhenReplaced();
    const version = this.#dataVersion();
    if (version === this.#seenVersion) return;
    this.#seenVersion = version;
    this.#tellListeners();
  }

  /** Who only waits writes nothing, and would wait for ever without a word. */
  #complainWhenReplaced(): void {
    if (this.#complained || fileIdentity(this.#options.path) === this.#identity) return;
    this.#complained = true;
    this.#options.logger.error("the database was deleted or replaced while it was open: start this process again", {
      path: this.#options.path,
    });
  }

  #dataVersion(): unknown {
    try {
      return this.#sql.prepare("PRAGMA data_version").get()?.data_version;
    } catch {
      // Busy for a moment (a checkpoint by the last connection of another process): look again later.
      return this.#seenVersion;
    }
  }
}

/** The database behind a `sqlite:` URL, shared among the parts of one app. Throws a `ConfigurationError` for a URL that names none. */
export function sqliteDatabase(
  url: string,
  connections: Connections,
  options: Pick<SqliteOptions, "writeTimeout" | "logger">,
): Share<SqliteDatabase> {
  const { path, synchronous } = parseSqliteUrl(url);
  return connections.share(
    `sqlite ${path}`,
    (value) => value instanceof SqliteDatabase,
    () => new SqliteDatabase({ ...options, path, synchronous }),
  );
}

/** `sqlite:shop.db`, `sqlite:./data/shop.db`, `sqlite:///var/lib/shop.db`, each with `?synchronous=full|normal`. Relative to the working directory. */
export function parseSqliteUrl(url: string): Pick<SqliteOptions, "path" | "synchronous"> {
  const [, rest = "", query = ""] = /^sqlite:(?:\/\/)?([^?]*)(?:\?(.*))?$/i.exec(url) ?? [];
  if (rest === "" || rest === ":memory:") {
    throw new ConfigurationError(
      `${url || "an empty URL"} names no file: write sqlite:shop.db or sqlite:///var/lib/shop.db; for tests without a file there is memory://`,
      {
        code: "bad_url",
      },
    );
  }
  let synchronous: SqliteOptions["synchronous"] = "FULL";
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== "synchronous")
      throw new ConfigurationError(`sqlite URLs know the option synchronous, not ${name}`, { code: "bad_url" });
    const level = value.toUpperCase();
    if (level !== "FULL" && level !== "NORMAL")
      throw new ConfigurationError(`synchronous is full or normal, not ${value}`, { code: "bad_url" });
    synchronous = level;
  }
  const decoded = decodePath(rest);
  return { path: isAbsolute(decoded) ? decoded : resolve(decoded), synchronous };
}

/** `%20` and the like; a per cent sign that begins no such thing stands for itself. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Tells one file from another under the same name; undefined for one that is not there. */
function fileIdentity(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}

function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

/** Errors of our own stay what they are. */
function translate(error: unknown, path = "the database"): unknown {
  const code = resultCode(error);
  if (code === undefined || !(error instanceof Error)) return error;
  return new SqliteError(`${path}: ${error.message}`, { passing: PASSING.includes(code), cause: error });
}

function closedError(): SqliteError {
  return new SqliteError("the SQLite database is closed", { passing: true });
}
