import type { Lovage } from "../app.js";
import type { Delivery } from "../brokers/broker.js";
import type { DeadLetters, DeathCause } from "../dead-letters.js";
import {
  BrokerConnectionError,
  ContentDisallowed,
  LeaseLostError,
  LovageError,
  MessageError,
  NotRegistered,
  TaskRevokedError,
  WorkerLostError,
} from "../errors.js";
import { classify, type DeadLetterReason, describeExit, type Ending } from "../outcome.js";
import { exceptionInfo, tracebackOf } from "../protocol/exception.js";
import { decodeTaskMessage, peekTaskHeaders, type TaskMessage } from "../protocol/task-message.js";
import type { ResultTuple } from "../protocol/task-meta.js";
import type { Outcome } from "../request.js";
import { requestOf } from "../request-of.js";
import type { Clock } from "../util/clock.js";
import type { Logger } from "../util/logger.js";
import { Execution, type Turn } from "./execution.js";
import type { FollowUp } from "./follow-up.js";
import type { LeaseRenewer } from "./lease-renewer.js";
import type { Ledger } from "./ledger.js";
import type { Pool } from "./pools/pool.js";
import type { RateLimiter } from "./rate-limiter.js";
import type { ResultKeeper } from "./result-keeper.js";
import type { Revoked } from "./revoked.js";
import type { TaskEvents } from "./task-events.js";
import type { TaskRules } from "./task-rules.js";

export interface ExecutorParts {
  readonly app: Lovage;
  readonly hostname: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pool: Pool;
  readonly leases: LeaseRenewer;
  readonly ledger: Ledger;
  readonly revoked: Revoked;
  readonly rateLimiter: RateLimiter;
  readonly rules: TaskRules;
  readonly results: ResultKeeper;
  readonly followUp: FollowUp;
  readonly deadLetters: DeadLetters;
  readonly events: TaskEvents;
  /** Broker and result backend write to one log: see `BackendCapabilities.log`. */
  readonly sharedLog: boolean;
}

/**
 * Takes one delivery from received to acknowledged:
 *
 *   recognise -> admit -> wait for a turn -> run -> conclude (follow up, keep the result, end the message, announce)
 *
 * What follows from a run is decided by `classify`, which does nothing; here it is done, in the order that loses nothing:
 * everything a task leads to is safe before its result is, and the result before the acknowledgement.
 */
export class Executor {
  readonly #parts: ExecutorParts;
  /** Reserved executions whose turn waits for a slot. */
  readonly #waiting = new Set<Execution>();
  readonly #work = new Set<Promise<void>>();
  #givesBack = false;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Never throws: whatever a delivery holds is an answer, not a crash. */
  receive(delivery: Delivery): void {
    const work = this.#execute(delivery).finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  /** Gives waiting tasks to free slots. To be called whenever a slot becomes free. */
  dispatch(): void {
    for (const execution of this.#waiting) {
      if (this.#parts.pool.free <= this.#granted) return;
      this.#grant(execution, "run");
    }
  }

  /** Turns given whose run has not begun yet: their slots are taken. */
  #granted = 0;

  /** Gives back what has not begun, from now on; resolves when what runs has ended and been dealt with. */
  async drain(): Promise<void> {
    this.giveBack();
    await this.settled();
  }

  /** Resolves when every delivery received so far, and since, has been dealt with. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /** Gives back what has not begun, from now on. */
  giveBack(): void {
    this.#givesBack = true;
    for (const execution of this.#parts.ledger.reserved()) this.#grant(execution, "give-back");
  }

  /** Tells a task that it is revoked: one that waits ends at once, one that runs ends when `signal` is given. */
  revoke(execution: Execution, signal: string | undefined): void {
    if (!execution.run) this.#grant(execution, "revoked");
    if (signal === undefined) return;
    execution.revokeAsked = true;
    execution.run?.terminate(signal);
  }

  /** Asks a running task to stop: aborts its signal. One that throws in answer ends REVOKED; one that ends as it would is not disturbed. False when it does not run. */
  askToStop(execution: Execution): boolean {
    if (!execution.run) return false;
    execution.revokeAsked = true;
    execution.run.abort();
    return true;
  }

  async #execute(delivery: Delivery): Promise<void> {
    const { leases, ledger, logger } = this.#parts;
    let execution: Execution | undefined;
    leases.hold(delivery, () => this.#loseLease(delivery, execution));
    try {
      execution = await this.#admit(delivery);
      if (!execution) return;
      ledger.add(execution);
      this.#parts.events.received(execution);
      const turn = this.#takeTurn(execution) ?? (await execution.turn.promise);
      if (turn === "give-back") await delivery.reject({ requeue: true });
      else if (turn === "revoked") await this.#concludeRevoked(execution);
      else await this.#runAndConclude(execution);
    } catch (error) {
      await this.#mend(delivery, execution, error);
    } finally {
      leases.release(delivery);
      if (execution) ledger.remove(execution);
      logger.debug("done with a delivery", { queue: delivery.queue, task: execution?.id });
    }
  }

  /** Recognises the message and decides whether it is to run here; undefined when it was dealt with otherwise. */
  async #admit(delivery: Delivery): Promise<Execution | undefined> {
    const { app, clock, revoked, rules, hostname } = this.#parts;
    const message = decodeTaskMessage(delivery.message, { acceptContent: app.settings.acceptContent });
    const definition = app.findTask(message.task);
    if (!definition) return void (await this.#putBackUnknown(delivery, message));
    const now = clock.now();
    if (message.eta && message.eta > now && !this.#isDue(message.eta, now))
      return void (await this.#putBackEarly(delivery, message.eta));
    const request = requestOf(message, delivery, rules.timeLimits(definition, message.timeLimit), hostname);
    const execution = new Execution({ delivery, message, definition, request, received: now });
    if (execution.isExpired(now) || revoked.covers(execution.message))
      return void (await this.#concludeRevoked(execution));
    return execution;
  }

  /** A broker that counts whole seconds may be early by less than one. */
  #isDue(eta: Date, now: Date): boolean {
    return eta.getTime() - now.getTime() < 20;
  }

  /** The task's turn, or undefined when it is to wait for it. */
  #takeTurn(execution: Execution): Turn | undefined {
    const { rateLimiter, pool } = this.#parts;
    if (this.#givesBack) return "give-back";
    const { name } = execution.request;
    if (rateLimiter.limits(name)) {
      const leave = rateLimiter.queue(name, () => this.#queueForSlot(execution));
      void execution.turn.promise.then(leave);
    } else {
      if (pool.free > this.#granted && this.#waiting.size === 0) {
        this.#granted++;
        return "run";
      }
      this.#queueForSlot(execution);
    }
    return undefined;
  }

  #queueForSlot(execution: Execution): void {
    this.#waiting.add(execution);
    this.dispatch();
  }

  #grant(execution: Execution, turn: Turn): void {
    const waited = this.#waiting.delete(execution);
    if (turn === "run" && waited) this.#granted++;
    execution.turn.resolve(turn);
  }

  async #runAndConclude(execution: Execution): Promise<void> {
    const { clock, revoked, rules, ledger } = this.#parts;
    let began = false;
    try {
      if (execution.isExpired(clock.now()) || revoked.covers(execution.message))
        return await this.#concludeRevoked(execution);
      if (execution.leaseLost || !(await this.#begin(execution))) return;
      if (!rules.acksLate(execution.definition)) {
        await execution.delivery.ack();
        execution.acknowledged = true;
      }
      began = true;
    } finally {
      this.#granted--;
      if (!began) this.dispatch();
    }
    ledger.countStarted(execution.request.name);
    const outcome = await this.#run(execution).finally(() => ledger.countEnded());
    this.dispatch();
    await this.#conclude(execution, outcome);
  }

  /**
   * Records that work begins on a message that others held before; false when it has worn out. Now that it has its turn, not when it was
   * received: those that only waited beside the one that took the worker along are innocent.
   */
  async #begin(execution: Execution): Promise<boolean> {
    if (execution.delivery.deliveries > 1) execution.begun = await execution.delivery.begin();
    if (execution.begun <= this.#parts.app.settings.taskMaxDeliveries) return !execution.leaseLost;
    await this.#buryWornOut(execution);
    return false;
  }

  async #run(execution: Execution): Promise<Outcome> {
    const { pool, results, events, clock, rules } = this.#parts;
    const run = pool.run(execution.request, {
      onStarted: () => {
        execution.started = clock.now();
        if (rules.trackStarted(execution.definition)) results.storeStarted(execution, run.pid);
        events.started(execution, run.pid);
      },
      onLog: (record) => events.logged(execution, record),
      onProgress: (progress) => {
        results.storeProgress(execution, progress);
        events.progressed(execution, progress);
      },
      onState: (state, metaJson) => results.storeState(execution, state, metaJson),
    });
    execution.run = run;
    if (execution.leaseLost) run.abort();
    const outcome = await run.outcome;
    execution.run = undefined;
    return outcome;
  }

  async #conclude(execution: Execution, outcome: Outcome): Promise<void> {
    const { app, leases, rules, logger } = this.#parts;
    const { delivery } = execution;
    const held = execution.acknowledged || leases.isFresh(delivery) || (await leases.confirm(delivery));
    if (execution.leaseLost || !held) {
      logger.warn("dropped the outcome of a task that another worker runs now", {
        task: execution.id,
        name: execution.request.name,
      });
      return;
    }
    const decided = classify(outcome, execution.request, {
      acksOnFailureOrTimeout: rules.acksOnFailureOrTimeout(execution.definition),
      rejectOnWorkerLost: rules.rejectOnWorkerLost(execution.definition) && !execution.acknowledged,
      deliveriesUsedUp: execution.begun >= app.settings.taskMaxDeliveries,
      revokeAsked: execution.revokeAsked,
    });
    const { followUp, results, events } = this.#parts;
    const { ending, children } = followUp.leadsOn(execution, decided)
      ? await this.#followUp(execution, decided)
      : { ending: decided, children: [] };
    const stored = results.storeEnding(execution, ending, children);
    if (this.#endsTogether(execution, ending)) {
      await this.#ackWith(execution, stored);
    } else {
      await stored;
      await followUp.afterResult(execution, ending);
      await this.#endMessage(execution, ending, outcome);
    }
    events.ended(execution, ending);
  }

  /** Whether result and acknowledgement may go to the log they share in one step: nothing has to happen between them. */
  #endsTogether({ acknowledged, lastWrite, message }: Execution, { state, message: end }: Ending): boolean {
    if (!this.#parts.sharedLog || acknowledged || lastWrite || end.kind !== "ack") return false;
    return state !== "FAILURE" || !message.embed.errbacks?.length;
  }

  async #ackWith({ delivery }: Execution, stored: Promise<void>): Promise<void> {
    const acknowledged = delivery.ack().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    await stored;
    const refused = await acknowledged;
    if (!refused) return;
    if (refused.error instanceof LeaseLostError) throw refused.error;
    // It fell with a first try to store the result, which has been stored since.
    await delivery.ack();
  }

  /** What cannot be sent as it is written (a callback's bad option, a queue that is gone) fails the task: another run would not mend it. */
  async #followUp(
    execution: Execution,
    decided: Ending,
  ): Promise<{ readonly ending: Ending; readonly children: readonly ResultTuple[] }> {
    try {
      return { ending: decided, children: await this.#parts.followUp.beforeResult(execution, decided) };
    } catch (error) {
      if (error instanceof BrokerConnectionError) throw error;
      const ending: Ending = {
        ...decided,
        state: "FAILURE",
        result: exceptionInfo(error),
        traceback: tracebackOf(error),
        retryAt: undefined,
      };
      return { ending, children: [] };
    }
  }

  async #concludeRevoked(execution: Execution): Promise<void> {
    const { results, events, clock } = this.#parts;
    const expired = execution.isExpired(clock.now());
    const ending: Ending = {
      state: "REVOKED",
      result: exceptionInfo(new TaskRevokedError(expired ? "expired" : "revoked")),
      traceback: null,
      children: [],
      retryAt: undefined,
      message: { kind: "ack" },
      runtime: 0,
    };
    await results.storeEnding(execution, ending, []);
    await execution.delivery.ack();
    events.revoked(execution, { expired, terminated: false, signal: undefined });
  }

  async #endMessage(execution: Execution, ending: Ending, outcome: Outcome): Promise<void> {
    const { delivery } = execution;
    if (execution.acknowledged) return;
    switch (ending.message.kind) {
      case "ack":
        return await delivery.ack();
      case "requeue":
        return await delivery.reject({ requeue: true });
      case "dead-letter":
        return await this.#bury(delivery, {
          reason: ending.message.reason,
          error: describeOutcome(outcome),
          ...(outcome.kind === "lost" && {
            exitCode: outcome.exitCode,
            signal: outcome.signal,
            memory: outcome.memory,
          }),
        });
    }
  }

  /** The last holders died with it: it is not given a further chance to take a worker along. */
  async #buryWornOut(execution: Execution): Promise<void> {
    const { app, results, events } = this.#parts;
    const text = `${execution.begun - 1} workers in a row died while they ran it (taskMaxDeliveries is ${app.settings.taskMaxDeliveries})`;
    const ending: Ending = {
      state: "FAILURE",
      result: exceptionInfo(new WorkerLostError(text)),
      traceback: null,
      children: [],
      retryAt: undefined,
      message: { kind: "dead-letter", reason: "deliveries_used_up" },
      runtime: 0,
    };
    await results.storeEnding(execution, ending, []);
    await this.#bury(execution.delivery, { reason: "deliveries_used_up", error: text });
    events.ended(execution, ending);
  }

  async #putBackEarly(delivery: Delivery, eta: Date): Promise<void> {
    await this.#republish(delivery, delivery.message.headers, eta);
  }

  /** For a worker that knows the task, as in a rolling deploy; a dead letter when none comes in time. */
  async #putBackUnknown(delivery: Delivery, message: TaskMessage): Promise<void> {
    const { app, clock, logger, results } = this.#parts;
    const now = clock.now().getTime() / 1000;
    const { since, tries } = unknownSince(delivery.message.headers[UNKNOWN_HEADER]) ?? { since: now, tries: 0 };
    if (now - since >= app.settings.taskUnknownGrace) {
      const error = new NotRegistered(message.task);
      await results.storeRefusal(message.id, error, delivery.message);
      this.#parts.events.refused(message.id, error);
      return await this.#bury(delivery, {
        reason: "unknown_task",
        error: `no worker knew the task ${message.task} for ${app.settings.taskUnknownGrace} s`,
      });
    }
    const left = app.settings.taskUnknownGrace - (now - since);
    const delay = Math.min(UNKNOWN_DELAY_MAX, 2 ** Math.min(tries, 16), left);
    logger.warn(`unknown task ${message.task}: put back for another worker`, { task: message.id, delay });
    const headers = { ...delivery.message.headers, [UNKNOWN_HEADER]: { since, tries: tries + 1 } };
    await this.#republish(delivery, headers, new Date((now + delay) * 1000));
  }

  /** Puts the message back to wait in the broker. A crash in between leaves two of it rather than none. */
  async #republish(delivery: Delivery, headers: Readonly<Record<string, unknown>>, eta: Date): Promise<void> {
    const broker = await this.#parts.followUp.broker();
    const { priority } = delivery.message.properties;
    const route = { exchange: "", routingKey: delivery.queue, eta, ...(priority !== undefined && { priority }) };
    await broker.publish({ ...delivery.message, headers }, route);
    await delivery.ack();
  }

  async #bury(delivery: Delivery, cause: Omit<DeathCause, "worker">): Promise<void> {
    const { deadLetters, clock, hostname, logger } = this.#parts;
    const { id, task } = peekTaskHeaders(delivery.message);
    logger.error(`dead letter: ${cause.error}`, { queue: delivery.queue, reason: cause.reason, task: id, name: task });
    await deadLetters.bury(delivery, { ...cause, worker: hostname }, clock.now());
  }

  /** Whatever went wrong on the way: a bad message becomes a dead letter, anything else goes back to be tried again. */
  async #mend(delivery: Delivery, execution: Execution | undefined, error: unknown): Promise<void> {
    const { logger, results } = this.#parts;
    try {
      if (error instanceof LeaseLostError) return;
      if (error instanceof MessageError && !execution) {
        const { id } = peekTaskHeaders(delivery.message);
        if (id !== undefined) await results.storeRefusal(id, error, delivery.message);
        return await this.#bury(delivery, { reason: refusalReason(error), error: error.message });
      }
      logger.error("a task could not be dealt with and goes back to its queue", {
        task: execution?.id,
        queue: delivery.queue,
        error:
          error instanceof LovageError
            ? `${error.code}: ${error.message}`
            : String(error instanceof Error ? error.stack : error),
      });
      await delivery.reject({ requeue: true });
    } catch (second) {
      // The broker is away: its lease, or the closed connection, gives the message back.
      logger.error("could not give a message back", { queue: delivery.queue, error: String(second) });
    }
  }

  #loseLease(delivery: Delivery, execution: Execution | undefined): void {
    this.#parts.logger.warn("lost the lease of a message: another worker has it", {
      queue: delivery.queue,
      task: execution?.id,
    });
    if (!execution) return;
    execution.leaseLost = true;
    this.#grant(execution, "give-back");
    execution.run?.abort();
  }
}

const UNKNOWN_HEADER = "x-lovage-unknown";
/** Seconds at most between two looks for a worker that knows a task. */
const UNKNOWN_DELAY_MAX = 30;

function unknownSince(value: unknown): { since: number; tries: number } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const since: unknown = Reflect.get(value, "since");
  const tries: unknown = Reflect.get(value, "tries");
  return typeof since === "number" && typeof tries === "number" ? { since, tries } : undefined;
}

function refusalReason(error: MessageError): DeadLetterReason {
  return error instanceof ContentDisallowed ? "content_disallowed" : "not_decodable";
}

function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "lost":
      return [`the process that ran it died: ${describeExit(outcome)}`, outcome.lastError].filter(Boolean).join("\n");
    case "reject":
      return outcome.reason;
    case "failure":
      return outcome.error.traceback;
    case "time-limit":
      return `ran past its hard limit of ${outcome.limit} s`;
    default:
      return outcome.kind;
  }
}
