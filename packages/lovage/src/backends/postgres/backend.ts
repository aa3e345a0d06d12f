import type { Share } from "../../connections/connections.js";
import { type PostgresDatabase, PostgresError, postgresDatabase, type WriteKind } from "../../connections/postgres.js";
import { BackendConnectionError, BackendError } from "../../errors.js";
import { isReady } from "../../protocol/states.js";
import { encodeTaskMeta, type GroupMeta, type TaskMeta } from "../../protocol/task-meta.js";
import { type Clock, systemClock } from "../../util/clock.js";
import type { BackendCapabilities, BackendOptions, ResultBackend, StoreOptions } from "../backend.js";
import { readStoredGroup, readStoredMeta } from "../stored-meta.js";
import { closedWhileWaiting, Waiters } from "../waiters.js";
import { type ChordPart, countKind, removeExpiredChords } from "./chord-parts.js";
import { DjangoTables } from "./django-tables.js";
import { readLayout } from "./layout.js";
import { OwnTables } from "./own-tables.js";
import { readyNotice } from "./ready-notice.js";
import { ResultListener } from "./result-listener.js";
import type { ResultTables, StoredResult } from "./result-tables.js";

/** Seconds within which a write is committed or rejects. */
const WRITE_TIMEOUT = 10;

/**
 * Results in PostgreSQL: in the broker's schema, if the broker is the same database, and then in the same commits as its
 * acknowledgements; or, with `layout=django`, in the tables of django-celery-results.
 */
export class PostgresBackend implements ResultBackend {
  readonly capabilities: BackendCapabilities;
  readonly #share: Share<PostgresDatabase>;
  readonly #database: PostgresDatabase;
  readonly #tables: ResultTables;
  readonly #countPart: WriteKind<ChordPart, number>;
  readonly #lifetimeMs: number | undefined;
  readonly #clock: Clock;
  readonly #waiters = new Waiters();
  readonly #listener: ResultListener;
  /** Ids that the next look reads, and who wants to know when it has. */
  readonly #toLookAt = new Set<string>();
  #nextLook: Promise<void> | undefined;
  #connected = false;
  #closed = false;

  constructor(options: BackendOptions) {
    const { resultExpires, clock = systemClock } = options;
    const { share, driver } = postgresDatabase({ ...options, writeTimeout: WRITE_TIMEOUT }, ["layout", "djangoSchema"]);
    const layout = readLayout(driver);
    this.#share = share;
    this.#database = share.value;
    this.#lifetimeMs = resultExpires ? resultExpires * 1000 : undefined;
    this.#clock = clock;
    this.#tables =
      layout.kind === "django"
        ? new DjangoTables(this.#database, { schema: layout.schema, lifetimeMs: this.#lifetimeMs })
        : new OwnTables(this.#database);
    this.#countPart = countKind(this.#database.schema);
    this.#listener = new ResultListener(this.#database, {
      onReady: (id, text) => this.#hear(id, text),
      onLook: () => this.#lookForAll(),
      // Python tells nobody of what it stores.
      polls: layout.kind === "django",
    });
    this.capabilities = {
      durable: true,
      shared: true,
      log: this.#database.log,
      readers: "all",
      fencing: true,
      groups: true,
      expiry: "removed",
    };
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
    await translated(this.#database.open());
    await translated(this.#tables.open());
    signal?.throwIfAborted();
    this.#connected = true;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiters.rejectAll(closedWhileWaiting());
    this.#listener.close();
    await this.#share.release();
  }

  async store(meta: TaskMeta, { fence }: StoreOptions = {}): Promise<boolean> {
    this.#refuseWhenUnusable();
    const { taskId: id, status } = meta;
    let text: string;
    try {
      text = encodeTaskMeta(meta);
    } catch (error) {
      // Its acknowledgement, which comes with it, falls too.
      return await this.#database.fail(error, { chain: fence });
    }
    const nowMs = this.#nowMs();
    const result = { id, meta, text, fence, nowMs, expiresMs: this.#expiry(nowMs) };
    // A worker's result is patient: its acknowledgement, which comes with it, knows whether there is hurry.
    const storing = this.#tables.store(result, { chain: fence, patient: fence !== undefined });
    const { kept, awaited } = await translated(storing);
    if (kept && isReady(status)) this.#tellReady(id, text, awaited);
    return kept;
  }

  async get(id: string): Promise<TaskMeta | undefined> {
    const [found] = await this.#find([id]);
    return found && readStoredMeta(id, found.text);
  }

  async forget(id: string): Promise<void> {
    this.#refuseWhenUnusable();
    await translated(this.#tables.remove(id));
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.#refuseWhenUnusable();
    try {
      return await this.#waiters.wait(id, signal, async () => {
        // Listening comes before looking, so that nothing stored in between is missed.
        await translated(this.#listener.start());
        await this.#look(id);
      });
    } finally {
      // Listening keeps the process alive: it ends with the last wait.
      if (this.#waiters.isEmpty) this.#listener.stop();
    }
  }

  async saveGroup(group: GroupMeta): Promise<void> {
    this.#refuseWhenUnusable();
    const nowMs = this.#nowMs();
    await translated(this.#tables.saveGroup(group, nowMs, this.#expiry(nowMs)));
  }

  async restoreGroup(id: string): Promise<GroupMeta | undefined> {
    this.#refuseWhenUnusable();
    const text = await translated(this.#tables.findGroup(id, this.#nowMs()));
    return text === undefined ? undefined : readStoredGroup(id, text);
  }

  async countChordPart(groupId: string, partId: string): Promise<number> {
    this.#refuseWhenUnusable();
    const nowMs = this.#nowMs();
    const part = { groupId, partId, nowMs, expiresMs: this.#expiry(nowMs) };
    return await translated(this.#database.write(this.#countPart, part));
  }

  /** In small statements, between which other work has its turn. */
  async removeExpired(now: Date): Promise<number> {
    this.#refuseWhenUnusable();
    const nowMs = now.getTime();
    let total = 0;
    for (let more = true; more; ) {
      const batch = await translated(this.#tables.removeExpired(nowMs));
      total += batch.removed;
      more = batch.more;
    }
    while (await translated(removeExpiredChords(this.#database, nowMs)));
    return total;
  }

  /** Who waits on this very connection need not wait for the news to come around. */
  #tellReady(id: string, text: string, awaited: boolean): void {
    this.#waiters.settle(id, text);
    const notice = awaited ? readyNotice(id, text) : undefined;
    if (notice !== undefined) this.#database.notify("results", notice);
  }

  #hear(id: string, text: string | undefined): void {
    if (!this.#waiters.has(id)) return;
    if (text === undefined) this.#look(id).catch((error: unknown) => this.#noteLookFailed(error));
    else this.#waiters.settle(id, text);
  }

  #lookForAll(): void {
    const { ids } = this.#waiters;
    if (ids.length === 0) return;
    for (const id of ids) this.#toLookAt.add(id);
    this.#lookSoon().catch((error: unknown) => this.#noteLookFailed(error));
  }

  async #look(id: string): Promise<void> {
    this.#toLookAt.add(id);
    await this.#lookSoon();
  }

  /** One query for all that want to look in one turn of the event loop. */
  #lookSoon(): Promise<void> {
    this.#nextLook ??= new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
      this.#nextLook = undefined;
      const ids = [...this.#toLookAt];
      this.#toLookAt.clear();
      if (this.#closed) return;
      for (const { id, status, text } of await this.#find(ids)) if (isReady(status)) this.#waiters.settle(id, text);
    });
    return this.#nextLook;
  }

  /** Only a lost connection passes, and is made up for by the next look; otherwise they would wait for ever. */
  #noteLookFailed(error: unknown): void {
    if (!(error instanceof BackendConnectionError)) this.#waiters.rejectAll(error);
  }

  async #find(ids: readonly string[]): Promise<readonly StoredResult[]> {
    this.#refuseWhenUnusable();
    return await translated(this.#tables.find(ids, this.#nowMs()));
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
  #refuseWhenUnusable(): void {
    this.#refuseWhenClosed();
    if (!this.#connected) throw new BackendConnectionError("the result backend is not connected");
  }
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof PostgresError)) throw error;
    const { message } = error;
    throw error.passing
      ? new BackendConnectionError(message, { cause: error })
      : new BackendError(message, { cause: error });
  }
}
