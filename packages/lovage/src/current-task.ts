import { AsyncLocalStorage } from "node:async_hooks";
import { ConfigurationError, type RetryOptions } from "./errors.js";
import type { ResultTuple } from "./protocol/task-meta.js";
import type { Logger } from "./util/logger.js";

/** The task that runs here: its request, and what it can do to itself. */
export interface CurrentTask {
  readonly id: string;
  readonly name: string;
  /** What it was called with; for a task with an `input` schema, an array of that one object as it was sent. */
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** 0 at the first try. */
  readonly retries: number;
  /** How often this message has been handed to a worker, this time included: above 1 after a worker died under it. */
  readonly deliveries: number;
  readonly eta: Date | undefined;
  readonly expires: Date | undefined;
  /** Node name of the worker. */
  readonly hostname: string;
  readonly queue: string;
  readonly rootId: string;
  readonly parentId: string | undefined;
  readonly groupId: string | undefined;
  /** Custom headers of the message. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Seconds; undefined for no limit. */
  readonly timeLimit: number | undefined;
  readonly softTimeLimit: number | undefined;
  /**
   * Grows with every delivery. A store that remembers the highest one it has seen can refuse the writes of a worker that was
   * frozen while another one ran the same task. Undefined where the broker has none to give.
   */
  readonly fencingToken: number | undefined;
  /** Aborts at the soft time limit, and when the task is asked to stop. Give it to whatever waits. */
  readonly signal: AbortSignal;
  /** Lines that belong to this task: in the worker's log, and to monitors as `task-log` events. */
  readonly log: Logger;
  /**
   * Says how far the task is: `done` of `total`. Monitors get a `task-progress` event; the result backend keeps the state PROGRESS
   * with `{current, total, message}` and the members of `counters`: numbers that the task counts, which the console shows beside the
   * bar and adds up over the runs of a job. Throws the signal's reason when the task is to stop.
   */
  progress(done: number, total?: number, message?: string, counters?: Readonly<Record<string, number>>): Promise<void>;
  /** Stores a state of the task's own with its meta. Throws the signal's reason when the task is to stop. */
  updateState(state: string, meta?: unknown): Promise<void>;
  /**
   * Ends this try and has the task run again later, with the same id and arguments. Throws `Retry`, or, when no retry is left,
   * `exc` or `MaxRetriesExceededError`.
   */
  retry(options?: RetryOptions): never;
}

/** What a running task has, of which only `task` is for the user. */
export interface RunningTask {
  readonly task: CurrentTask;
  /** Tasks sent from inside, in order. */
  readonly children: ResultTuple[];
}

const STORAGE = Symbol.for("lovage.running-task");

/**
 * One for all copies of the library in this thread. There are two when a TypeScript app in a package without "type": "module" is
 * loaded as CommonJS: `currentTask()` of the app's copy must find what the worker's copy runs.
 */
function sharedStorage(): AsyncLocalStorage<RunningTask> {
  const known: unknown = Reflect.get(globalThis, STORAGE);
  if (known instanceof AsyncLocalStorage) return known;
  const storage = new AsyncLocalStorage<RunningTask>();
  Object.defineProperty(globalThis, STORAGE, { value: storage });
  return storage;
}

const running = sharedStorage();

/** The task that runs here. Throws a `ConfigurationError` outside of a task. */
export function currentTask(): CurrentTask {
  const found = running.getStore();
  if (!found) throw new ConfigurationError("currentTask() was called outside of a task", { code: "no_current_task" });
  return found.task;
}

/** The running task, if any. */
export function runningTask(): RunningTask | undefined {
  return running.getStore();
}

/** Runs `body` as the task: `currentTask()` finds it in everything `body` calls and awaits. */
export function runAs<T>(task: RunningTask, body: () => T): T {
  return running.run(task, body);
}
