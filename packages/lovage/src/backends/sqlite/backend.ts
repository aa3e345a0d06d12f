import type { Share } from "../../connections/connections.js";
import {
  parseSqliteUrl,
  type Sql,
  type SqliteDatabase,
  SqliteError,
  sqliteDatabase,
  type WriteOptions,
} from "../../connections/sqlite.js";
import { BackendConnectionError, BackendError, LovageError } from "../../errors.js";
import { isReady, READY_STATES } from "../../protocol/states.js";
import { encodeGroupMeta, encodeTaskMeta, type GroupMeta, type TaskMeta } from "../../protocol/task-meta.js";
import { type Clock, systemClock } from "../../util/clock.js";
import type { BackendCapabilities, BackendOptions, ResultBackend, StoreOptions } from "../backend.js";
import { readStoredGroup, readStoredMeta } from "../stored-meta.js";
import { closedWhileWaiting, Waiters } from "../waiters.js";
import { ReadyResults } from "./ready-results.js";
import { BACKEND_MIGRATIONS } from "./schema.js";
import * as statements from "./statements.js";

/** Seconds within which a write has its turn or rejects. */
const WRITE_TIMEOUT = 10;
/** Milliseconds until a look at the file that met a busy moment is repeated. */
const LOOK_AGAIN_MS = 20;

/** Results in one SQLite file: the broker's own, if it is one, and then in the same transactions. */
export class SqliteBackend implements ResultBackend {
  readonly capabilities: BackendCapabilities;
  readonly #share: Share<SqliteDatabase>;
  readonly #database: SqliteDatabase;
  readonly #readyShare: Share<ReadyResults>;
  readonly #ready: ReadyResults;
  readonly #lifetimeMs: number | undefined;
  readonly #clock: Clock;
  readonly #waiters = new Waiters();
  #stopListening: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  /** SQLite's count of other connections' commits, at the last look for waiters. */
  #seenVersion: unknown;
  #closed = false;

  constructor({ url, connections, logger, resultExpires, clock = systemClock }: BackendOptions) {
    this.#share = sqliteDatabase(url, connections, { writeTimeout: WRITE_TIMEOUT, logger });
    this.#database = this.#share.value;
    this.capabilities = {
      durable: true,
      shared: true,
      log: this.#database.path,
      readers: "all",
      fencing: true,
      groups: true,
      expiry: "removed",
    };
    this.#readyShare = connections.share(
      `sqlite ready results ${parseSqliteUrl(url).path}`,
      (value) => value instanceof ReadyResults,
      () => new ReadyResults(),
    );
    this.#ready = this.#readyShare.value;
    this.#lifetimeMs = resultExpires ? resultExpires * 1000 : undefined;
    this.#clock = clock;
    this.#ready.add(this.#waiters);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
    await translated(this.#database.open());
    signal?.throwIfAborted();
    await translated(this.#database.migrate("results", BACKEND_MIGRATIONS));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unlisten();
    this.#ready.remove(this.#waiters);
    this.#waiters.rejectAll(closedWhileWaiting());
    await this.#readyShare.release();
    await this.#share.release();
  }

  async store(meta: TaskMeta, { fence }: StoreOptions = {}): Promise<boolean> {
    this.#refuseWhenClosed();
    const { taskId: id, status } = meta;
    let text: string;
    try {
      text = encodeTaskMeta(meta);
    } catch (error) {
      return await this.#failWrite(error, fence);
    }
    const nowMs = this.#nowMs();
    const result = { id, status, fence, text, expiresMs: this.#expiry(nowMs) };
    const kept = await this.#write((sql) => statements.storeResult(sql, result, nowMs), {
      chain: fence,
      // A worker's result: its acknowledgement, which comes with it, knows whether there is hurry.
      patient: fence !== undefined,
    });
    if (kept && isReady(status)) this.#ready.settle(id, text);
    return kept;
  }

  async get(id: string): Promise<TaskMeta | undefined> {
    const found = this.#read((sql) => statements.findResult(sql, id, this.#nowMs()));
    return found && readStoredMeta(id, found.text);
  }

  async forget(id: string): Promise<void> {
    await this.#write((sql) => statements.removeResult(sql, id));
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.#refuseWhenClosed();
    signal.throwIfAborted();
    // Listening comes before looking, so that nothing stored in between is missed.
    this.#listen();
    try {
      const found = this.#read((sql) => statements.findResult(sql, id, this.#nowMs()));
      if (found && isReady(found.status)) return readStoredMeta(id, found.text);
      return await this.#waiters.wait(id, signal);
    } finally {
      // Listening keeps the process alive: it ends with the last wait.
      if (this.#waiters.isEmpty) this.#unlisten();
    }
  }

  async saveGroup(group: GroupMeta): Promise<void> {
    const text = encodeGroupMeta(group);
    await this.#write((sql) => statements.storeGroup(sql, group.groupId, text, this.#expiry(this.#nowMs())));
  }

  async restoreGroup(id: string): Promise<GroupMeta | undefined> {
    const text = this.#read((sql) => statements.findGroup(sql, id, this.#nowMs()));
    return text === undefined ? undefined : readStoredGroup(id, text);
  }

  async countChordPart(groupId: string, partId: string): Promise<number> {
    const nowMs = this.#nowMs();
    return await this.#write((sql) => statements.countPart(sql, groupId, partId, nowMs, this.#expiry(nowMs)));
  }

  /** In small transactions, between which other work has its turn. */
  async removeExpired(now: Date): Promise<number> {
    const nowMs = now.getTime();
    let total = 0;
    for (let more = true; more; ) {
      const batch = await this.#write((sql) => statements.removeExpiredResults(sql, nowMs));
      total += batch.removed;
      more = batch.more;
    }
    while (await this.#write((sql) => statements.removeExpiredGroups(sql, nowMs)));
    return total;
  }

  #listen(): void {
    if (this.#stopListening) return;
    // Before the first look: a commit between the two is then looked at once too often, never not at all.
    this.#seenVersion = this.#read(othersCommits);
    this.#stopListening = this.#database.onChange(() => this.#lookSoon());
  }

  #unlisten(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  /** One look for any number of commits. By then our own stores, of which the file tells too, have ended their waits. */
  #lookSoon(): void {
    if (this.#cancelLook) return;
    const look = setImmediate(() => this.#lookForWaiters());
    this.#cancelLook = () => clearImmediate(look);
  }

  #lookAgain(): void {
    const look = setTimeout(() => this.#lookForWaiters(), LOOK_AGAIN_MS).unref();
    this.#cancelLook = () => clearTimeout(look);
  }

  #lookForWaiters(): void {
    this.#cancelLook = undefined;
    try {
      const version = this.#read(othersCommits);
      if (version === this.#seenVersion) return;
      const { ids } = this.#waiters;
      const ready = this.#read((sql) => statements.findReady(sql, ids, READY_STATES, this.#nowMs()));
      this.#seenVersion = version;
      for (const { id, text } of ready) this.#waiters.settle(id, text);
    } catch (error) {
      // Only a busy moment passes; who waits for a file that is broken would wait for ever.
      if (error instanceof BackendConnectionError) this.#lookAgain();
      else this.#waiters.rejectAll(error);
    }
  }

  /** Rejects as a write that fails does, so that the acknowledgement that was to come with it falls too. */
  #failWrite(error: unknown, chain: number | undefined): Promise<never> {
    return this.#write(
      () => {
        throw error;
      },
      { chain },
    );
  }

  async #write<T>(operation: (sql: Sql) => T, options?: WriteOptions): Promise<T> {
    this.#refuseWhenClosed();
    return await translated(this.#database.write(operation, options));
  }

  #read<T>(operation: (sql: Sql) => T): T {
    this.#refuseWhenClosed();
    try {
      return this.#database.read(operation);
    } catch (error) {
      throw backendError(error);
    }
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }

  #expiry(nowMs: number): number | null {
    return this.#lifetimeMs === undefined ? null : nowMs + this.#lifetimeMs;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BackendError("the result backend was closed", { code: "backend_closed" });
  }
}

/** Changes when another connection to the file has committed; our own commits leave it as it is. */
function othersCommits(sql: Sql): unknown {
  return sql.prepare("PRAGMA data_version").get()?.data_version;
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw backendError(error);
  }
}

function backendError(error: unknown): unknown {
  if (error instanceof LovageError) return error;
  const passing = error instanceof SqliteError && error.passing;
  const message = error instanceof Error ? error.message : String(error);
  return passing ? new BackendConnectionError(message, { cause: error }) : new BackendError(message, { cause: error });
}
