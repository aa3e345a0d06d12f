import type { Logger } from "lovage";
import type { LiveHub } from "../parts.js";
import type { StoredLog, TaskRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import { progressOf, toLogLine, toSummary } from "../tasks/task-summary.js";

/** Milliseconds between two counts of states. */
const COUNT_EVERY_MS = 500;

export interface LivePublisherOptions {
  readonly live: LiveHub;
  readonly tasks: TaskStore;
  readonly logger: Logger;
}

/**
 * Tells open streams of records, progress and log lines. What nobody listens to is not made; that no stream is open says nothing about
 * that: who was just cut off comes back for what was missed.
 */
export class LivePublisher {
  readonly #live: LiveHub;
  readonly #tasks: TaskStore;
  readonly #logger: Logger;
  #countDue: NodeJS.Timeout | undefined;
  #newest: { readonly id: string; readonly firstMs: number } | undefined;

  constructor({ live, tasks, logger }: LivePublisherOptions) {
    this.#live = live;
    this.#tasks = tasks;
    this.#logger = logger;
  }

  records(records: readonly TaskRecord[]): void {
    if (records.length === 0) return;
    for (const { id, firstMs } of records) if (firstMs >= (this.#newest?.firstMs ?? 0)) this.#newest = { id, firstMs };
    const all = this.#live.hasListeners("tasks");
    for (const record of records) this.#record(record, all);
    if (all) this.#countSoon();
  }

  /** @param seqs of the lines, in their order */
  logs(logs: readonly StoredLog[], seqs: readonly number[]): void {
    logs.forEach((log, index) => {
      const topic = `log:${log.taskId}`;
      const seq = seqs[index];
      if (seq !== undefined && seq > 0 && this.#live.hasListeners(topic))
        this.#live.publish(topic, "log", toLogLine({ ...log, seq }));
    });
  }

  #record(record: TaskRecord, all: boolean): void {
    const topic = `task:${record.id}`;
    const own = this.#live.hasListeners(topic);
    if (all || own) {
      const summary = toSummary(record, { payloads: true });
      if (all) this.#live.publish("tasks", "task", summary, record.id);
      if (own) this.#live.publish(topic, "task", summary, record.id);
    }
    this.#progress(record, own);
  }

  #progress(record: TaskRecord, own: boolean): void {
    const run = record.runId === null ? undefined : `run:${record.runId}`;
    const heard = run !== undefined && this.#live.hasListeners(run);
    if (!(own || heard)) return;
    const progress = progressOf(record, true);
    if (!progress) return;
    const data = { taskId: record.id, progress };
    if (own) this.#live.publish(`task:${record.id}`, "progress", data, `progress ${record.id}`);
    if (heard) this.#live.publish(run, "progress", data, `progress ${record.id}`);
  }

  /** The first after a quiet time at once, then twice a second at most. */
  #countSoon(): void {
    this.#countDue ??= setTimeout(() => {
      this.#tasks
        .stateCounts()
        .then((states) => this.#live.publish("tasks", "tasks", { states, newest: this.#newest?.id ?? null }, "tasks"))
        .catch((error: unknown) => this.#logger.debug("could not count states", { error: String(error) }))
        .finally(() => {
          this.#countDue = undefined;
        });
    }, COUNT_EVERY_MS).unref();
  }
}
