import type { Share } from "../../connections/connections.js";
import { type CallOptions, RedisError, type RedisServer, redisServer } from "../../connections/redis.js";
import { BackendConnectionError, BackendError, ConfigurationError } from "../../errors.js";
import { isReady } from "../../protocol/states.js";
import { encodeGroupMeta, encodeTaskMeta, type GroupMeta, type TaskMeta } from "../../protocol/task-meta.js";
import { backoffDelay } from "../../util/backoff.js";
import { sleep } from "../../util/clock.js";
import type { BackendCapabilities, BackendOptions, ResultBackend, StoreOptions } from "../backend.js";
import { readStoredGroup, readStoredMeta } from "../stored-meta.js";
import { closedWhileWaiting, Waiters } from "../waiters.js";
import { COUNT_PART } from "./count-part.js";
import { fenceText } from "./fence.js";
import { ResultKeys } from "./keys.js";
import { StoreQueue } from "./store-queue.js";

/** Redis' own limit for a value (proto-max-bulk-len), and Celery's for a result. */
const MAX_BYTES = 512 * 1024 * 1024;

/**
 * Results in Redis, as Celery's own backend keeps and publishes them: Python reads ours, we read Python's.
 *
 * Weaknesses: Redis expires results by its own clock. A failover may lose the last moments' results, as Redis replicates behind.
 * A result that Python stored over one of ours has no fence.
 */
export class RedisBackend implements ResultBackend {
  readonly capabilities: BackendCapabilities = {
    durable: true,
    shared: true,
    log: undefined,
    readers: "all",
    fencing: true,
    groups: true,
    expiry: "itself",
  };
  readonly #share: Share<RedisServer>;
  readonly #server: RedisServer;
  readonly #keys: ResultKeys;
  readonly #lifetimeMs: number;
  readonly #stores: StoreQueue;
  readonly #waiters = new Waiters();
  #stopCatchingUp: (() => void) | undefined;
  #connected = false;
  #closed = false;

  constructor(options: BackendOptions) {
    const { share, driver } = redisServer(options, ["global_keyprefix"]);
    this.#keys = new ResultKeys(keyPrefix(driver.global_keyprefix));
    this.#share = share;
    this.#server = share.value;
    this.#lifetimeMs = options.resultExpires ? Math.max(1, Math.round(options.resultExpires * 1000)) : 0;
    this.#stores = new StoreQueue(this.#server, this.#lifetimeMs);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
    await this.#translated(abortable(this.#server.open(), signal));
    this.#connected = true;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopCatchingUp?.();
    this.#waiters.rejectAll(closedWhileWaiting());
    await this.#stores.drain();
    await this.#share.release();
  }

  async store(meta: TaskMeta, { fence }: StoreOptions = {}): Promise<boolean> {
    this.#refuseWhenUnusable();
    const { taskId: id } = meta;
    const text = encodeTaskMeta(meta);
    refuseTooLarge(id, text);
    const key = this.#keys.task(id);
    const kept = await this.#translated(this.#stores.store({ key, text: text + fenceText(fence), fence }));
    // Who waits on this very connection need not wait for the news to come around.
    if (kept && isReady(meta.status)) this.#waiters.settle(id, text);
    return kept;
  }

  async get(id: string): Promise<TaskMeta | undefined> {
    const text = await this.#read(this.#keys.task(id));
    return text === undefined ? undefined : readStoredMeta(id, text);
  }

  async forget(id: string): Promise<void> {
    await this.#call("del", [this.#keys.task(id)], { idempotent: true });
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.#refuseWhenUnusable();
    this.#catchUp();
    let over = false;
    let stop: (() => void) | undefined;
    try {
      return await this.#waiters.wait(id, signal, async () => {
        // Listening comes before looking, so that nothing stored in between is missed.
        const stopListening = await this.#listen(id);
        if (over) {
          stopListening();
          return;
        }
        stop = stopListening;
        await this.#look(id);
      });
    } finally {
      over = true;
      stop?.();
    }
  }

  async saveGroup(group: GroupMeta): Promise<void> {
    const expiry = this.#lifetimeMs === 0 ? [] : ["PX", this.#lifetimeMs];
    await this.#call("set", [this.#keys.group(group.groupId), encodeGroupMeta(group), ...expiry], { idempotent: true });
  }

  async restoreGroup(id: string): Promise<GroupMeta | undefined> {
    const text = await this.#read(this.#keys.group(id));
    return text === undefined ? undefined : readStoredGroup(id, text);
  }

  async countChordPart(groupId: string, partId: string): Promise<number> {
    this.#refuseWhenUnusable();
    const args = [partId, this.#lifetimeMs];
    // A part counts once: the script may run again when its connection breaks.
    const counting = this.#server.run(COUNT_PART, [this.#keys.parts(groupId)], args, { idempotent: true });
    const count = await this.#translated(counting);
    if (typeof count !== "number")
      throw new BackendError(`Redis counted ${String(count)} parts of the chord ${groupId}`);
    return count;
  }

  /** Redis drops what has expired by itself. */
  async removeExpired(_now: Date): Promise<number> {
    this.#refuseWhenClosed();
    return 0;
  }

  async #listen(id: string): Promise<() => void> {
    const listening = this.#server.subscriber.subscribe(this.#keys.task(id), (payload) => {
      if (payload instanceof Buffer) this.#settle(id, payload.toString());
    });
    return await this.#translated(listening);
  }

  async #look(id: string): Promise<void> {
    const text = await this.#read(this.#keys.task(id));
    if (text !== undefined) this.#settle(id, text);
  }

  /** Ends the waits for a task whose state is ready. What nobody can read ends them too, with an error. */
  #settle(id: string, text: string): void {
    const status = /^\{"status":\s*"([^"\\]*)"/.exec(text)?.[1] ?? statusOf(id, text);
    if (status === undefined || isReady(status)) this.#waiters.settle(id, text);
  }

  /** What was published while the connection was down went past. */
  #catchUp(): void {
    this.#stopCatchingUp ??= this.#server.subscriber.onCaughtUp(() => {
      for (const id of this.#waiters.ids) void this.#lookUntilSeen(id);
    });
  }

  /** A look that fails is repeated: nobody else would tell who waits. */
  async #lookUntilSeen(id: string): Promise<void> {
    for (let attempt = 0; !this.#closed && this.#waiters.has(id); attempt++) {
      try {
        return await this.#look(id);
      } catch {
        await sleep(backoffDelay({ initial: 0.1, max: 2 }, attempt));
      }
    }
  }

  async #read(key: string): Promise<string | undefined> {
    const text = await this.#call("get", [key], { idempotent: true });
    return typeof text === "string" ? text : undefined;
  }

  async #call(name: string, args: readonly (string | number)[], options?: CallOptions): Promise<unknown> {
    this.#refuseWhenUnusable();
    return await this.#translated(this.#server.call(name, args, options));
  }

  async #translated<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      const { message } = error;
      throw error.passing
        ? new BackendConnectionError(message, { cause: error })
        : new BackendError(message, { cause: error });
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BackendError("the result backend was closed", { code: "backend_closed" });
  }
  /** Another part of the app may have opened the connection already: this one is used the same way in any case. */
  #refuseWhenUnusable(): void {
    this.#refuseWhenClosed();
    if (!this.#connected) throw new BackendConnectionError("the result backend is not connected");
  }
}

function keyPrefix(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  throw new ConfigurationError("global_keyprefix must be text", { code: "bad_url" });
}

/** Undefined when the text is no meta. */
function statusOf(id: string, text: string): string | undefined {
  try {
    return readStoredMeta(id, text).status;
  } catch {
    return undefined;
  }
}

/** Throws a `BackendError` for a result that Redis would not take. It cuts the connection over it, with all that is under way. */
export function refuseTooLarge(id: string, text: string, maxBytes = MAX_BYTES): void {
  // A character takes three bytes at most: nearly all results need not be measured.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return;
  throw new BackendError(
    `the result of task ${id} has ${Buffer.byteLength(text)} bytes: Redis keeps ${maxBytes} at most`,
    { code: "result_too_large" },
  );
}

/** Settles as `work` does, or rejects with the signal's reason. The work goes on. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  work.catch(() => undefined);
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}
