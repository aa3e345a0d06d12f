import { type ApplyOptions, sendOptions, type TaskCall } from "./call.js";
import { ConfigurationError, ResultTimeoutError } from "./errors.js";
import type { Gateway } from "./gateway.js";
import { isReady, propagates, type TaskState } from "./protocol/states.js";
import { errorFromMeta, type ResultTuple, type TaskMeta } from "./protocol/task-meta.js";

export interface GetOptions {
  /** Seconds to wait at most; then `ResultTimeoutError`. The task goes on. @default for ever */
  readonly timeout?: number;
  /** Gives up waiting when it aborts. */
  readonly signal?: AbortSignal;
  /** Throw the task's error (true), or resolve with undefined when it failed. @default true */
  readonly propagate?: boolean;
}

export interface RevokeOptions {
  /** End the task also when it runs already. @default false */
  readonly terminate?: boolean;
  /** The signal its process gets. @default "SIGTERM" */
  readonly signal?: string;
}

/** What results need of their app. */
export interface ResultHome {
  readonly gateway: Gateway;
  send(call: TaskCall): Promise<AsyncResult<unknown>>;
}

/**
 * A task that was sent: its state, its result when there is one, and the means to stop or repeat it.
 * Reads the result backend at each call; `get` waits to be told.
 */
export class AsyncResult<Result> {
  readonly id: string;
  readonly #home: ResultHome;
  /** Known where the task was sent from, so that `rerun` needs no extended results. */
  readonly #call: TaskCall | undefined;

  constructor(home: ResultHome, id: string, call?: TaskCall) {
    this.#home = home;
    this.id = id;
    this.#call = call;
  }

  /** The task's state; PENDING when the backend knows nothing of it. */
  async status(): Promise<TaskState> {
    return (await this.meta())?.status ?? "PENDING";
  }

  /** All that the backend keeps of this task. */
  async meta(): Promise<TaskMeta | undefined> {
    return await this.#home.gateway.getResult(this.id);
  }

  /**
   * Waits for the task to end and returns what it returned.
   * Throws the task's error when it failed, `TaskRevokedError` when it was revoked, `ResultTimeoutError` after `timeout`,
   * the signal's reason when it aborts. The result is as the wire carries it: a class instance arrives as a plain object.
   */
  get(options: GetOptions & { propagate: false }): Promise<Result | undefined>;
  get(options?: GetOptions): Promise<Result>;
  async get(options: GetOptions = {}): Promise<Result | undefined> {
    const meta = await this.#wait(options);
    if (!propagates(meta.status)) return this.#typed(meta.result);
    if (options.propagate ?? true) throw errorFromMeta(meta);
    return undefined;
  }

  async ready(): Promise<boolean> {
    return isReady(await this.status());
  }
  async successful(): Promise<boolean> {
    return (await this.status()) === "SUCCESS";
  }
  async failed(): Promise<boolean> {
    return (await this.status()) === "FAILURE";
  }

  /** The result, the error, or the meta of the present state (such as progress); undefined while nothing is known. */
  async info(): Promise<unknown> {
    const meta = await this.meta();
    if (!meta) return undefined;
    return propagates(meta.status) || meta.status === "RETRY" ? errorFromMeta(meta) : meta.result;
  }

  /** The stack of the error, in the form of the language it was thrown in. */
  async traceback(): Promise<string | undefined> {
    return (await this.meta())?.traceback ?? undefined;
  }

  /** The tasks this one sent, as far as it has been stored. */
  async children(): Promise<AsyncResult<unknown>[]> {
    const tuples = (await this.meta())?.children ?? [];
    return tuples.flatMap(taskIds).map((id) => new AsyncResult(this.#home, id));
  }

  /** Tells all workers not to run the task, or with `terminate` to end it. Resolves when the order is on its way. */
  async revoke(options: RevokeOptions = {}): Promise<void> {
    const { terminate = false, signal = "SIGTERM" } = options;
    await this.#home.gateway.control("revoke", { task_id: this.id, terminate, signal });
  }

  /** Removes the stored result. */
  async forget(): Promise<void> {
    await this.#home.gateway.forgetResult(this.id);
  }

  /**
   * Sends the same task with the same arguments under a new id; `options` override those of the first time.
   * A result that was looked up by id needs `resultExtended`, which stores the arguments; else `ConfigurationError`.
   */
  async rerun(options: ApplyOptions<Result> = {}): Promise<AsyncResult<Result>> {
    const call = this.#call ?? (await this.#storedCall());
    const { taskId: _sameId, eta: _past, countdown: _delay, ...kept } = call.options;
    const sent = await this.#home.send({ ...call, options: { ...kept, ...sendOptions(options) } });
    return sent.as<Result>();
  }

  /** The same result with another type. For handles whose type only the caller knows. */
  as<Other>(): AsyncResult<Other> {
    return new AsyncResult<Other>(this.#home, this.id, this.#call);
  }

  async #wait({ timeout, signal }: GetOptions): Promise<TaskMeta> {
    const deadline = new AbortController();
    const timer =
      timeout === undefined ? undefined : setTimeout(() => deadline.abort(this.#timedOut(timeout)), timeout * 1000);
    try {
      return await this.#home.gateway.waitResult(
        this.id,
        signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  #timedOut(timeout: number): ResultTimeoutError {
    return new ResultTimeoutError(`task ${this.id} did not end within ${timeout} s; it goes on`);
  }

  /** The one place where a value off the wire gets its promised type: the task's own signature is the promise. */
  #typed(value: unknown): Result {
    return value as Result;
  }

  async #storedCall(): Promise<TaskCall> {
    const { name, args, kwargs, queue } = (await this.meta()) ?? {};
    if (name === undefined || !Array.isArray(args) || typeof kwargs !== "object" || kwargs === null) {
      throw new ConfigurationError(
        `the arguments of task ${this.id} are not stored, so it cannot be sent again: set resultExtended, or keep the result that delay() returned`,
        { code: "arguments_not_stored" },
      );
    }
    return { name, args, kwargs: { ...kwargs }, options: queue === undefined ? {} : { queue } };
  }
}

/** Ids of the tasks in a result tuple: its own, or a group's members'. */
function taskIds([[id], members]: ResultTuple): string[] {
  return members ? members.flatMap(taskIds) : [id];
}
