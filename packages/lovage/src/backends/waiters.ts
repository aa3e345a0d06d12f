import { BackendConnectionError } from "../errors.js";
import type { TaskMeta } from "../protocol/task-meta.js";
import { type Deferred, deferred } from "../util/deferred.js";
import { readStoredMeta } from "./stored-meta.js";

interface Waiter extends Deferred<TaskMeta> {
  readonly id: string;
}

/** Who waits for which task's end on one connection. What every backend would repeat. */
export class Waiters {
  readonly #byTask = new Map<string, Set<Waiter>>();
  /** One listener a signal, however many wait on it: Node warns of a leak from the eleventh on. */
  readonly #bySignal = new Map<AbortSignal, { readonly waiters: Set<Waiter>; readonly onAbort: () => void }>();

  /** Ids somebody waits for. */
  get ids(): readonly string[] {
    return [...this.#byTask.keys()];
  }
  has(id: string): boolean {
    return this.#byTask.has(id);
  }
  get isEmpty(): boolean {
    return this.#byTask.size === 0;
  }

  /**
   * Resolves when `settle` is called with this task's ready state; rejects with the signal's reason. `begin` starts what will bring that
   * state about once the wait is known, and ends the wait when it rejects.
   */
  async wait(id: string, signal: AbortSignal, begin?: () => Promise<void>): Promise<TaskMeta> {
    signal.throwIfAborted();
    const waiter: Waiter = { id, ...deferred<TaskMeta>() };
    this.#add(waiter, signal);
    try {
      begin?.().catch(waiter.reject);
      return await waiter.promise;
    } finally {
      this.#remove(waiter, signal);
    }
  }

  /** Ends the waits for a task that is ready; `text` is what was stored. Costs nothing when nobody waits, which is the rule in a worker. */
  settle(id: string, text: string): void {
    for (const waiter of this.#byTask.get(id) ?? []) {
      try {
        // Each its own copy: nobody sees what another does to a result.
        waiter.resolve(readStoredMeta(id, text));
      } catch (error) {
        waiter.reject(error);
      }
    }
    this.#byTask.delete(id);
  }

  /** Ends all waits with an error. */
  rejectAll(reason: unknown): void {
    for (const waiters of this.#byTask.values()) for (const waiter of waiters) waiter.reject(reason);
    this.#byTask.clear();
  }

  #add(waiter: Waiter, signal: AbortSignal): void {
    const sameTask = this.#byTask.get(waiter.id) ?? new Set();
    this.#byTask.set(waiter.id, sameTask.add(waiter));
    const known = this.#bySignal.get(signal);
    if (known) {
      known.waiters.add(waiter);
      return;
    }
    const waiters = new Set([waiter]);
    const onAbort = (): void => {
      for (const each of waiters) each.reject(signal.reason);
    };
    this.#bySignal.set(signal, { waiters, onAbort });
    signal.addEventListener("abort", onAbort, { once: true });
  }

  #remove(waiter: Waiter, signal: AbortSignal): void {
    const sameTask = this.#byTask.get(waiter.id);
    if (sameTask?.delete(waiter) && sameTask.size === 0) this.#byTask.delete(waiter.id);
    const sameSignal = this.#bySignal.get(signal);
    if (!sameSignal?.waiters.delete(waiter) || sameSignal.waiters.size > 0) return;
    this.#bySignal.delete(signal);
    signal.removeEventListener("abort", sameSignal.onAbort);
  }
}

/** Why a wait ended when its connection was closed. */
export function closedWhileWaiting(): BackendConnectionError {
  return new BackendConnectionError("the result backend was closed while a result was waited for");
}
