import type { Database } from "../store/database.js";

/** A time in which nothing was heard, or what was heard could not be kept. Unix milliseconds. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
}

/** Gaps kept. */
const KEPT = 200;

const STEPS = [
  "CREATE TABLE ingest_gaps (from_ms bigint NOT NULL, to_ms bigint NOT NULL, reason text NOT NULL, PRIMARY KEY (from_ms, reason))",
];

/** What the console knows that it has missed: kept, so that a restart does not make a hole look like quiet. */
export class IngestGaps {
  readonly #database: Database;
  #gaps: readonly Gap[] = [];
  #unsaved: readonly Gap[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  /** Newest first. */
  get all(): readonly Gap[] {
    return this.#gaps;
  }

  /** Brings its table and reads what is there. */
  async load(): Promise<void> {
    await this.#database.migrate("ingest gaps", STEPS);
    const rows = await this.#database.all({
      sql: "SELECT from_ms, to_ms, reason FROM ingest_gaps ORDER BY to_ms DESC LIMIT ?",
      values: [KEPT],
    });
    const stored = rows.map((row) => ({
      fromMs: Number(row.from_ms),
      toMs: Number(row.to_ms),
      reason: String(row.reason),
    }));
    this.#gaps = newestFirst([...this.#unsaved, ...stored]);
  }

  /** Notes a gap; one that begins as another of its reason takes that one's place. Kept by the next `save`. */
  note(gap: Gap): void {
    const whole = { ...gap, fromMs: Math.floor(gap.fromMs), toMs: Math.ceil(gap.toMs) };
    const others = (gaps: readonly Gap[]): Gap[] =>
      gaps.filter(({ fromMs, reason }) => fromMs !== whole.fromMs || reason !== whole.reason);
    this.#unsaved = [...others(this.#unsaved), whole];
    this.#gaps = newestFirst([...others(this.#gaps), whole]);
  }

  /** Writes what was noted. Rejects with a `StoreError`; it is tried again by the next call. */
  async save(): Promise<void> {
    const gaps = this.#unsaved;
    if (gaps.length === 0) return;
    await this.#database.write([
      ...gaps.map(({ fromMs, toMs, reason }) => ({
        sql: `INSERT INTO ingest_gaps (from_ms, to_ms, reason) VALUES (?, ?, ?)
              ON CONFLICT (from_ms, reason) DO UPDATE SET to_ms = excluded.to_ms`,
        values: [fromMs, toMs, reason],
      })),
      {
        sql: "DELETE FROM ingest_gaps WHERE to_ms < (SELECT min(to_ms) FROM (SELECT to_ms FROM ingest_gaps ORDER BY to_ms DESC LIMIT ?) AS kept)",
        values: [KEPT],
      },
    ]);
    this.#unsaved = this.#unsaved.filter((gap) => !gaps.includes(gap));
  }
}

function newestFirst(gaps: readonly Gap[]): readonly Gap[] {
  return [...gaps].sort((a, b) => b.toMs - a.toMs).slice(0, KEPT);
}
