import { randomUUID } from "node:crypto";
import { TaskRevokedError } from "lovage";
import type { RunSummary } from "./run-job.js";
import { FINAL_STATUSES, type Repository } from "./storage/repository.js";
import { scrape } from "./tasks.js";

/** A run on its way. */
export interface StartedRun {
  /** Also the task's id. */
  readonly id: string;
  /** Settles with the task: the counts, or why it failed. Rejects with the reason given to `close()` if that comes first. */
  readonly ended: Promise<RunSummary>;
}

/** Sends the task for a job and notes its run, so that both are never seen one without the other. */
export class JobRunner {
  readonly #repository: Repository;
  readonly #closing = new AbortController();
  readonly #watched = new Set<Promise<unknown>>();

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  /** Resolves as soon as the broker holds the task. */
  async start(jobId: number): Promise<StartedRun> {
    const id = randomUUID();
    await this.#repository.queueRun(id, jobId);
    const result = await scrape.applyAsync({ jobId }, { taskId: id }).catch(async (error: unknown) => {
      await this.#repository.endRun(id, "FAILED", `The task could not be sent: ${messageOf(error)}`);
      throw error;
    });
    const ended = result.get({ signal: this.#closing.signal });
    const watching = ended.catch((error: unknown) => this.#endLostRun(id, error));
    this.#watched.add(watching);
    void watching.finally(() => this.#watched.delete(watching));
    return { id, ended };
  }

  /** Stops watching; the tasks go on. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the program ends"));
    await Promise.all(this.#watched);
  }

  /** A task that was revoked, or whose process was killed, had no chance to end its run itself. */
  async #endLostRun(id: string, error: unknown): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const run = await this.#repository.findRun(id);
    if (run === undefined || FINAL_STATUSES.has(run.status)) return;
    await this.#repository.endRun(id, error instanceof TaskRevokedError ? "STOPPED" : "FAILED", messageOf(error));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
