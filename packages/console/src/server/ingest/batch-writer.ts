import type { Logger } from "lovage";
import { backoffDelay, sleep } from "lovage/internal";
import type { Statement } from "../store/database.js";
import { StoreError, UnmetError } from "../store/store-error.js";
import type { TaskRecord } from "../store/task-record.js";
import type { TaskBatch, TaskStore } from "../store/task-store.js";

/** Seconds between two tries while the store cannot be used. */
const RETRY = { initial: 0.2, max: 5 };
/** Ids asked for at once. */
const READ_AT_ONCE = 500;

export interface BatchWriterOptions {
  readonly tasks: TaskStore;
  readonly logger: Logger;
  /** Gives a row as long as this console is the one that writes. */
  readonly onlyIf: Statement;
  /** Ends the tries: from then on each call is tried once. */
  readonly signal: AbortSignal;
}

/**
 * Writes batches, and reads what merging needs, through a store that may be away for a while: tries until it is back. A batch that the
 * store refuses for what is in it is written task by task, and the tasks that it still refuses are left out: one hostile event must not
 * hold up all others.
 */
export class BatchWriter {
  readonly #tasks: TaskStore;
  readonly #logger: Logger;
  readonly #onlyIf: Statement;
  readonly #signal: AbortSignal;
  #trouble: StoreError | undefined;

  constructor({ tasks, logger, onlyIf, signal }: BatchWriterOptions) {
    this.#tasks = tasks;
    this.#logger = logger;
    this.#onlyIf = onlyIf;
    this.#signal = signal;
  }

  /** Why the store cannot be used now; undefined while it can. */
  get trouble(): StoreError | undefined {
    return this.#trouble;
  }

  /**
   * Rejects with a `StoreError` only after the signal has aborted, and with an `UnmetError`, nothing written of this batch or of what is
   * left of it, once `onlyIf` does not hold: another console may write then.
   */
  async write(batch: TaskBatch): Promise<{ readonly logSeqs: readonly number[] }> {
    if (batch.records.length === 0) return { logSeqs: [] };
    return await this.persistently(async () => {
      try {
        return await this.#tasks.put(batch, this.#onlyIf);
      } catch (error) {
        if (error instanceof StoreError || error instanceof UnmetError) throw error;
        this.#logger.error("the store refused a batch; writing it task by task", { error: String(error) });
        return await this.#writeOneByOne(batch);
      }
    });
  }

  async read(ids: readonly string[]): Promise<readonly TaskRecord[]> {
    const found: TaskRecord[] = [];
    for (let at = 0; at < ids.length; at += READ_AT_ONCE) {
      const some = ids.slice(at, at + READ_AT_ONCE);
      found.push(...(await this.persistently(() => this.#tasks.getMany(some))));
    }
    return found;
  }

  async #writeOneByOne(batch: TaskBatch): Promise<{ readonly logSeqs: readonly number[] }> {
    const seqs = new Map<unknown, number>();
    for (const record of batch.records) {
      const logs = batch.logs.filter(({ taskId }) => taskId === record.id);
      const events = batch.events.filter(({ taskId }) => taskId === record.id);
      try {
        const { logSeqs } = await this.#tasks.put({ records: [record], events, logs }, this.#onlyIf);
        for (const [index, log] of logs.entries()) seqs.set(log, logSeqs[index] ?? 0);
      } catch (error) {
        if (error instanceof StoreError || error instanceof UnmetError) throw error;
        this.#logger.error("the store refused a task", { task: record.id, error: String(error) });
      }
    }
    return { logSeqs: batch.logs.map((log) => seqs.get(log) ?? 0) };
  }

  /** Does what needs the store, again and again until that can be used. Rejects with a `StoreError` only after the signal has aborted, and at once with an `UnmetError`. */
  async persistently<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const result = await work();
        if (this.#trouble) this.#logger.info("the console's store can be used again");
        this.#trouble = undefined;
        return result;
      } catch (error) {
        if (error instanceof UnmetError) {
          this.#trouble = undefined;
          throw error;
        }
        const trouble = error instanceof StoreError ? error : new StoreError(String(error), { cause: error });
        if (!this.#trouble)
          this.#logger.warn("the console's store cannot be used; events wait", { error: trouble.message });
        this.#trouble = trouble;
        if (this.#signal.aborted) throw trouble;
        await sleep(0.05 + backoffDelay(RETRY, attempt), this.#signal).catch(() => undefined);
      }
    }
  }
}
