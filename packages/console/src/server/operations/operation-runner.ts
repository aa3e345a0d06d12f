import type { Logger } from "lovage";
import { newId, sleep } from "lovage/internal";
import type { Operation, StartOperation } from "../../api/operations.js";
import type { ActionDesk } from "../actions/action-desk.js";
import type { LiveHub, Operations } from "../parts.js";
import { ApiError, type User } from "../route.js";
import type { Database } from "../store/database.js";
import { StoreError } from "../store/store-error.js";
import type { TaskStore } from "../store/task-store.js";
import { OperationActs } from "./operation-acts.js";
import {
  type ItemOutcome,
  OperationStore,
  type StoredOperation,
  type TargetOutcome,
  toOperation,
} from "./operation-store.js";
import { isPassing } from "./passing-errors.js";
import { countStopAll, narrowed } from "./stop-all.js";

/** Tasks that are acted on at a time. */
const BATCH = 100;
/** Ids that are read at a time while targets are written down. */
const PAGE = 1000;
/** Operations that one console works on at a time. */
const MOST_AT_ONCE = 16;
/** Milliseconds: after this much silence of its holder another console goes on with an operation. */
const LEASE_MS = 10_000;
const RENEWAL_MS = 3_000;
/** Milliseconds between looks for operations of consoles that have gone. */
const POLL_MS = 2_000;
/** Seconds to wait for a broker or a database that is away; after the last, the operation fails. */
const PATIENCE = [0.5, 1, 2, 4, 8, 15, 30];
/** More tasks than this are terminated only when the number has been typed. */
const TERMINATES_UNASKED = 10;
/** The share by which the tasks may have grown in number since it was read and typed: on a busy system it never stands still. */
const GROWN_MEANWHILE = 0.1;
/** Days that what became of each target is kept. */
const KEPT_DAYS = 90;

export interface OperationRunnerOptions {
  readonly database: Database;
  readonly tasks: TaskStore;
  readonly actions: ActionDesk;
  readonly live: Pick<LiveHub, "publish">;
  readonly logger: Logger;
  /** @default the system's */
  readonly now?: () => Date;
  /** Milliseconds without a sign of life after which another console takes over. @default 10,000 */
  readonly leaseMs?: number;
}

/**
 * Carries out operations over many tasks, in the background. What is to be acted on is written down first, so its number is fixed and
 * nothing that comes later is touched; what became of each is written down with it, so that whoever goes on after a restart goes on with
 * its count. One console holds an operation at a time, by a lease.
 *
 * `open()` begins, `close()` ends: `start` is what an operation is started with.
 */
export class OperationRunner implements Operations {
  readonly #options: OperationRunnerOptions;
  readonly #store: OperationStore;
  readonly #acts: OperationActs;
  /** Names this console in leases. */
  readonly #owner = newId();
  readonly #active = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #wake = new AbortController();
  #looking: Promise<void> | undefined;

  constructor(options: OperationRunnerOptions) {
    this.#options = options;
    this.#store = new OperationStore(options);
    this.#acts = new OperationActs(options);
  }

  /** Makes the tables, and goes on with what was not finished. */
  async open(): Promise<void> {
    if (this.#looking) return;
    await this.#store.open();
    await this.#store.sweep(this.#nowMs() - KEPT_DAYS * 86_400_000);
    this.#looking = this.#look();
  }

  /** Ends work at the next batch and gives it back; another console, or this one later, goes on with it. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake.abort();
    await this.#looking;
    await Promise.allSettled(this.#active.values());
  }

  /**
   * Throws an `ApiError`: 400 `no_targets` when neither ids nor a filter are given, 409 `confirmation_needed` and `count_changed` (there
   * are more tasks by now than the number typed, by over a tenth), and what a bad query throws.
   */
  async start(order: StartOperation, by: User): Promise<Operation> {
    const { filter } = order;
    if (!order.ids && !filter && order.kind !== "stop-all") {
      throw new ApiError(400, "no_targets", `say what to ${order.kind}: ids, or a filter`);
    }
    await this.#checkConfirmation(order);
    const id = newId();
    await this.#store.add(id, order, by, this.#nowMs());
    const added = await this.#store.get(id);
    if (!added) throw new StoreError("an operation that was stored is not there");
    this.#wake.abort();
    return toOperation(added);
  }

  /** How many tasks a stop-all over the filter would revoke, and how many it would terminate. */
  async stopAllCounts(filter: NonNullable<StartOperation["filter"]>): Promise<{ waiting: number; running: number }> {
    return await countStopAll(this.#options.tasks, filter);
  }

  async cancel(id: string): Promise<Operation | undefined> {
    await this.#store.cancel(id);
    const operation = await this.#store.get(id);
    if (!operation) return undefined;
    // One that nobody works on has nobody to end it.
    const ended = await this.#store.cancelWaiting(id, this.#nowMs());
    if (ended) this.#publish(ended);
    return toOperation(ended ?? operation);
  }

  async list(request: {
    readonly limit: number;
    readonly cursor: string | undefined;
  }): Promise<{ readonly items: readonly Operation[]; readonly nextCursor: string | null; readonly total: number }> {
    const [{ items, nextCursor }, total] = await Promise.all([
      this.#store.list(request.limit, request.cursor),
      this.#store.count(),
    ]);
    return { items: items.map(toOperation), nextCursor, total };
  }

  async get(id: string): Promise<Operation | undefined> {
    const operation = await this.#store.get(id);
    return operation && toOperation(operation);
  }

  /** What became of its tasks so far, in order. `cursor`: of the page before. */
  async items(
    id: string,
    request: {
      readonly limit: number;
      readonly cursor?: string | undefined;
      readonly outcome?: ItemOutcome | undefined;
    },
  ): Promise<{
    readonly items: readonly { target: string; outcome: ItemOutcome; detail: string }[];
    readonly nextCursor: string | null;
  }> {
    const afterSeq = /^\d{1,15}$/.test(request.cursor ?? "") ? Number(request.cursor) : -1;
    const found = await this.#store.items(id, { afterSeq, limit: request.limit + 1, outcome: request.outcome });
    const page = found.slice(0, request.limit);
    const last = page.at(-1);
    return {
      items: page.map(({ target, outcome, detail }) => ({ target, outcome, detail })),
      nextCursor: found.length > request.limit && last ? String(last.seq) : null,
    };
  }

  async #checkConfirmation(order: StartOperation): Promise<void> {
    const count = await this.#countTargets(order);
    if (order.kind !== "stop-all" && !(order.kind === "terminate" && count > TERMINATES_UNASKED)) return;
    if (order.confirm === undefined) {
      throw new ApiError(409, "confirmation_needed", `this ends ${count} tasks: confirm the number`);
    }
    if (count > order.confirm * (1 + GROWN_MEANWHILE)) {
      throw new ApiError(
        409,
        "count_changed",
        `${order.confirm} was confirmed, but it would end ${count} tasks by now`,
      );
    }
  }

  async #countTargets(order: StartOperation): Promise<number> {
    if (order.ids) return new Set(order.ids).size;
    const filter = await this.#filterOf(order);
    return filter ? await this.#options.tasks.countMatching(filter) : 0;
  }

  async #filterOf(order: StartOperation): Promise<StartOperation["filter"]> {
    const { kind, filter = {} } = order;
    return kind === "stop-all" ? await narrowed(this.#options.tasks, filter, order) : filter;
  }

  /** Takes what nobody works on, for as long as this console runs. */
  async #look(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      // Made before the look: what is started during it ends the pause before it begins.
      this.#wake = new AbortController();
      const taken = await this.#take();
      if (!taken) await pause(POLL_MS, this.#wake.signal);
    }
  }

  async #take(): Promise<boolean> {
    if (this.#active.size >= MOST_AT_ONCE) return false;
    try {
      const { leaseMs = LEASE_MS } = this.#options;
      const operation = await this.#store.claim(this.#owner, this.#nowMs(), leaseMs);
      // Its lease ran out while this process was held up, and nobody else wanted it.
      if (!operation || this.#active.has(operation.id)) return false;
      const work = this.#work(operation).finally(() => this.#active.delete(operation.id));
      this.#active.set(operation.id, work);
      return true;
    } catch (error) {
      this.#options.logger.warn("operations cannot be looked for", { error: String(error) });
      return false;
    }
  }

  /** Never rejects. */
  async #work(operation: StoredOperation): Promise<void> {
    const { logger } = this.#options;
    const hold = new Hold(this.#store, operation.id, this.#owner, this.#options.leaseMs ?? LEASE_MS, () =>
      this.#nowMs(),
    );
    const stop = AbortSignal.any([this.#closing.signal, hold.ended]);
    try {
      const end = await this.#carryOut(operation, stop);
      if (end === "done") await this.#patiently(stop, () => this.#finish(operation, "done"));
      else if (end === "cancelled" || hold.state === "cancelled") await this.#finish(operation, "cancelled");
      else if (hold.state === "held") await this.#store.release(operation.id, this.#owner);
    } catch (error) {
      logger.error("an operation failed", { operation: operation.id, error: String(error) });
      await this.#finish(operation, "failed", error instanceof Error ? error.message : String(error)).catch(
        (failure: unknown) => logger.error("its failure cannot be stored", { error: String(failure) }),
      );
    } finally {
      hold.stop();
    }
  }

  async #carryOut(operation: StoredOperation, stop: AbortSignal): Promise<"done" | "cancelled" | "stopped"> {
    this.#publish(operation);
    if (operation.total === null) await this.#patiently(stop, () => this.#writeTargets(operation, stop));
    for (;;) {
      if (stop.aborted) return "stopped";
      const step = await this.#patiently(stop, () => this.#step(operation));
      if (step === "none") return "done";
      if (step === "cancelled") return "cancelled";
      // Another console has it by now, and writes down what becomes of it.
      if (step === "lost") return "stopped";
    }
  }

  /** May be done again from the start, when the database or the task store was away in between. */
  async #writeTargets(operation: StoredOperation, stop: AbortSignal): Promise<void> {
    const { id, order } = operation;
    await this.#store.clearTargets(id, this.#owner);
    let total = 0;
    for await (const ids of this.#targetsOf(order)) {
      if (stop.aborted) return;
      await this.#store.addTargets(id, this.#owner, ids, total);
      total += ids.length;
    }
    if (stop.aborted) return;
    const counted = await this.#store.setTotal(id, this.#owner, total);
    if (counted) this.#publish(counted);
  }

  async *#targetsOf(order: StartOperation): AsyncGenerator<readonly string[]> {
    if (order.ids) {
      yield [...new Set(order.ids)];
      return;
    }
    const filter = await this.#filterOf(order);
    if (!filter) return;
    let after: string | undefined;
    for (;;) {
      const ids = await this.#options.tasks.idsMatching(filter, { after, limit: PAGE });
      yield ids;
      after = ids.at(-1);
      if (ids.length < PAGE || after === undefined) return;
    }
  }

  /** Acts on the next batch. Whether it is to be cancelled is asked after each: the lease is renewed too seldom to tell in time. */
  async #step(operation: StoredOperation): Promise<"some" | "none" | "cancelled" | "lost"> {
    const targets = await this.#store.begin(operation.id, this.#owner, BATCH);
    if (!targets) return "lost";
    if (targets.length === 0) return "none";
    const outcomes = await this.#acts.actOn(operation, targets);
    const settled = await this.#patiently(this.#closing.signal, () => this.#settle(operation, outcomes));
    if (settled === "stopped" || !settled) return "lost";
    this.#publish(settled);
    return settled.cancelled && hasMore(settled) ? "cancelled" : "some";
  }

  async #settle({ id }: StoredOperation, outcomes: readonly TargetOutcome[]): Promise<StoredOperation | undefined> {
    return await this.#store.settle(id, this.#owner, outcomes);
  }

  /** A broker or a database that is away for a while must not fail the rest of an operation. */
  async #patiently<T>(stop: AbortSignal, act: () => Promise<T>): Promise<T | "stopped"> {
    for (const delay of PATIENCE) {
      try {
        return await act();
      } catch (error) {
        if (!isPassing(error)) throw error;
        this.#options.logger.warn("an operation waits", { error: String(error), delay });
        await pause(delay * 1000, stop);
        if (stop.aborted) return "stopped";
      }
    }
    return await act();
  }

  async #finish(
    { id }: StoredOperation,
    state: "done" | "cancelled" | "failed",
    error: string | null = null,
  ): Promise<Operation | undefined> {
    const finished = await this.#store.finish(id, this.#owner, state, error, this.#nowMs());
    if (finished) this.#publish(finished);
    return finished && toOperation(finished);
  }

  #publish(operation: StoredOperation): void {
    const { id } = operation;
    this.#options.live.publish(`operation:${id}`, "operation", toOperation(operation), id);
  }

  #nowMs(): number {
    return (this.#options.now?.() ?? new Date()).getTime();
  }
}

/** Keeps an operation held while it is worked on, and hears when it is to end. */
class Hold {
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  state: "held" | "lost" | "cancelled" = "held";

  constructor(store: OperationStore, id: string, owner: string, leaseMs: number, nowMs: () => number) {
    this.#timer = setInterval(
      () => {
        store.renew(id, owner, nowMs() + leaseMs).then(
          (state) => this.#hear(state),
          // The database is away: whoever works on it finds that out too.
          () => undefined,
        );
      },
      Math.min(RENEWAL_MS, leaseMs / 3),
    );
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #hear(state: Hold["state"]): void {
    if (state === "held") return;
    this.state = state;
    this.#ended.abort();
  }
}

function hasMore({ total, done, failed, skipped }: StoredOperation): boolean {
  return total === null || done + failed + skipped < total;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms / 1000, signal).catch(() => undefined);
}
