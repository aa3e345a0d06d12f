import { BackendConnectionError } from "../errors.js";
import type { TaskMeta } from "../protocol/task-meta.js";
import { type Deferred, deferred } from "../util/deferred.js";
import { readStoredMeta } from "./stored-meta.js";

/** Who waits for which task's end on one connection. What every backend would repeat. */
export class Waiters {
  readonly #waiting = new Map<string, Set<Deferred<TaskMeta>>>();

  /** Ids somebody waits for. */
  get ids(): readonly string[] {
    return [...this.#waiting.keys()];
  }
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
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

  /** Ends the waits for a task that is ready; `text` is what was stored. Costs nothing when nobody waits, which is the rule in a worker. */
  settle(id: string, text: string): void {
    const same = this.#waiting.get(id);
    if (!same) return;
    this.#waiting.delete(id);
    for (const waiter of same) {
      try {
        // Each its own copy: nobody sees what another does to a result.
        waiter.resolve(readStoredMeta(id, text));
      } catch (error) {
        waiter.reject(error);
      }
    }
  }

  /** Ends all waits with an error. */
  rejectAll(reason: unknown): void {
    for (const same of this.#waiting.values()) for (const waiter of same) waiter.reject(reason);
    this.#waiting.clear();
  }
}

/** Why a wait ended when its connection was closed. */
export function closedWhileWaiting(): BackendConnectionError {
  return new BackendConnectionError("the result backend was closed while a result was waited for");
}
