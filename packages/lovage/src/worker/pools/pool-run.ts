import type { Outcome, PoolOutcome, TaskRequest } from "../../request.js";
import { systemClock } from "../../util/clock.js";
import { type Deferred, deferred } from "../../util/deferred.js";
import type { Run, RunListener } from "./pool.js";

/** How a pool ends a run, before it is known how long it took. */
export type Verdict = PoolOutcome extends infer Each
  ? Each extends PoolOutcome
    ? Omit<Each, "runtime">
    : never
  : never;

/** Who can end a run early. */
export interface RunEnder {
  abortRun(run: PoolRun): void;
  terminateRun(run: PoolRun, signal: string): void;
}

/** One request in a slot. */
export class PoolRun implements Run {
  readonly number: number;
  readonly request: TaskRequest;
  readonly listener: RunListener;
  readonly pid: number;
  readonly #ender: RunEnder;
  readonly #outcome: Deferred<Outcome> = deferred<Outcome>();
  readonly #acceptedAt = systemClock.monotonic();
  #startedAt: number | undefined;
  #cancelLimit: (() => void) | undefined;
  #settled = false;
  /** Set once the pool has decided to end the run; it is told when its code has really ended. */
  verdict: Verdict | undefined;

  constructor(number: number, request: TaskRequest, listener: RunListener, pid: number, ender: RunEnder) {
    this.number = number;
    this.request = request;
    this.listener = listener;
    this.pid = pid;
    this.#ender = ender;
  }

  get outcome(): Promise<Outcome> {
    return this.#outcome.promise;
  }
  get settled(): boolean {
    return this.#settled;
  }
  /** Seconds since it began, or was accepted when it has not. */
  get elapsed(): number {
    return systemClock.monotonic() - (this.#startedAt ?? this.#acceptedAt);
  }

  abort(): void {
    if (!this.#settled) this.#ender.abortRun(this);
  }
  terminate(signal: string): void {
    if (!this.#settled) this.#ender.terminateRun(this, signal);
  }

  /** Has `onLimit` called when the hard limit, if it has one, passes from now. */
  limit(onLimit: (seconds: number) => void): void {
    const { timeLimit } = this.request;
    if (timeLimit !== null) this.#cancelLimit ??= systemClock.after(timeLimit, () => onLimit(timeLimit));
  }

  started(): void {
    if (this.#startedAt !== undefined || this.#settled) return;
    this.#startedAt = systemClock.monotonic();
    this.listener.onStarted();
  }

  /** The first one counts. */
  settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#cancelLimit?.();
    this.#outcome.resolve(outcome);
  }
  /** Settles with how the pool ended it. */
  end(verdict: Verdict): void {
    this.settle({ ...verdict, runtime: this.elapsed });
  }
}
