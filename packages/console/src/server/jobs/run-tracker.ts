import type { Logger } from "lovage";
import type { Ingest, LiveHub } from "../parts.js";
import { parseFields } from "../store/stored-json.js";
import type { TaskRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import type { RunStore, StoredRun } from "./run-store.js";
import { isRunsRoot, newsOf, toRunSummary } from "./run-view.js";

/** Runs that one look goes through at a time. */
const PART = 200;
/** Runs of a job of the program that are looked for after a restart. */
const LATEST = 100;
/** Milliseconds within which news of a run that was sent are heard and written, by whichever console does so, if there are any. */
const ON_ITS_WAY_MS = 60_000;

export interface RunTrackerOptions {
  readonly runs: RunStore;
  readonly tasks: Pick<TaskStore, "getMany" | "list">;
  readonly ingest: Pick<Ingest, "onTasks" | "makeGood">;
  readonly live: Pick<LiveHub, "publish">;
  readonly logger: Logger;
  readonly now: () => Date;
  /** Called when a run is over: the next one may have its turn. */
  readonly onEnded: (job: string) => Promise<void>;
}

/** Keeps runs up to date with the records of their root tasks, those included that programs started themselves (`job.run()`). */
export class RunTracker {
  readonly #options: RunTrackerOptions;
  /** Newest record of each run that is still to be looked at. */
  readonly #heard = new Map<string, TaskRecord>();
  #unsubscribe: (() => void) | undefined;
  #working: Promise<void> | undefined;

  constructor(options: RunTrackerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe ??= this.#options.ingest.onTasks((records) => this.#hear(records));
  }

  /** Hears no more; resolves when what was heard is kept. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    await this.#working;
  }

  /**
   * Makes good what was not heard: reads the records of all open runs, and the newest of each job for runs that began while nobody
   * listened. A run whose task nobody knows is lost.
   */
  async catchUp(jobs: readonly string[] = []): Promise<void> {
    const { runs, tasks } = this.#options;
    for (const job of jobs) {
      const found = await tasks.list({ filter: { job }, sort: "-received", limit: LATEST, cursor: undefined });
      this.#hear(found.records);
    }
    const open = await runs.openIds();
    for (let at = 0; at < open.length; at += PART) {
      const part = open.slice(at, at + PART);
      const records = await tasks.getMany(part);
      this.#hear(records);
      const known = new Set(records.map(({ id }) => id));
      for (const id of part) if (!known.has(id)) await this.#missing(id);
    }
    await this.#working;
  }

  async #missing(id: string): Promise<void> {
    const { runs, ingest, now } = this.#options;
    // Not sent yet: no record is to be expected.
    if ((await runs.callOf(id)) !== null) return;
    if (await ingest.makeGood(id)) return;
    const nowMs = now().getTime();
    const closed = await runs.lose(id, { sentBeforeMs: nowMs - ON_ITS_WAY_MS, nowMs });
    if (closed) await this.#tell(closed);
  }

  #hear(records: readonly TaskRecord[]): void {
    for (const record of records) {
      if (!isRunsRoot(record)) continue;
      const before = this.#heard.get(record.id);
      if (!before || before.version <= record.version) this.#heard.set(record.id, record);
    }
    if (this.#heard.size > 0)
      this.#working ??= this.#work().finally(() => {
        this.#working = undefined;
      });
  }

  /** Never rejects: what could not be kept is made good by `catchUp`. */
  async #work(): Promise<void> {
    while (this.#heard.size > 0) {
      const records = [...this.#heard.values()].slice(0, PART);
      for (const { id } of records) this.#heard.delete(id);
      try {
        await this.#keep(records);
      } catch (error) {
        this.#options.logger.warn("news of job runs could not be kept", { error: String(error) });
      }
    }
  }

  async #keep(records: readonly TaskRecord[]): Promise<void> {
    const { runs } = this.#options;
    const known = await runs.numbersOf(records.map(({ id }) => id));
    for (const record of records) if (!known.has(record.id)) await this.#add(record);
    for (const run of await runs.learn(records.map(newsOf))) await this.#tell(run);
  }

  /** One that a program started. */
  async #add(record: TaskRecord): Promise<void> {
    if (record.job === null) return;
    const run = {
      id: record.id,
      job: record.job,
      by: record.client ?? "program",
      parameters: parseFields(record.kwargsJson),
      callJson: null,
      nowMs: record.sentMs ?? record.firstMs,
    };
    await this.#options.runs.add(run, { state: record.state, alone: false });
  }

  async #tell(run: StoredRun): Promise<void> {
    const { live, now, onEnded } = this.#options;
    const summary = toRunSummary(run, { payloads: true, nowMs: now().getTime() });
    live.publish(`run:${run.id}`, "run", summary, run.id);
    if (!run.open) await onEnded(run.job);
  }
}
