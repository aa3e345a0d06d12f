import { wait } from "./scraper/wait.js";
import { FINAL_STATUSES, type LogEntry, type Repository, type Run } from "./storage/repository.js";

/** What is new about a run. */
export interface RunUpdate {
  readonly run: Run;
  readonly entries: readonly LogEntry[];
}

/** Seconds between two looks at the store. The run is written by another process, and SQLite does not notify. */
const INTERVAL = 0.1;
const ENTRIES_AT_A_TIME = 500;

/**
 * Gives the state of a run and its new log entries again and again, last when it is over and its log is complete. When
 * `signal` aborts, it looks once more and ends.
 */
export async function* followRun(
  repository: Repository,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<RunUpdate, void, undefined> {
  let lastLogId = 0;
  for (;;) {
    const isLastLook = signal.aborted;
    // The run first: should it end in between, the log is then complete all the same.
    const run = await repository.findRun(runId);
    if (run === undefined) return;
    const entries = await repository.listLog(runId, lastLogId, ENTRIES_AT_A_TIME);
    lastLogId = entries.at(-1)?.id ?? lastLogId;
    yield { run, entries };
    if (entries.length === ENTRIES_AT_A_TIME) continue;
    if (FINAL_STATUSES.has(run.status) || isLastLook) return;
    await wait(INTERVAL, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
