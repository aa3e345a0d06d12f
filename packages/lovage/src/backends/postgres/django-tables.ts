import type { PostgresDatabase, WriteKind, WriteOptions } from "../../connections/postgres.js";
import { ConfigurationError } from "../../errors.js";
import type { GroupMeta } from "../../protocol/task-meta.js";
import { djangoRow, expiryIn, fenceIn, metaText, withFence } from "./django-row.js";
import { storeOutcomes } from "./own-tables.js";
import {
  instantText,
  type NewResult,
  type ResultTables,
  type StoredResult,
  type StoreOutcome,
} from "./result-tables.js";

const TASKS = "django_celery_results_taskresult";
const GROUPS = "django_celery_results_groupresult";
const REMOVE_LIMIT = 5000;

/** Columns that a later version of django-celery-results added. Source: celery-protocol 5.6. */
interface Tables {
  /** Quoted, with its schema. */
  readonly tasks: string;
  readonly groups: string;
  /** 2.6: when STARTED was stored. */
  readonly dateStarted: boolean;
}

/**
 * Results in the tables of django-celery-results 2.4 to 2.6, so that Django's admin and Python's result backend `django-db` show ours, and
 * we read theirs. The tables are Django's: its migrations make them.
 *
 * Weaknesses: Python overwrites any row, SUCCESS or not, and forgets its fence. Python tells nobody of what it stores, so a wait for its
 * result looks twice a second. Chords are counted in our own tables: Django's counter counts down what only Python's workers count.
 */
export class DjangoTables implements ResultTables {
  readonly #database: PostgresDatabase;
  readonly #schema: string | undefined;
  readonly #lifetimeMs: number | undefined;
  #tables: Tables | undefined;
  #store: WriteKind<NewResult, StoreOutcome> | undefined;

  /** @param options.schema where the tables are; undefined: where the search path finds them */
  constructor(
    database: PostgresDatabase,
    options: { readonly schema: string | undefined; readonly lifetimeMs: number | undefined },
  ) {
    this.#database = database;
    this.#schema = options.schema;
    this.#lifetimeMs = options.lifetimeMs;
  }

  async open(): Promise<void> {
    if (this.#tables) return;
    const [tasks, groups] = [await this.#columns(TASKS), await this.#columns(GROUPS)];
    for (const name of ["date_created", "periodic_task_name"])
      if (!tasks.names.has(name))
        throw missing(`${TASKS} in ${this.#database.where} has no column ${name}: it is older than version 2.4`);
    this.#tables = { tasks: tasks.table, groups: groups.table, dateStarted: tasks.names.has("date_started") };
    this.#store = storeKind(this.#tables, this.#database.schema);
  }

  async store(result: NewResult, options: WriteOptions): Promise<StoreOutcome> {
    if (!this.#store) throw missing("the tables were not looked for yet");
    return await this.#database.write(this.#store, result, options);
  }

  async find(ids: readonly string[], nowMs: number): Promise<readonly StoredResult[]> {
    const { rows } = await this.#database.query(
      `SELECT task_id, status, content_type, result, traceback, meta, task_args, task_kwargs, task_name, worker, date_done
       FROM ${this.#found.tasks} AS kept
       WHERE task_id = ANY($1::text[]) AND coalesce(nullif(${expiryIn("kept")}, 0) > $2::bigint, true)`,
      [ids, nowMs],
    );
    return rows.map((row) => ({ id: String(row.task_id), status: String(row.status), text: metaText(row) }));
  }

  async remove(id: string): Promise<void> {
    await this.#database.query(`DELETE FROM ${this.#found.tasks} WHERE task_id = $1`, [id]);
  }

  async saveGroup(group: GroupMeta, nowMs: number): Promise<void> {
    await this.#database.query(
      `INSERT INTO ${this.#found.groups} (group_id, result, content_type, content_encoding, date_created, date_done)
       VALUES ($1, $2, 'application/json', 'utf-8', $3::timestamptz, $3::timestamptz)
       ON CONFLICT (group_id) DO UPDATE SET result = excluded.result, content_type = excluded.content_type,
         content_encoding = excluded.content_encoding, date_done = excluded.date_done`,
      [group.groupId, JSON.stringify(group.result), instantText(nowMs)],
    );
  }

  async findGroup(id: string, nowMs: number): Promise<string | undefined> {
    const { rows } = await this.#database.query(
      `SELECT result FROM ${this.#found.groups} WHERE group_id = $1 AND ($2::timestamptz IS NULL OR date_done > $2::timestamptz)`,
      [id, this.#oldest(nowMs)],
    );
    return rows[0] && `{"result":${String(rows[0].result)}}`;
  }

  /**
   * As Celery's own clean-up: what was stored longer ago than results live here. Rows that a connection of ours stored to live longer
   * stay until then.
   */
  async removeExpired(nowMs: number): Promise<{ readonly removed: number; readonly more: boolean }> {
    const oldest = this.#oldest(nowMs);
    if (oldest === null) return { removed: 0, more: false };
    const { tasks, groups } = this.#found;
    const isOver = `coalesce(${expiryIn("kept")} BETWEEN 1 AND $2::bigint, true)`;
    const { count } = await this.#database.query(
      `DELETE FROM ${tasks} WHERE id = ANY(ARRAY(
        SELECT id FROM ${tasks} AS kept WHERE date_done <= $1::timestamptz AND ${isOver} LIMIT ${REMOVE_LIMIT} FOR UPDATE SKIP LOCKED))`,
      [oldest, nowMs],
    );
    const removed = await this.#database.query(
      `DELETE FROM ${groups} WHERE id = ANY(ARRAY(
        SELECT id FROM ${groups} WHERE date_done <= $1::timestamptz LIMIT ${REMOVE_LIMIT} FOR UPDATE SKIP LOCKED))`,
      [oldest],
    );
    return { removed: count, more: count === REMOVE_LIMIT || removed.count === REMOVE_LIMIT };
  }

  #oldest(nowMs: number): string | null {
    return this.#lifetimeMs === undefined ? null : instantText(nowMs - this.#lifetimeMs);
  }

  get #found(): Tables {
    if (!this.#tables) throw missing("the tables were not looked for yet");
    return this.#tables;
  }

  async #columns(name: string): Promise<{ readonly table: string; readonly names: ReadonlySet<string> }> {
    const { rows } = await this.#database.query(
      `SELECT format('%I.%I', space.nspname, class.relname) AS found, attribute.attname AS name
       FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
       JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
       WHERE class.oid = to_regclass(CASE WHEN $2::text IS NULL THEN $1::text ELSE format('%I.%I', $2::text, $1::text) END)`,
      [name, this.#schema ?? null],
    );
    const [first] = rows;
    const { where } = this.#database;
    if (!first) throw missing(`there is no table ${name} in ${this.#schema ?? "the search path"} of ${where}`);
    return { table: String(first.found), names: new Set(rows.map((row) => String(row.name))) };
  }
}

function missing(what: string): ConfigurationError {
  return new ConfigurationError(
    `layout=django keeps results in the tables of django-celery-results, and ${what}: run "manage.py migrate django_celery_results" on that database`,
    { code: "django_tables_missing" },
  );
}

/** `storeKind` of our own tables, with the fence and the end of a result's life read from the column `meta`. */
function storeKind({ tasks, dateStarted }: Tables, schema: string): WriteKind<NewResult, StoreOutcome> {
  const keptFence = fenceIn("kept");
  const newFence = fenceIn("excluded");
  const isOver = `coalesce(nullif(${expiryIn("kept")}, 0) <= (extract(epoch FROM excluded.date_done) * 1000)::bigint, false)`;
  // A fence is remembered through writes without one.
  const newMeta = `CASE WHEN ${newFence} IS NULL AND ${keptFence} IS NOT NULL AND NOT ${isOver}
    THEN ${withFence("excluded", keptFence)} ELSE excluded.meta END`;
  return {
    name: "results",
    rank: 10,
    text: `
INSERT INTO ${tasks} AS kept (task_id, status, content_type, content_encoding, result, traceback, meta, task_args, task_kwargs,
  task_name, worker, date_created, date_done${dateStarted ? ", date_started" : ""})
SELECT task_id, status, 'application/json', 'utf-8', result, traceback, meta, task_args, task_kwargs,
  task_name, worker, at, at${dateStarted ? ", CASE WHEN status = 'STARTED' THEN at END" : ""}
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[])
  AS new (task_id, status, result, traceback, meta, task_args, task_kwargs, task_name, worker, at)
ORDER BY task_id COLLATE "C"
ON CONFLICT (task_id) DO UPDATE SET
  status = excluded.status, content_type = excluded.content_type, content_encoding = excluded.content_encoding,
  result = excluded.result, traceback = excluded.traceback, meta = ${newMeta},
  task_args = coalesce(excluded.task_args, kept.task_args), task_kwargs = coalesce(excluded.task_kwargs, kept.task_kwargs),
  task_name = coalesce(excluded.task_name, kept.task_name), worker = coalesce(excluded.worker, kept.worker),
  date_done = excluded.date_done${dateStarted ? ", date_started = coalesce(excluded.date_started, kept.date_started)" : ""}
WHERE ${isOver}
  OR (${newFence} IS NOT NULL AND (${keptFence} IS NULL OR ${newFence} > ${keptFence}))
  OR (kept.status <> 'SUCCESS' AND (${newFence} IS NULL OR ${newFence} >= ${keptFence}))
  OR ($11 AND kept.status = excluded.status AND kept.result = excluded.result AND ${keptFence} IS NOT DISTINCT FROM coalesce(${newFence}, ${keptFence}))
RETURNING task_id AS id, EXISTS (SELECT FROM ${schema}.result_listeners WHERE until > now()) AS awaited`,
    values: (results, { again }) => {
      const rows = results.map(djangoRow);
      return [
        results.map(({ id }) => id),
        results.map(({ meta }) => meta.status),
        rows.map(({ result }) => result),
        rows.map(({ traceback }) => traceback),
        rows.map(({ meta }) => meta),
        rows.map(({ taskArgs }) => taskArgs),
        rows.map(({ taskKwargs }) => taskKwargs),
        rows.map(({ taskName }) => taskName),
        rows.map(({ worker }) => worker),
        results.map(({ nowMs }) => instantText(nowMs)),
        again,
      ];
    },
    outcomes: storeOutcomes,
    key: ({ id }) => id,
    size: ({ text }) => text.length * 2 + 200,
    limit: 500,
  };
}
