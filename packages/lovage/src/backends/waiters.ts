import { BackendConnectionError } from "../errors.js";
import type { TaskMeta } from "../protocol/task-meta.js";
import { type Deferred, deferred } from "../util/deferred.js";

/** Who waits for which task's end. What every backend would repeat. */
export class Waiters {
  readonly #waiting = new Map<string, Set<Deferred<TaskMeta>>>();

  /** Ids somebody waits for. */
  get ids(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  /** Resolves when `settle` is called with this task's ready state; rejects with the signal's reason. */
  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    signal.throwIfAborted();
    const waiter = deferred<TaskMeta>();
    const same = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, same.add(waiter));
    const giveUp = (): void => waiter.reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await waiter.promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
      same.delete(waiter);
      if (same.size === 0 && this.#waiting.get(id) === same) this.#waiting.delete(id);
    }
  }

  isAwaited(id: string): boolean {
    return this.#waiting.has(id);
  }

  settle(meta: TaskMeta): void {
    for (const waiter of this.#waiting.get(meta.taskId) ?? []) waiter.resolve(meta);
  }

  /** Ends all waits: the connection is closed. */
  rejectAll(): void {
    const closed = new BackendConnectionError("the result backend was closed while a result was waited for");
    for (const same of this.#waiting.values()) for (const waiter of same) waiter.reject(closed);
  }
}
