import { ConfigurationError, DecodeError } from "../../errors.js";
import type { Gateway } from "../../gateway.js";
import { tracebackOf } from "../../protocol/exception.js";
import type { RunOutcome, TaskRequest } from "../../request.js";
import { systemClock } from "../../util/clock.js";
import { type Deferred, deferred } from "../../util/deferred.js";
import type { Logger } from "../../util/logger.js";
import type { Carrier, CarrierExit, OpenCarrier } from "./carrier.js";
import { errorFrom } from "./error-data.js";
import { GatewayServer } from "./gateway-server.js";
import { type ChildMessage, type ErrorData, parseChildMessage } from "./messages.js";
import type { RunListener, SlotInfo } from "./pool.js";
import { PoolRun, type RunEnder, type Verdict } from "./pool-run.js";
import { signalNamed, WORKERS_SIGNALS } from "./signals.js";

/*
 * A process or thread of a pool, seen from the worker.
 *
 *   starting ──ready──> ready ──retire / end──> leaving ──exit──> gone
 *      └───────── failed, timed out, exit ─────────────────────────^
 *
 * `leaving` takes no new run. Retired, it finishes what it runs and is then asked to stop; ended, it is killed, and what it runs
 * settles with its verdict once it is gone, so that no code of a settled run goes on. Where tasks share a thread (`shared`), one of
 * them cannot be killed: its run settles at once, its code is told by its signal and abandoned.
 */
type ChildState = "starting" | "ready" | "leaving" | "gone";

/** Seconds between a terminating signal and SIGKILL. */
const TERMINATE_GRACE = 1;
/** Seconds to wait for the end of what was killed: a thread inside a native call ends only when that returns. */
const KILL_GRACE = 2;
/** Seconds an idle child may take to stop. */
const STOP_GRACE = 5;
/** Seconds within which an event loop must answer after a limit passed in it. */
const PING_GRACE = 1;
/** A child that ends idle and by itself, younger than this many seconds and without a finished task, counts as one that could not start. */
const OF_USE_AFTER = 5;
/** Seconds for abandoned code to end by itself, its signal aborted, before its thread is replaced. */
const ABANDON_GRACE = 5;

/** Lines of standard error kept as evidence. */
const LAST_WORDS = 30;

export interface ChildOptions {
  readonly openCarrier: OpenCarrier;
  readonly appPath: string;
  /** Several tasks run in it at a time. */
  readonly shared: boolean;
  readonly maxTasks: number | null;
  /** Bytes. */
  readonly maxMemory: number | null;
  /** Seconds. */
  readonly startTimeout: number;
  readonly gateway: Gateway;
  readonly logger: Logger;
}

export interface ChildEvents {
  /** It may take a run that it could not take before. */
  onFree(): void;
  /** It takes no more runs: time for a replacement. */
  onLeaving(child: Child): void;
  /** It has ended, and every run of it is settled. */
  onGone(child: Child): void;
}

export class Child implements RunEnder {
  readonly #options: ChildOptions;
  readonly #events: ChildEvents;
  readonly #carrier: Carrier;
  readonly #server: GatewayServer;
  readonly #logger: Logger;
  readonly #runs = new Map<number, PoolRun>();
  /** Numbers of runs that are settled though their code may go on. */
  readonly #abandoned = new Set<number>();
  readonly #timers = new Set<() => void>();
  readonly #ready: Deferred<void> = deferred();
  readonly #gone: Deferred<void> = deferred();
  readonly #bornAt = systemClock.monotonic();
  #state: ChildState = "starting";
  #lastRun = 0;
  #finished = 0;
  #memory: number | null = null;
  /** The end of what the present run wrote to standard error: evidence, should it be the last. */
  readonly #lastWords: string[] = [];
  #pinged: (() => void) | undefined;
  /** Whose code ended it, as far as it could say. */
  #culprit: number | null = null;
  #killing = false;
  #stopping = false;
  #failure: Error | undefined;

  constructor(options: ChildOptions, events: ChildEvents) {
    this.#options = options;
    this.#events = events;
    this.#logger = options.logger;
    this.#ready.promise.catch(() => undefined);
    this.#carrier = options.openCarrier({
      onMessage: (value) => this.#receive(value),
      onOutput: (stream, line) => this.#relay(stream, line),
      onExit: (exit) => this.#exited(exit),
    });
    this.#server = new GatewayServer(options.gateway, (message) => this.#carrier.post(message));
    this.#after(options.startTimeout, () => this.#startTimedOut());
    this.#carrier.post({
      kind: "open",
      appPath: options.appPath,
      shared: options.shared,
      measureMemory: options.maxMemory !== null,
    });
  }

  /** Resolves when it can take runs; rejects with a `ConfigurationError` when it never will. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }
  get gone(): Promise<void> {
    return this.#gone.promise;
  }
  get state(): ChildState {
    return this.#state;
  }
  /** It would begin a run at once. Not while it is in doubt whether its event loop turns. */
  get responsive(): boolean {
    return this.#state === "ready" && !this.#pinged;
  }
  get running(): number {
    return this.#runs.size;
  }
  get finished(): number {
    return this.#finished;
  }
  /** Why it was never of use: its app did not load, or it ended by itself before it did anything. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Runs a request. Throws unless it is ready. */
  run(request: TaskRequest, listener: RunListener): PoolRun {
    if (this.#state !== "ready") throw new Error(`a ${this.#state} child cannot run a task`);
    const run = new PoolRun(++this.#lastRun, request, listener, this.#carrier.pid, this);
    if (!this.#options.shared) this.#lastWords.length = 0;
    this.#runs.set(run.number, run);
    this.#carrier.post({ kind: "run", run: run.number, request });
    if (!this.#options.shared) this.#presumeStarted(run);
    if (this.#isLastRun()) this.retire();
    return run;
  }

  abortRun(run: PoolRun): void {
    this.#carrier.post({ kind: "abort", run: run.number, reason: "revoked" });
  }

  terminateRun(run: PoolRun, signal: string): void {
    if (run.verdict) return;
    if (this.#options.shared) {
      this.#abandon(run, { kind: "terminated", signal });
      return;
    }
    run.verdict = { kind: "terminated", signal };
    this.#leave();
    this.#terminate(signalNamed(signal));
  }

  /** Finishes what it runs, takes nothing more, then stops. */
  retire(): void {
    this.#leave();
    this.#stopWhenIdle();
  }

  /** Ends it now; what it runs settles with `verdict` once it is gone. */
  end(verdict: Verdict): void {
    for (const run of this.#runs.values()) run.verdict ??= verdict;
    this.#leave();
    this.#kill();
  }

  /** One entry for each of `slots` slots. */
  slots(slots: number): SlotInfo[] {
    const runs = [...this.#runs.values()];
    return Array.from({ length: Math.max(slots, runs.length) }, (_, at) => this.#slot(runs[at]));
  }

  #slot(run: PoolRun | undefined): SlotInfo {
    return {
      pid: this.#carrier.pid,
      threadId: this.#carrier.threadId,
      taskId: run?.request.id ?? null,
      taskName: run?.request.name ?? null,
      elapsed: run?.elapsed ?? null,
      timeLimit: run?.request.timeLimit ?? null,
      softTimeLimit: run?.request.softTimeLimit ?? null,
      finished: this.#finished,
      memory: this.#memory,
    };
  }

  #receive(value: unknown): void {
    if (this.#state === "gone") return;
    try {
      this.#handle(parseChildMessage(value));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#distrust(error);
    }
  }

  #handle(message: ChildMessage): void {
    switch (message.kind) {
      case "ready":
        this.#loaded();
        return;
      case "failed":
        this.#failed(errorFrom(message.error));
        return;
      case "started":
        this.#started(message.run);
        return;
      case "outcome":
        this.#finish(message.run, message.outcome, message.memory);
        return;
      case "log":
        this.#listener(message.run)?.onLog(message.record);
        return;
      case "progress":
        this.#listener(message.run)?.onProgress(message.progress);
        return;
      case "state":
        this.#listener(message.run)?.onState(message.state, message.metaJson);
        return;
      case "call":
        void this.#server.answer(message);
        return;
      case "cancel":
        this.#server.cancel(message.call);
        return;
      case "stray":
        this.#strayed(message.run, message.error);
        return;
      case "exiting":
        this.#culprit = message.run;
        return;
      case "pong":
        this.#answered();
        return;
    }
  }

  #listener(run: number): RunListener | undefined {
    return this.#runs.get(run)?.listener;
  }

  #loaded(): void {
    if (this.#state !== "starting") return;
    this.#state = "ready";
    this.#ready.resolve();
    this.#events.onFree();
  }

  /**
   * A child with nothing else to do begins at once, and if it does not, that counts against the limit: telling would cost a
   * message of some 5 µs a task. Not before `run` has returned, so that its caller knows the run it hears of.
   */
  #presumeStarted(run: PoolRun): void {
    this.#limit(run);
    queueMicrotask(() => run.started());
  }

  /** On a shared loop a neighbour may be in the way, so there the child tells. */
  #started(number: number): void {
    const run = this.#runs.get(number);
    if (!run) return;
    this.#limit(run);
    run.started();
  }

  #finish(number: number, outcome: RunOutcome, memory: number | null): void {
    const run = this.#runs.get(number);
    this.#abandoned.delete(number);
    this.#memory = memory ?? this.#memory;
    // A failure after the verdict is the verdict's own doing; a success came first.
    if (!run || (run.verdict && outcome.kind !== "success")) return;
    this.#runs.delete(number);
    this.#finished++;
    run.settle(outcome);
    if (this.#outgrown()) this.retire();
    else this.#stopWhenIdle();
    this.#events.onFree();
  }

  #limit(run: PoolRun): void {
    run.limit((limit) => {
      if (this.#options.shared) {
        this.#abandon(run, { kind: "time-limit", limit });
        return;
      }
      run.verdict ??= { kind: "time-limit", limit };
      this.#leave();
      this.#kill();
    });
  }

  /** Ends a run whose neighbours are to go on, and makes sure that they do. */
  #abandon(run: PoolRun, verdict: Verdict): void {
    const { number } = run;
    this.#runs.delete(number);
    this.#abandoned.add(number);
    this.#carrier.post({
      kind: "abort",
      run: number,
      reason: verdict.kind === "time-limit" ? "time-limit" : "terminated",
    });
    this.#ping();
    run.end(verdict);
    this.#after(ABANDON_GRACE, () => this.#abandoned.has(number) && this.retire());
    this.#stopWhenIdle();
  }

  #ping(): void {
    if (this.#pinged) return;
    this.#pinged = this.#after(PING_GRACE, () => this.#stuck());
    this.#carrier.post({ kind: "ping" });
  }

  #answered(): void {
    this.#pinged?.();
    this.#pinged = undefined;
    this.#events.onFree();
  }

  #stuck(): void {
    this.#logger.warn(
      "a task holds the event loop that others share: its thread is replaced, the others are given back",
      this.#where(),
    );
    this.end({ kind: "given-back", reason: "a task that ran beside it held the event loop" });
  }

  /** An error that nothing caught, told by a shared thread. */
  #strayed(number: number | null, data: ErrorData): void {
    const run = number === null ? undefined : this.#runs.get(number);
    const fields = {
      ...this.#where(),
      error: data.trace,
      ...(run ? { taskId: run.request.id, taskName: run.request.name } : {}),
    };
    this.#logger.error(
      run ? "an error that nothing caught ended a task" : "an error that nothing caught, of no running task",
      fields,
    );
    if (!run) return;
    this.#abandon(run, { kind: "lost", exitCode: 1, signal: null, memory: this.#memory, lastError: data.trace });
    // What else the error left half done in this thread nobody knows.
    this.retire();
  }

  /** User code got at the channel: nothing this child says can be relied on any more. */
  #distrust({ message: reason }: DecodeError): void {
    if (this.#killing) return;
    this.#logger.error("a message that is not ours came from a pool's child: it is replaced", {
      ...this.#where(),
      reason,
    });
    this.end({ kind: "lost", exitCode: null, signal: "SIGKILL", memory: this.#memory, lastError: reason });
  }

  #startTimedOut(): void {
    if (this.#state !== "starting") return;
    this.#failed(
      new ConfigurationError(`${this.#options.appPath} was not loaded within ${this.#options.startTimeout} s`, {
        code: "app_start_timeout",
      }),
    );
  }

  #failed(error: Error): void {
    this.#neverOfUse(error);
    this.#leave();
    this.#kill();
  }

  #neverOfUse(error: Error): void {
    this.#failure ??= error;
    this.#ready.reject(this.#failure);
  }

  #exited(exit: CarrierExit): void {
    if (this.#state === "gone") return;
    if (this.#endedByItself() && this.#uselessYet()) this.#neverOfUse(this.#endedTooSoon(exit));
    else this.#report(exit);
    this.#leave();
    this.#state = "gone";
    for (const cancel of this.#timers) cancel();
    for (const run of this.#runs.values()) run.end(run.verdict ?? this.#verdictOfExit(run, exit));
    this.#runs.clear();
    this.#server.close();
    this.#gone.resolve();
    this.#events.onGone(this);
  }

  #verdictOfExit(run: PoolRun, { exitCode, signal, error }: CarrierExit): Verdict {
    const byNeighbour = this.#culprit !== null && this.#culprit !== run.number;
    if (byNeighbour) return { kind: "given-back", reason: "a task that ran beside it ended their thread" };
    const lastError = error ? tracebackOf(error) : this.#lastWords.join("\n") || null;
    return { kind: "lost", exitCode, signal, memory: this.#memory, lastError };
  }

  #endedByItself(): boolean {
    return !this.#killing && !this.#stopping;
  }
  #uselessYet(): boolean {
    if (this.#state === "starting") return true;
    const young = systemClock.monotonic() - this.#bornAt < OF_USE_AFTER;
    return young && this.#finished === 0 && this.#runs.size === 0;
  }

  #endedTooSoon({ exitCode, signal, error }: CarrierExit): ConfigurationError {
    const how = error ? error.message : signal ? `signal ${signal}` : `exit code ${exitCode}`;
    const when = this.#state === "starting" ? "while it loaded" : "by itself just after it had loaded";
    return new ConfigurationError(`a ${this.#noun()} of the pool ended ${when} ${this.#options.appPath}: ${how}`, {
      code: "app_load_failed",
      ...(error ? { cause: error } : {}),
    });
  }

  #report({ exitCode, signal, error }: CarrierExit): void {
    if (!this.#endedByItself()) return;
    const tasks = [...this.#runs.values()].map((run) => `${run.request.name}[${run.request.id}]`);
    const fields = {
      ...this.#where(),
      exitCode,
      signal,
      memory: this.#memory,
      tasks,
      ...(error ? { error: error.stack ?? error.message } : {}),
    };
    this.#logger.error(`a ${this.#noun()} of the pool ended unexpectedly`, fields);
  }

  #relay(stream: "stdout" | "stderr", line: string): void {
    if (stream === "stdout") this.#logger.info(line, { ...this.#where(), stream });
    else this.#logger.warn(line, { ...this.#where(), stream });
    // Where tasks share a thread, nobody can tell whose words these are.
    if (stream === "stdout" || this.#options.shared) return;
    this.#lastWords.push(line);
    if (this.#lastWords.length > LAST_WORDS) this.#lastWords.shift();
  }

  #leave(): void {
    if (this.#state === "leaving" || this.#state === "gone") return;
    this.#state = "leaving";
    this.#events.onLeaving(this);
  }

  #stopWhenIdle(): void {
    if (this.#state !== "leaving" || this.#runs.size > 0 || this.#stopping || this.#killing) return;
    this.#stopping = true;
    this.#carrier.post({ kind: "stop" });
    this.#after(STOP_GRACE, () => this.#kill());
  }

  #terminate(signal: NodeJS.Signals): void {
    if (signal === "SIGKILL" || this.#carrier.threadId !== null) {
      this.#kill();
      return;
    }
    this.#stopping = true;
    // A child does not heed these from outside, where they come from a terminal: it is told to mean it.
    if (WORKERS_SIGNALS.includes(signal)) this.#carrier.post({ kind: "die", signal });
    else this.#carrier.kill(signal);
    this.#after(TERMINATE_GRACE, () => this.#kill());
  }

  #kill(): void {
    if (this.#killing || this.#state === "gone") return;
    this.#killing = true;
    this.#carrier.kill("SIGKILL");
    this.#after(KILL_GRACE, () => {
      this.#logger.error(
        `a ${this.#noun()} of the pool has not ended though it was killed: it is left behind`,
        this.#where(),
      );
      this.#exited({ exitCode: null, signal: "SIGKILL", error: null });
    });
  }

  #isLastRun(): boolean {
    const { maxTasks } = this.#options;
    return maxTasks !== null && this.#lastRun >= maxTasks;
  }
  #outgrown(): boolean {
    const { maxMemory } = this.#options;
    return maxMemory !== null && this.#memory !== null && this.#memory > maxMemory;
  }

  /** A timer that ends with the child. Returns its cancellation. */
  #after(seconds: number, callback: () => void): () => void {
    const stop = systemClock.after(seconds, () => {
      this.#timers.delete(cancel);
      callback();
    });
    const cancel = (): void => {
      this.#timers.delete(cancel);
      stop();
    };
    this.#timers.add(cancel);
    return cancel;
  }

  #where(): Readonly<Record<string, unknown>> {
    const { pid, threadId } = this.#carrier;
    return threadId === null ? { pid } : { pid, threadId };
  }
  #noun(): string {
    return this.#carrier.threadId === null ? "process" : "thread";
  }
}
