import { ConfigurationError } from "../../errors.js";
import type { TaskRequest } from "../../request.js";
import { backoffDelay } from "../../util/backoff.js";
import { systemClock } from "../../util/clock.js";
import type { OpenCarrier } from "./carrier.js";
import { Child, type ChildEvents } from "./child.js";
import type { Pool, PoolCapabilities, PoolKind, PoolOptions, Run, RunListener, SlotInfo } from "./pool.js";

/** What makes one kind of pool differ from another. */
export interface PoolTraits {
  readonly kind: PoolKind;
  readonly capabilities: PoolCapabilities;
  readonly openCarrier: OpenCarrier;
  /** One child runs all tasks, on one event loop; otherwise each child runs one at a time. */
  readonly shared: boolean;
}

/** Wait before another try when a child ended before it was of use: seconds. */
const START_BACKOFF = { initial: 0.5, max: 30, jitter: false } as const;

type SupervisorState = "new" | "starting" | "running" | "stopping" | "stopped";

/**
 * Keeps a pool's children: as many as its size asks for, replaced when they leave. A replacement starts the moment its predecessor
 * takes its last task, so that recycling does not stall; `free` never counts more than `size` slots, whatever is starting or leaving.
 */
export class Supervisor implements Pool {
  readonly #traits: PoolTraits;
  readonly #options: PoolOptions;
  readonly #children = new Set<Child>();
  readonly #events: ChildEvents;
  #state: SupervisorState = "new";
  #starting: Promise<void> | undefined;
  #size: number;
  /** Children in a row that ended before they were of use. */
  #failures = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(traits: PoolTraits, options: PoolOptions) {
    this.#traits = traits;
    this.#options = options;
    this.#size = options.size;
    this.#events = {
      onFree: () => this.#options.onFree(),
      onLeaving: (child) => this.#replace(child),
      onGone: (child) => this.#forget(child),
    };
  }

  get kind(): PoolKind {
    return this.#traits.kind;
  }
  get capabilities(): PoolCapabilities {
    return this.#traits.capabilities;
  }
  get size(): number {
    return this.#size;
  }
  get free(): number {
    if (this.#state !== "running") return 0;
    let running = 0;
    let available = 0;
    for (const child of this.#children) {
      running += child.running;
      available += this.#room(child);
    }
    return Math.max(0, Math.min(this.#size - running, available));
  }

  /** Rejects with a `ConfigurationError`, nothing left running, when the app cannot be loaded. */
  start(): Promise<void> {
    this.#starting ??= this.#startOnce();
    return this.#starting;
  }

  run(request: TaskRequest, listener: RunListener): Run {
    const child = this.free > 0 ? this.#childWithRoom() : undefined;
    if (!child)
      throw new Error(
        this.#state === "running" ? "the pool has no free slot" : `the pool is not running: it is ${this.#state}`,
      );
    return child.run(request, listener);
  }

  async grow(count: number): Promise<void> {
    this.#size += count;
    const started = this.#balance();
    if (this.#traits.shared) this.#events.onFree();
    await this.#settled(started);
  }

  async shrink(count: number): Promise<void> {
    if (this.#size - count < 1)
      throw new ConfigurationError(`a pool keeps at least one slot: it has ${this.#size}, ${count} cannot go`, {
        code: "pool_size",
      });
    this.#size -= count;
    if (this.#traits.shared) return;
    const staying = this.#staying();
    const idleFirst = [...staying].sort((one, other) => one.running - other.running);
    for (const child of idleFirst.slice(0, staying.length - this.#size)) child.retire();
  }

  async restart(): Promise<void> {
    if (this.#state !== "running") return;
    const replacements: Child[] = [];
    for (const child of this.#staying()) {
      // The successor first, so that a slot without a task is not without a child meanwhile.
      const known = new Set(this.#children);
      child.retire();
      replacements.push(...[...this.#children].filter((each) => !known.has(each)));
    }
    await this.#settled(replacements);
  }

  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#beginStop();
    for (const child of this.#children) {
      if (child.state === "starting") child.end({ kind: "given-back", reason: "the pool stops" });
      else child.retire();
    }
    await this.#allGone();
  }

  async abort(reason: string): Promise<void> {
    if (this.#state === "stopped") return;
    this.#beginStop();
    for (const child of this.#children) child.end({ kind: "given-back", reason });
    await this.#allGone();
  }

  slots(): readonly SlotInfo[] {
    const perChild = this.#traits.shared ? this.#size : 1;
    const entries = [...this.#children].flatMap((child) =>
      child.slots(child.state === "leaving" ? child.running : perChild),
    );
    const busy = entries.filter((entry) => entry.taskId !== null);
    // A replacement may be there before its predecessor's last task has ended: they share a slot.
    const idle = entries.filter((entry) => entry.taskId === null).slice(0, Math.max(0, this.#size - busy.length));
    return [...busy, ...idle];
  }

  async #startOnce(): Promise<void> {
    if (this.#state !== "new") throw new Error(`the pool cannot start: it is ${this.#state}`);
    this.#state = "starting";
    try {
      await Promise.all(this.#balance().map((child) => child.ready));
    } catch (error) {
      await this.abort("the app could not be loaded");
      throw error;
    }
    if (this.#state !== "starting") throw new Error("the pool was stopped while it started");
    this.#state = "running";
    this.#events.onFree();
  }

  /** Starts the children that are missing, and returns them. */
  #balance(): Child[] {
    if (!this.#atWork() || this.#cancelRetry) return [];
    const wanted = this.#traits.shared ? 1 : this.#size;
    const missing = Math.max(0, wanted - this.#staying().length);
    return Array.from({ length: missing }, () => this.#spawn());
  }

  #spawn(): Child {
    const { appPath, maxTasksPerChild, maxMemoryPerChild, startTimeout, gateway, logger } = this.#options;
    const child = new Child(
      {
        openCarrier: this.#traits.openCarrier,
        shared: this.#traits.shared,
        appPath,
        maxTasks: maxTasksPerChild,
        maxMemory: maxMemoryPerChild === null ? null : maxMemoryPerChild * 1024,
        startTimeout,
        gateway,
        logger,
      },
      this.#events,
    );
    this.#children.add(child);
    return child;
  }

  #replace(child: Child): void {
    if (child.failure) this.#waitBeforeNextStart(child.failure);
    else if (child.finished > 0) this.#failures = 0;
    this.#balance();
  }

  #forget(child: Child): void {
    this.#children.delete(child);
    this.#events.onFree();
  }

  /** An app that cannot be loaded, or whose process ends by itself, is not tried again in a tight loop. */
  #waitBeforeNextStart(failure: Error): void {
    if (this.#state !== "running") return;
    this.#options.logger.error("a process or thread of the pool could not start", { error: failure.message });
    this.#cancelRetry ??= systemClock.after(backoffDelay(START_BACKOFF, this.#failures++), () => {
      this.#cancelRetry = undefined;
      this.#balance();
    });
  }

  #atWork(): boolean {
    return this.#state === "starting" || this.#state === "running";
  }

  #beginStop(): void {
    this.#state = "stopping";
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  async #allGone(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.gone));
    this.#state = "stopped";
  }

  /** Waits until each of these can take tasks, or is known not to: the supervisor tries again by itself. */
  async #settled(children: readonly Child[]): Promise<void> {
    await Promise.allSettled(children.map((child) => child.ready));
  }

  #staying(): Child[] {
    return [...this.#children].filter((child) => child.state === "starting" || child.state === "ready");
  }

  #room(child: Child): number {
    if (!child.responsive) return 0;
    return (this.#traits.shared ? this.#size : 1) - child.running;
  }

  #childWithRoom(): Child | undefined {
    for (const child of this.#children) if (this.#room(child) > 0) return child;
    return undefined;
  }
}
