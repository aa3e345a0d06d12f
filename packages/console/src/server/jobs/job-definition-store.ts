import type { JobDefinition } from "lovage/internal";
import { CONCURRENCIES } from "../../api/jobs.js";
import { isObject } from "../actions/exact-json.js";
import { textOf } from "../store/column-values.js";
import type { Database, Row } from "../store/database.js";
import { parseFields } from "../store/stored-json.js";

/** A job made in the console, and which version of it. */
export interface StoredJob {
  readonly definition: JobDefinition;
  /** Grows with each change. */
  readonly version: number;
}

const STEPS: readonly ((bigint: string) => string)[] = [
  (bigint) => `CREATE TABLE jobs (
    slug TEXT PRIMARY KEY,
    definition_json TEXT NOT NULL,
    version ${bigint} NOT NULL,
    changed_ms ${bigint} NOT NULL,
    changed_by TEXT NOT NULL
  )`,
];

/** Who changes a job, and when. */
export interface Change {
  readonly by: string;
  readonly nowMs: number;
}

/** Definitions of the jobs that were made in the console. Errors are the database's (`StoreError`). */
export class JobDefinitionStore {
  readonly #database: Database;

  constructor({ database }: { readonly database: Database }) {
    this.#database = database;
  }

  /** Makes the tables. Idempotent. */
  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate(
      "jobs",
      STEPS.map((step) => step(bigint)),
    );
  }

  async list(): Promise<readonly StoredJob[]> {
    return (await this.#database.all({ sql: "SELECT * FROM jobs ORDER BY slug" })).map(jobOf);
  }

  async get(slug: string): Promise<StoredJob | undefined> {
    const row = await this.#database.get({ sql: "SELECT * FROM jobs WHERE slug = ?", values: [slug] });
    return row && jobOf(row);
  }

  /** Undefined when there is one of that slug. */
  async add(definition: JobDefinition, { by, nowMs }: Change): Promise<StoredJob | undefined> {
    const [rows] = await this.#database.write([
      {
        sql: "INSERT INTO jobs (slug, definition_json, version, changed_ms, changed_by) VALUES (?, ?, 1, ?, ?) ON CONFLICT (slug) DO NOTHING RETURNING *",
        values: [definition.slug, JSON.stringify(definition), nowMs, by],
      },
    ]);
    const row = rows?.[0];
    return row && jobOf(row);
  }

  /** Undefined when it is not of that version any more, or gone. */
  async replace(definition: JobDefinition, version: number, { by, nowMs }: Change): Promise<StoredJob | undefined> {
    const [rows] = await this.#database.write([
      {
        sql: "UPDATE jobs SET definition_json = ?, version = version + 1, changed_ms = ?, changed_by = ? WHERE slug = ? AND version = ? RETURNING *",
        values: [JSON.stringify(definition), nowMs, by, definition.slug, version],
      },
    ]);
    const row = rows?.[0];
    return row && jobOf(row);
  }

  /** False when there is none. */
  async remove(slug: string): Promise<boolean> {
    const [rows] = await this.#database.write([
      { sql: "DELETE FROM jobs WHERE slug = ? RETURNING slug", values: [slug] },
    ]);
    return (rows ?? []).length > 0;
  }
}

function jobOf(row: Row): StoredJob {
  const { title, task, description, fixed, defaults, asked, concurrency, queue } = parseFields(
    textOf(row.definition_json),
  );
  return {
    version: typeof row.version === "number" ? row.version : 0,
    definition: {
      slug: textOf(row.slug),
      title: textOf(title),
      task: textOf(task),
      description: typeof description === "string" ? description : null,
      fixed: isObject(fixed) ? fixed : {},
      defaults: isObject(defaults) ? defaults : {},
      asked: Array.isArray(asked) ? asked.map(String) : null,
      concurrency: CONCURRENCIES.find((each) => each === concurrency) ?? "allow",
      queue: typeof queue === "string" ? queue : null,
    },
  };
}
