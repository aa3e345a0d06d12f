import { AsyncLocalStorage } from "node:async_hooks";
import { getHeapStatistics } from "node:v8";
import { isMainThread } from "node:worker_threads";
import type { Lovage } from "../../app.js";
import { loadApp } from "../../load-app.js";
import type { RunOutcome, TaskRequest } from "../../request.js";
import type { RunReporter } from "../../run-task.js";
import { systemClock } from "../../util/clock.js";
import type { ChildPort } from "./child-port.js";
import { errorData } from "./error-data.js";
import { isParentMessage, type ParentMessage } from "./messages.js";
import { PortGateway } from "./port-gateway.js";
import { WORKERS_SIGNALS } from "./signals.js";
import { type StartedTask, startTask } from "./start-task.js";

/** Seconds between two looks at the memory, when no limit depends on it. */
const MEMORY_INTERVAL = 1;
/** Seconds between two looks when one does. A look costs 10 µs or so in a process. */
const MEMORY_INTERVAL_LIMITED = 0.02;

/** Runs a pool's requests in this process or thread. */
export class TaskHost {
  readonly #port: ChildPort;
  readonly #gateway: PortGateway;
  readonly #runs = new Map<number, StartedTask>();
  /** Where several tasks share this thread: whose code it is that runs. */
  #runner: AsyncLocalStorage<number> | undefined;
  #app: Lovage | undefined;
  #memoryInterval = MEMORY_INTERVAL;
  #memoryAt = Number.NEGATIVE_INFINITY;
  readonly #ignoreSignal = (): void => undefined;

  constructor(port: ChildPort) {
    this.#port = port;
    this.#gateway = new PortGateway((message) => port.post(message));
  }

  start(): void {
    if (isMainThread) for (const signal of WORKERS_SIGNALS) process.on(signal, this.#ignoreSignal);
    this.#port.listen(
      (value) => isParentMessage(value) && this.#receive(value),
      () => process.exit(),
    );
  }

  #receive(message: ParentMessage): void {
    switch (message.kind) {
      case "run":
        this.#run(message.run, message.request);
        return;
      case "reply":
        this.#gateway.settle(message.call, { value: message.value });
        return;
      case "refusal":
        this.#gateway.settle(message.call, { error: message.error });
        return;
      case "abort":
        this.#runs.get(message.run)?.abort(message.reason);
        return;
      case "ping":
        this.#port.post({ kind: "pong" });
        return;
      case "open":
        void this.#open(message);
        return;
      case "die":
        this.#die(message.signal);
        return;
      case "stop":
        process.exit();
        return;
    }
  }

  async #open({ appPath, shared, measureMemory }: Extract<ParentMessage, { kind: "open" }>): Promise<void> {
    if (measureMemory) this.#memoryInterval = MEMORY_INTERVAL_LIMITED;
    try {
      const app = await loadApp(appPath);
      app.useGateway(this.#gateway);
      this.#app = app;
      if (shared) this.#shareThread();
      this.#port.post({ kind: "ready" });
    } catch (error) {
      this.#port.post({ kind: "failed", error: errorData(error) });
    }
  }

  #run(run: number, request: TaskRequest): void {
    if (!this.#runner) {
      this.#begin(run, request);
      return;
    }
    this.#port.post({ kind: "started", run });
    this.#runner.run(run, () => this.#begin(run, request));
  }

  #begin(run: number, request: TaskRequest): void {
    if (!this.#app) throw new Error("a request came before the app was loaded");
    const task = startTask(this.#app, request, this.#reporter(run));
    this.#runs.set(run, task);
    void task.outcome.then((outcome) => this.#finish(run, outcome));
  }

  #finish(run: number, outcome: RunOutcome): void {
    this.#runs.delete(run);
    this.#port.post({ kind: "outcome", run, outcome, memory: this.#memory(outcome.runtime) });
  }

  #reporter(run: number): RunReporter {
    return {
      onLog: (record) => this.#port.post({ kind: "log", run, record }),
      onProgress: (progress) => this.#port.post({ kind: "progress", run, progress }),
      onState: (state, metaJson) => this.#port.post({ kind: "state", run, state, metaJson }),
    };
  }

  /** Bytes this process, or this thread's heap, holds; null when it was looked at a moment ago. */
  #memory(runtime: number): number | null {
    const now = systemClock.monotonic();
    if (now - this.#memoryAt < this.#memoryInterval && runtime < this.#memoryInterval) return null;
    this.#memoryAt = now;
    if (isMainThread) return process.memoryUsage.rss();
    const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
    return heap + external;
  }

  /**
   * With one task at a time Node's own rule holds: an error that nothing catches ends the process or thread, and that task with
   * it. Where neighbours would go too, it ends only the task whose code threw it.
   */
  #shareThread(): void {
    const runner = new AsyncLocalStorage<number>();
    this.#runner = runner;
    const report = (error: unknown): void => {
      this.#port.post({ kind: "stray", run: runner.getStore() ?? null, error: errorData(error) });
    };
    process.on("uncaughtException", report);
    process.on("unhandledRejection", report);
    process.on("exit", () => this.#port.post({ kind: "exiting", run: runner.getStore() ?? null }));
  }

  /** User code that listens to the signal is asked; the pool ends the process after a moment anyway. */
  #die(signal: NodeJS.Signals): void {
    process.removeListener(signal, this.#ignoreSignal);
    process.kill(process.pid, signal);
  }
}
