import type { Gateway } from "../../gateway.js";
import type { PoolKind } from "../../pool-kind.js";
import type { Outcome, TaskRequest } from "../../request.js";
import type { RunReporter } from "../../run-task.js";
import type { Logger } from "../../util/logger.js";
import type { Service } from "../../util/service.js";

export { POOL_KINDS, type PoolKind } from "../../pool-kind.js";

/**
 * Where tasks run. Same semantics in all kinds; `test/contract/pool.contract.ts` pins every sentence here.
 * The pool never touches broker or results itself: what a task does goes out through `PoolOptions.gateway`.
 */
export interface Pool extends Service {
  readonly kind: PoolKind;
  readonly capabilities: PoolCapabilities;
  /** Slots: how many tasks may run at a time. */
  readonly size: number;
  /** Slots in which nothing runs now and which are ready to take a task. */
  readonly free: number;
  /** Runs a request in a free slot. Throws when there is none, or the pool is not running. */
  run(request: TaskRequest, listener: RunListener): Run;
  /** Adds slots. Throws a `ConfigurationError` where the kind cannot. */
  grow(count: number): Promise<void>;
  /** Removes slots, idle ones first; a busy one goes when its task ends. Throws when less than one would be left. */
  shrink(count: number): Promise<void>;
  /** Replaces every process or thread, each when its task ends. */
  restart(): Promise<void>;
  /** Waits for what runs, then stops. Nothing new is accepted. */
  stop(): Promise<void>;
  /** Ends at once: everything that runs ends `given-back`. */
  abort(reason: string): Promise<void>;
  /** One entry a slot, for `inspect stats` and the console. */
  slots(): readonly SlotInfo[];
}

export interface PoolCapabilities {
  /** One task can be ended without its neighbours. */
  readonly terminatesOne: boolean;
  /** A crash of user code leaves the worker standing. */
  readonly isolates: boolean;
  /** So does a crash below JavaScript: a segfault in an addon, `process.abort()`, a full heap. */
  readonly isolatesNativeCrashes: boolean;
  /** The size can change. */
  readonly resizable: boolean;
}

export interface Run {
  /** Always resolves. */
  readonly outcome: Promise<Outcome>;
  /** Process id in which it runs; the worker's own for threads. */
  readonly pid: number;
  /** Aborts the task's signal with `TaskRevokedError`; the task may tidy up. */
  abort(): void;
  /** Ends the task's process or thread. Where the kind cannot, fails the task and abandons its code, and says so by the outcome. */
  terminate(signal: string): void;
}

export interface RunListener extends RunReporter {
  /** The slot has begun: limits count from here. */
  onStarted(): void;
}

export interface SlotInfo {
  readonly pid: number;
  readonly threadId: number | null;
  /** Id of the task that runs here. */
  readonly taskId: string | null;
  readonly taskName: string | null;
  /** Seconds since it began. */
  readonly elapsed: number | null;
  /** Seconds that it may run; null for no limit, or no task. */
  readonly timeLimit: number | null;
  readonly softTimeLimit: number | null;
  /** Tasks finished since this process or thread began. */
  readonly finished: number;
  /** Bytes, as last reported. */
  readonly memory: number | null;
}

export interface PoolOptions {
  readonly size: number;
  /** The module that exports the app; loaded in every process or thread. */
  readonly appPath: string;
  /** A slot's process or thread is replaced after this many tasks; null for never. */
  readonly maxTasksPerChild: number | null;
  /** KiB; a process or thread found larger after a task is replaced; null for never. */
  readonly maxMemoryPerChild: number | null;
  /** Seconds a process or thread may take to load the app. */
  readonly startTimeout: number;
  /** Called when a slot became free for any reason: a task ended, a replacement is ready, the pool grew. */
  readonly onFree: () => void;
  /** What tasks send and ask goes here. */
  readonly gateway: Gateway;
  readonly logger: Logger;
  /** This worker's node name. */
  readonly hostname: string;
}
