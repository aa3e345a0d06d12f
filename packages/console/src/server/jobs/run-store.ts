import { numberOf, numberOrNull, textOf } from "../store/column-values.js";
import type { Database, Row, Statement } from "../store/database.js";
import { parseFields } from "../store/stored-json.js";

/** State of a run of a `queue` job that waits for its turn. */
export const WAITING = "WAITING";

/** A run as it is kept. Instants are Unix milliseconds. Its id is its root task's. */
export interface StoredRun {
  readonly id: string;
  readonly job: string;
  /** Counts the job's runs from 1. */
  readonly number: number;
  readonly state: string;
  /** Neither over nor lost: it is in the way of others. */
  readonly open: boolean;
  readonly queuedMs: number;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly by: string;
  /** As they may be shown: without secrets. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly progressJson: string | null;
  readonly counters: Readonly<Record<string, number>>;
}

/** A run that is to be sent, exactly as it was asked for. */
export interface RunToSend {
  readonly id: string;
  readonly job: string;
  /** JSON of `{task, kwargs, queue}`; kept until the broker has the message. */
  readonly callJson: string;
}

/** What a task's record says of its run. */
export interface RunNews {
  readonly id: string;
  readonly state: string;
  readonly open: boolean;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly progressJson: string | null;
  readonly counters: Readonly<Record<string, number>>;
  /** The record's: older news are dropped. */
  readonly version: number;
}

export interface NewRun {
  readonly id: string;
  readonly job: string;
  readonly by: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly callJson: string | null;
  readonly nowMs: number;
}

const STEPS: readonly ((bigint: string) => string)[] = [
  // One row a job: it is locked while a run is added, so that numbers have no gaps and `skip` no races.
  (bigint) => `CREATE TABLE job_numbers (job TEXT PRIMARY KEY, last ${bigint} NOT NULL)`,
  (bigint) => `CREATE TABLE job_runs (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    number ${bigint} NOT NULL,
    state TEXT NOT NULL,
    open ${bigint} NOT NULL,
    queued_ms ${bigint} NOT NULL,
    started_ms ${bigint},
    finished_ms ${bigint},
    by_name TEXT NOT NULL,
    parameters_json TEXT NOT NULL,
    call_json TEXT,
    claimed_ms ${bigint} NOT NULL DEFAULT 0,
    progress_json TEXT,
    counters_json TEXT NOT NULL DEFAULT '{}',
    version ${bigint} NOT NULL DEFAULT 0,
    UNIQUE (job, number)
  )`,
  () => "CREATE INDEX job_runs_open ON job_runs (open, job, number)",
];

/** Runs of jobs. Errors are the database's (`StoreError`). */
export class RunStore {
  readonly #database: Database;

  constructor({ database }: { readonly database: Database }) {
    this.#database = database;
  }

  /** Makes the tables. Idempotent. */
  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate(
      "job runs",
      STEPS.map((step) => step(bigint)),
    );
  }

  /**
   * Adds a run with the next number of its job. With `alone` only when no other run of the job is open: undefined otherwise.
   * One that is there already is returned as it is.
   */
  async add(run: NewRun, options: { readonly state: string; readonly alone: boolean }): Promise<StoredRun | undefined> {
    const { id, job, by, parameters, callJson, nowMs } = run;
    const condition = options.alone ? "AND NOT EXISTS (SELECT 1 FROM job_runs WHERE job = ? AND open = 1)" : "";
    await this.#database.write([
      lockJob(job),
      {
        sql: `INSERT INTO job_runs (id, job, number, state, open, queued_ms, by_name, parameters_json, call_json, claimed_ms)
          SELECT ?, job, last + 1, ?, 1, ?, ?, ?, ?, ? FROM job_numbers WHERE job = ? ${condition}
          ON CONFLICT (id) DO NOTHING`,
        values: [
          id,
          options.state,
          nowMs,
          by,
          JSON.stringify(parameters),
          callJson,
          nowMs,
          job,
          ...(options.alone ? [job] : []),
        ],
      },
      {
        sql: "UPDATE job_numbers SET last = (SELECT COALESCE(MAX(number), last) FROM job_runs WHERE job_runs.job = job_numbers.job AND number >= last) WHERE job = ?",
        values: [job],
      },
    ]);
    return await this.get(id);
  }

  /** A run that has not been sent: its number is free again when it was the last. */
  async remove(id: string): Promise<void> {
    await this.#database.write([
      {
        sql: "UPDATE job_numbers SET last = last - 1 WHERE EXISTS (SELECT 1 FROM job_runs WHERE id = ? AND job_runs.job = job_numbers.job AND number = last)",
        values: [id],
      },
      { sql: "DELETE FROM job_runs WHERE id = ?", values: [id] },
    ]);
  }

  async get(id: string): Promise<StoredRun | undefined> {
    const row = await this.#database.get({ sql: "SELECT * FROM job_runs WHERE id = ?", values: [id] });
    return row && runOf(row);
  }

  /** The open run that was first: what is in the way of another one. */
  async firstOpen(job: string): Promise<StoredRun | undefined> {
    const row = await this.#database.get({
      sql: "SELECT * FROM job_runs WHERE job = ? AND open = 1 ORDER BY number LIMIT 1",
      values: [job],
    });
    return row && runOf(row);
  }

  /** Newest first; `before`: a number. */
  async list(
    job: string,
    page: { readonly before: number | undefined; readonly limit: number; readonly states: readonly string[] },
  ): Promise<readonly StoredRun[]> {
    const { before, limit, states } = page;
    const rows = await this.#database.all({
      sql: `SELECT * FROM job_runs WHERE job = ? ${before === undefined ? "" : "AND number < ?"}
        ${states.length === 0 ? "" : `AND state IN (${states.map(() => "?").join(", ")})`} ORDER BY number DESC LIMIT ?`,
      values: [job, ...(before === undefined ? [] : [before]), ...states, limit],
    });
    return rows.map(runOf);
  }

  async count(job: string, states: readonly string[] = []): Promise<number> {
    const row = await this.#database.get({
      sql: `SELECT COUNT(*) AS n FROM job_runs WHERE job = ? ${states.length === 0 ? "" : `AND state IN (${states.map(() => "?").join(", ")})`}`,
      values: [job, ...states],
    });
    return numberOf(row?.n);
  }

  /** Runs by job and state, over all jobs. */
  async counts(): Promise<
    readonly { readonly job: string; readonly state: string; readonly runs: number; readonly open: number }[]
  > {
    const rows = await this.#database.all({
      sql: "SELECT job, state, COUNT(*) AS n, SUM(open) AS open FROM job_runs GROUP BY job, state",
    });
    return rows.map((row) => ({
      job: textOf(row.job),
      state: textOf(row.state),
      runs: numberOf(row.n),
      open: numberOf(row.open),
    }));
  }

  /** Runs that are neither over nor lost, but those that wait for their turn. */
  async openIds(): Promise<readonly string[]> {
    const rows = await this.#database.all({
      sql: "SELECT id FROM job_runs WHERE open = 1 AND state <> ?",
      values: [WAITING],
    });
    return rows.map((row) => textOf(row.id));
  }

  async numbersOf(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#database.all({
      sql: `SELECT id, number FROM job_runs WHERE id IN (${ids.map(() => "?").join(", ")})`,
      values: ids,
    });
    return new Map(rows.map((row) => [textOf(row.id), numberOf(row.number)]));
  }

  /** Keeps what tasks say of their runs; older news change nothing. Gives the runs that changed. */
  async learn(news: readonly RunNews[]): Promise<readonly StoredRun[]> {
    if (news.length === 0) return [];
    const results = await this.#database.write(
      news.map(
        (each): Statement => ({
          sql: `UPDATE job_runs SET state = ?, open = ?, started_ms = ?, finished_ms = ?, progress_json = ?, counters_json = ?, version = ?
            WHERE id = ? AND version < ? AND state <> ? RETURNING *`,
          values: [
            each.state,
            each.open ? 1 : 0,
            each.startedMs,
            each.finishedMs,
            each.progressJson,
            JSON.stringify(each.counters),
            each.version,
            each.id,
            each.version,
            WAITING,
          ],
        }),
      ),
    );
    return results.flat().map(runOf);
  }

  /** Ends a run that has no task to say so: one that was taken back while it waited, or whose record is gone. */
  async close(id: string, state: string, nowMs: number): Promise<StoredRun | undefined> {
    const [rows] = await this.#database.write([
      {
        sql: "UPDATE job_runs SET state = ?, open = 0, finished_ms = ?, call_json = NULL WHERE id = ? AND open = 1 RETURNING *",
        values: [state, nowMs, id],
      },
    ]);
    const row = rows?.[0];
    return row && runOf(row);
  }

  /** As `close`, for a run that was sent and that nobody has heard of: not while it may be on its way, nor when it is to be sent again. */
  async lose(id: string, { sentBeforeMs, nowMs }: { readonly sentBeforeMs: number; readonly nowMs: number }) {
    const [rows] = await this.#database.write([
      {
        sql: `UPDATE job_runs SET state = 'LOST', open = 0, finished_ms = ?
          WHERE id = ? AND open = 1 AND state <> ? AND call_json IS NULL AND claimed_ms < ? RETURNING *`,
        values: [nowMs, id, WAITING, sentBeforeMs],
      },
    ]);
    const row = rows?.[0];
    return row && runOf(row);
  }

  /** As `close`, but only while the run still waits for its turn. */
  async takeBack(id: string, nowMs: number): Promise<StoredRun | undefined> {
    const [rows] = await this.#database.write([
      {
        sql: "UPDATE job_runs SET state = 'REVOKED', open = 0, finished_ms = ?, call_json = NULL WHERE id = ? AND state = ? RETURNING *",
        values: [nowMs, id, WAITING],
      },
    ]);
    const row = rows?.[0];
    return row && runOf(row);
  }

  /** Jobs with runs that wait for their turn, though no run of theirs is open besides. */
  async jobsWithTurn(): Promise<readonly string[]> {
    const rows = await this.#database.all({
      sql: `SELECT DISTINCT job FROM job_runs AS waiting WHERE open = 1 AND state = ?
        AND NOT EXISTS (SELECT 1 FROM job_runs WHERE job = waiting.job AND open = 1 AND state <> ?)`,
      values: [WAITING, WAITING],
    });
    return rows.map((row) => textOf(row.job));
  }

  /** Gives the next waiting run of a job its turn, unless another run of it is open. Only one console gets it. */
  async claimTurn(job: string, nowMs: number): Promise<RunToSend | undefined> {
    const results = await this.#database.write([
      lockJob(job),
      {
        sql: `UPDATE job_runs SET state = 'PENDING', claimed_ms = ?
          WHERE id = (SELECT id FROM job_runs WHERE job = ? AND open = 1 AND state = ? ORDER BY number LIMIT 1)
            AND NOT EXISTS (SELECT 1 FROM job_runs WHERE job = ? AND open = 1 AND state <> ?) RETURNING id, job, call_json`,
        values: [nowMs, job, WAITING, job, WAITING],
      },
    ]);
    const row = results[1]?.[0];
    return row && toSend(row);
  }

  /** Runs whose sender vanished before the broker had the message; they are claimed anew. */
  async claimUnsent(olderThanMs: number, nowMs: number): Promise<readonly RunToSend[]> {
    const [rows] = await this.#database.write([
      {
        sql: "UPDATE job_runs SET claimed_ms = ? WHERE open = 1 AND state <> ? AND call_json IS NOT NULL AND claimed_ms < ? RETURNING id, job, call_json",
        values: [nowMs, WAITING, olderThanMs],
      },
    ]);
    return (rows ?? []).map(toSend);
  }

  /** The broker has its message: the exact call is no longer needed. */
  async sent(id: string): Promise<void> {
    await this.#database.write([{ sql: "UPDATE job_runs SET call_json = NULL WHERE id = ?", values: [id] }]);
  }

  /** The call of a run that has not been sent yet, or could not be. */
  async callOf(id: string): Promise<string | null> {
    const row = await this.#database.get({ sql: "SELECT call_json FROM job_runs WHERE id = ?", values: [id] });
    return row === undefined || row.call_json === null ? null : textOf(row.call_json);
  }
}

/** Makes the job's row, and holds it until the transaction ends. */
function lockJob(job: string): Statement {
  return {
    sql: "INSERT INTO job_numbers (job, last) VALUES (?, 0) ON CONFLICT (job) DO UPDATE SET last = job_numbers.last",
    values: [job],
  };
}

function toSend(row: Row): RunToSend {
  return { id: textOf(row.id), job: textOf(row.job), callJson: textOf(row.call_json) };
}

function runOf(row: Row): StoredRun {
  return {
    id: textOf(row.id),
    job: textOf(row.job),
    number: numberOf(row.number),
    state: textOf(row.state),
    open: numberOf(row.open) === 1,
    queuedMs: numberOf(row.queued_ms),
    startedMs: numberOrNull(row.started_ms),
    finishedMs: numberOrNull(row.finished_ms),
    by: textOf(row.by_name),
    parameters: parseFields(textOf(row.parameters_json)),
    progressJson: row.progress_json === null ? null : textOf(row.progress_json),
    counters: numbersIn(parseFields(textOf(row.counters_json))),
  };
}

function numbersIn(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
