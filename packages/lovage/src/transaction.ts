import { type ApplyOptions, sendOptions } from "./call.js";
import type { TransactionClient } from "./outbox/transaction-client.js";
import type { AsyncResult } from "./result.js";
import type { Signature } from "./signature.js";
import type { TaskHome } from "./task.js";

/** Any task, as far as a transaction uses it; the tasks' own types say the rest. */
interface SendableTask {
  delay(...args: never[]): Promise<AsyncResult<unknown>>;
  applyAsync(...args: never[]): Promise<AsyncResult<unknown>>;
  in(client: TransactionClient): { delay(...args: never[]): unknown; applyAsync(...args: never[]): unknown };
}

/**
 * Sends tasks inside somebody's transaction; see `Lovage.in`. Everything resolves when the statement is done, which is before the commit:
 * do not wait for a result inside the transaction.
 */
export class Transaction {
  readonly #home: TaskHome;
  readonly #client: TransactionClient;

  constructor(home: TaskHome, client: TransactionClient) {
    this.#home = home;
    this.#client = client;
  }

  /** Sends a task with these arguments. */
  delay<T extends SendableTask>(task: T, ...args: Parameters<T["delay"]>): ReturnType<T["delay"]> {
    // What `in` returns is the task itself, elsewhere: the same types.
    return task.in(this.#client).delay(...args) as ReturnType<T["delay"]>;
  }

  /** `delay` with options, and the arguments as the task's own `applyAsync` takes them. */
  applyAsync<T extends SendableTask>(task: T, ...args: Parameters<T["applyAsync"]>): ReturnType<T["applyAsync"]> {
    return task.in(this.#client).applyAsync(...args) as ReturnType<T["applyAsync"]>;
  }

  /** Sends a signature that misses no arguments; `options` override its own. */
  send<Result>(
    signature: Signature<[], Result, boolean>,
    options: ApplyOptions<Result> = {},
  ): Promise<AsyncResult<Result>> {
    return signature.in(this.#client).applyAsync([], options);
  }

  /** Sends a task known by name only. */
  async sendTask(
    name: string,
    args: readonly unknown[] = [],
    options: ApplyOptions & { readonly kwargs?: Readonly<Record<string, unknown>> } = {},
  ): Promise<AsyncResult<unknown>> {
    const { kwargs = {}, ...rest } = options;
    return await this.#home.send({ name, args, kwargs, options: sendOptions(rest) });
  }
}
