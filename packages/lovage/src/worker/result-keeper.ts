import type { ResultBackend } from "../backends/backend.js";
import { BackendConnectionError, type LovageError } from "../errors.js";
import { type Ending, metaOf } from "../outcome.js";
import { exceptionInfo } from "../protocol/exception.js";
import type { Message } from "../protocol/message.js";
import { RawJson } from "../protocol/raw-json.js";
import { isReady } from "../protocol/states.js";
import type { ResultTuple, TaskMeta } from "../protocol/task-meta.js";
import type { TaskProgress } from "../run-task.js";
import { backoffDelay } from "../util/backoff.js";
import { type Clock, sleep } from "../util/clock.js";
import type { Logger } from "../util/logger.js";
import type { Execution } from "./execution.js";
import type { TaskRules } from "./task-rules.js";

export interface ResultKeeperParts {
  /** Undefined when results are off: then nothing is kept. */
  readonly backend: ResultBackend | undefined;
  readonly extended: boolean;
  readonly rules: TaskRules;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostname: string;
  /** Aborts when the worker stops for good: no write is tried again after it. */
  readonly signal: AbortSignal;
}

/** Keeps what becomes of tasks: passing states as they come, the final one until the backend has it. */
export class ResultKeeper {
  readonly #parts: ResultKeeperParts;
  /** Passing states that wait while an earlier one of the same task is being written: only the newest counts. */
  readonly #newest = new Map<Execution, () => Promise<unknown>>();

  constructor(parts: ResultKeeperParts) {
    this.#parts = parts;
  }

  storeStarted(execution: Execution, pid: number): void {
    this.#storePassing(execution, "STARTED", { pid, hostname: this.#parts.hostname });
  }
  storeProgress(execution: Execution, { current, total, message, counters }: TaskProgress): void {
    this.#storePassing(execution, "PROGRESS", { ...counters, current, total, message });
  }
  storeState(execution: Execution, state: string, metaJson: string): void {
    this.#storePassing(execution, state, new RawJson(metaJson));
  }

  /**
   * Resolves when the backend holds the final state, or it is not to be kept. Goes on trying while the backend is away.
   * Asks the backend before it returns, unless a passing state is still being written.
   */
  async storeEnding(execution: Execution, ending: Ending, children: readonly ResultTuple[]): Promise<void> {
    this.#newest.delete(execution);
    const { state } = ending;
    if (!this.#parts.backend || state === undefined || !this.#isKept(execution, ending)) return;
    if (execution.lastWrite) await execution.lastWrite;
    const kept = { ...ending, state, children: [...ending.children, ...children] };
    const meta = metaOf(kept, execution.request, this.#parts.clock.now(), isReady(state), this.#extras(execution));
    try {
      await this.#insist(() => this.#store(execution, meta));
    } catch (error) {
      if (error instanceof BackendConnectionError) throw error;
      // The backend will never take this one: another run would end the same way. That it failed is stored, with the reason.
      this.#parts.logger.error("a result could not be stored", { task: execution.id, error: String(error) });
      await this.#insist(() => this.#store(execution, failureOf(execution.id, error, this.#parts.clock.now())));
    }
  }

  /** A task that never began because its message could not be used. */
  async storeRefusal(taskId: string, error: LovageError, { properties }: Message): Promise<void> {
    const { backend, clock } = this.#parts;
    if (!backend) return;
    const { reply_to: replyTo, correlation_id: correlationId } = properties;
    await this.#insist(() => backend.store(failureOf(taskId, error, clock.now()), { replyTo, correlationId }));
  }

  #isKept({ definition, message }: Execution, { state }: Ending): boolean {
    const { rules } = this.#parts;
    // Celery does not store these. Source: celery-protocol 5.1.
    if (state === "IGNORED" || state === "REJECTED") return false;
    return state === "FAILURE" ? rules.storesErrors(definition, message) : !rules.ignoresResult(definition, message);
  }

  #storePassing(execution: Execution, status: string, result: unknown): void {
    const { backend, rules } = this.#parts;
    if (!backend || rules.ignoresResult(execution.definition, execution.message)) return;
    const { request } = execution;
    const meta: TaskMeta = {
      taskId: request.id,
      status,
      result,
      traceback: null,
      children: [],
      dateDone: null,
      ...(request.groupId !== null && { groupId: request.groupId }),
      ...(request.parentId !== null && { parentId: request.parentId }),
      ...this.#extended(execution),
    };
    const idle = !this.#newest.has(execution);
    this.#newest.set(execution, () => this.#store(execution, meta));
    if (!idle) return;
    execution.lastWrite = this.#writeNewest(execution).finally(() => {
      execution.lastWrite = undefined;
    });
  }

  /** One write at a time for each task: a task that reports often costs no more than the backend can take. */
  async #writeNewest(execution: Execution): Promise<void> {
    for (let write = this.#newest.get(execution); write; write = this.#newest.get(execution)) {
      try {
        await write();
      } catch (error) {
        // The next state, or the final one, makes it good.
        this.#parts.logger.warn("could not store a passing state", { task: execution.id, error: String(error) });
      }
      if (this.#newest.get(execution) === write) this.#newest.delete(execution);
    }
  }

  async #store(execution: Execution, meta: TaskMeta): Promise<void> {
    const { replyTo, correlationId } = execution.request;
    const options = { fence: execution.delivery.token, replyTo, correlationId };
    const kept = await this.#parts.backend?.store(meta, options);
    if (kept === false)
      this.#parts.logger.debug("the backend kept an earlier result", { task: meta.taskId, state: meta.status });
  }

  async #insist(write: () => Promise<unknown>): Promise<void> {
    const { signal, logger } = this.#parts;
    for (let attempt = 0; ; attempt++) {
      try {
        await write();
        return;
      } catch (error) {
        if (!(error instanceof BackendConnectionError) || signal.aborted) throw error;
        logger.error("the result backend is away: trying again", { error: error.message });
        await sleep(backoffDelay({ initial: 0.5, max: 10 }, attempt), signal);
      }
    }
  }

  #extended(execution: Execution): Partial<TaskMeta> {
    const { hostname } = this.#parts;
    const extras = this.#extras(execution);
    return extras
      ? { ...extras, worker: hostname, retries: execution.request.retries, queue: execution.request.queue }
      : {};
  }

  #extras({ request, message }: Execution): { name: string; args: unknown; kwargs: unknown } | undefined {
    return this.#parts.extended ? { name: request.name, args: message.args, kwargs: message.kwargs } : undefined;
  }
}

/** The record of a task of which no more is known than why it failed. */
function failureOf(taskId: string, error: unknown, dateDone: Date): TaskMeta {
  return { taskId, status: "FAILURE", result: exceptionInfo(error), traceback: null, children: [], dateDone };
}
