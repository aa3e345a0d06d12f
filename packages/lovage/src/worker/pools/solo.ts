import type { Lovage } from "../../app.js";
import { ConfigurationError } from "../../errors.js";
import { loadApp } from "../../load-app.js";
import type { RunOutcome, TaskRequest } from "../../request.js";
import type { RunReporter } from "../../run-task.js";
import type { Pool, PoolCapabilities, PoolOptions, Run, RunListener, SlotInfo } from "./pool.js";
import { PoolRun, type RunEnder, type Verdict } from "./pool-run.js";
import { type StartedTask, startTask } from "./start-task.js";

export interface SoloOptions extends PoolOptions {
  /** The app, where it is loaded already. @default the one that `appPath` exports */
  readonly app?: Lovage;
}

/** One task at a time in the worker's own thread, for debugging. A task that holds the event loop holds the worker. */
export function openSolo(options: SoloOptions): Pool {
  return new Solo(options);
}

/**
 * The hard limit is looked at when the event loop turns: a task that waits fails on time, one that spins fails when it is over.
 * Code whose run was ended early is abandoned, its signal aborted.
 */
class Solo implements Pool, RunEnder {
  readonly kind = "solo";
  readonly capabilities: PoolCapabilities = {
    terminatesOne: false,
    isolates: false,
    isolatesNativeCrashes: false,
    resizable: false,
  };
  readonly size = 1;
  readonly #options: SoloOptions;
  #state: "new" | "running" | "stopped" = "new";
  #starting: Promise<void> | undefined;
  #app: Lovage | undefined;
  #current: PoolRun | undefined;
  #task: StartedTask | undefined;
  #finished = 0;

  constructor(options: SoloOptions) {
    this.#options = options;
  }

  get free(): number {
    return this.#state === "running" && !this.#current ? 1 : 0;
  }

  start(): Promise<void> {
    this.#starting ??= this.#load();
    return this.#starting;
  }

  run(request: TaskRequest, listener: RunListener): Run {
    const app = this.#app;
    if (this.free === 0 || !app)
      throw new Error(
        this.#state === "running" ? "the pool has no free slot" : `the pool is not running: it is ${this.#state}`,
      );
    const run = new PoolRun(this.#finished + 1, request, listener, process.pid, this);
    this.#current = run;
    run.limit((limit) => this.#abandon(run, { kind: "time-limit", limit }));
    // The caller gets its run before the task's code, which may hold the thread, begins.
    queueMicrotask(() => this.#begin(app, run));
    return run;
  }

  abortRun(run: PoolRun): void {
    if (this.#current === run) this.#task?.abort("revoked");
  }

  terminateRun(run: PoolRun, signal: string): void {
    this.#abandon(run, { kind: "terminated", signal });
  }

  async grow(): Promise<void> {
    throw new ConfigurationError("the solo pool has one slot and cannot grow", { code: "pool_size" });
  }
  async shrink(): Promise<void> {
    throw new ConfigurationError("the solo pool has one slot and cannot shrink", { code: "pool_size" });
  }
  async restart(): Promise<void> {
    this.#options.logger.warn(
      "the solo pool runs tasks in the worker itself: only restarting the worker replaces their code",
    );
  }

  async stop(): Promise<void> {
    this.#state = "stopped";
    await this.#current?.outcome;
  }

  async abort(reason: string): Promise<void> {
    this.#state = "stopped";
    if (this.#current) this.#abandon(this.#current, { kind: "given-back", reason });
  }

  slots(): readonly SlotInfo[] {
    const run = this.#current;
    return [
      {
        pid: process.pid,
        threadId: null,
        taskId: run?.request.id ?? null,
        taskName: run?.request.name ?? null,
        elapsed: run?.elapsed ?? null,
        timeLimit: run?.request.timeLimit ?? null,
        softTimeLimit: run?.request.softTimeLimit ?? null,
        finished: this.#finished,
        memory: process.memoryUsage.rss(),
      },
    ];
  }

  async #load(): Promise<void> {
    if (this.#state !== "new") throw new Error(`the pool cannot start: it is ${this.#state}`);
    const { app = await loadApp(this.#options.appPath), gateway } = this.#options;
    app.useGateway(gateway);
    this.#app = app;
    this.#state = "running";
    this.#options.onFree();
  }

  #begin(app: Lovage, run: PoolRun): void {
    if (run.settled) return;
    run.started();
    const task = startTask(app, run.request, whileItRuns(run));
    this.#task = task;
    void task.outcome.then((outcome) => this.#finish(run, outcome));
  }

  #finish(run: PoolRun, outcome: RunOutcome): void {
    if (run.settled) return;
    const { timeLimit: limit } = run.request;
    if (limit !== null && run.elapsed >= limit) run.end({ kind: "time-limit", limit });
    else run.settle(outcome);
    this.#release();
  }

  #abandon(run: PoolRun, verdict: Verdict): void {
    if (this.#current !== run) return;
    this.#task?.abort(verdict.kind === "time-limit" ? "time-limit" : "terminated");
    run.end(verdict);
    this.#release();
  }

  #release(): void {
    this.#current = undefined;
    this.#task = undefined;
    this.#finished++;
    this.#options.onFree();
  }
}

/** The run's listener, deaf once the run is over: abandoned code may go on talking. */
function whileItRuns(run: PoolRun): RunReporter {
  const { listener } = run;
  return {
    onLog: (record) => run.settled || listener.onLog(record),
    onProgress: (progress) => run.settled || listener.onProgress(progress),
    onState: (state, metaJson) => run.settled || listener.onState(state, metaJson),
  };
}
