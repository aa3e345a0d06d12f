import type { PostgresDatabase } from "../../connections/postgres.js";
import type { Logger } from "../../util/logger.js";
import type { PostgresConsumer } from "./consumer.js";
import type { Topology } from "./topology.js";

/** Seconds between looks for ETAs, leases that are over, and changed queues. What is due sooner has a timer of its own. */
const LOOK_SECONDS = 1;
/** Seconds between looks at what should be vacuumed, at most and at least; claims between them, of this process, for the latter. */
const VACUUM_LOOK_SECONDS = 10;
const VACUUM_REST_SECONDS = 2;
const VACUUM_CLAIMS = 20_000;
/** Seconds in which a table is left alone whose dead rows could not be removed. */
const VACUUM_HOPELESS_SECONDS = 60;
/** Seconds that a vacuum may take. */
const VACUUM_SECONDS = 600;
/** Dead rows from which a table is worth it. The narrow tables are where claims begin to read: there they cost most, and least to remove. */
const DEAD_ROWS: Readonly<Record<string, number>> = {
  broker_ready: 10_000,
  broker_held: 10_000,
  broker_scheduled: 10_000,
  broker_messages: 100_000,
};
/** Rows moved by one statement. */
const MOVE_LIMIT = 1000;

/**
 * What somebody has to do for all, and every process that consumes does: makes ready what falls due and what its holder has lost, tells that
 * its consumers are there, vacuums. Nothing of it needs to be done by one alone.
 */
export class Upkeep {
  readonly #database: PostgresDatabase;
  readonly #topology: Topology;
  readonly #leaseSeconds: number;
  readonly #logger: Logger;
  readonly #consumers = new Set<PostgresConsumer>();
  /** Names this process. */
  readonly #process: string;
  /** Called with the queues in which something waits again. */
  readonly #onReady: (queueIds: readonly number[]) => void;
  #look: NodeJS.Timeout | undefined;
  #announcing: NodeJS.Timeout | undefined;
  #vacuuming: NodeJS.Timeout | undefined;
  #isVacuuming = false;
  readonly #hopelessUntilMs = new Map<string, number>();
  #claimed = 0;
  #vacuumFromMs = 0;
  #looking = false;
  #lookAgain = false;
  #failing = false;

  constructor(parts: {
    readonly database: PostgresDatabase;
    readonly topology: Topology;
    readonly leaseSeconds: number;
    readonly process: string;
    readonly onReady: (queueIds: readonly number[]) => void;
    readonly logger: Logger;
  }) {
    this.#database = parts.database;
    this.#topology = parts.topology;
    this.#leaseSeconds = parts.leaseSeconds;
    this.#process = parts.process;
    this.#onReady = parts.onReady;
    this.#logger = parts.logger;
  }

  /** Settles when others can see that it is there, and what is due by now is ready. */
  async add(consumer: PostgresConsumer): Promise<void> {
    await this.announce(consumer);
    this.#consumers.add(consumer);
    if (!this.#announcing) {
      this.#announcing = setInterval(() => this.#announceAll(), (this.#leaseSeconds * 1000) / 3).unref();
      const lookMs = VACUUM_LOOK_SECONDS * 1000 * (0.75 + Math.random() / 2);
      this.#vacuuming = setInterval(() => void this.#vacuum(), lookMs).unref();
    }
    await this.#attend();
    this.look();
  }

  /** So many rows died in the small tables. */
  noteClaimed(count: number): void {
    this.#claimed += count;
    if (this.#claimed < VACUUM_CLAIMS || performance.now() < this.#vacuumFromMs) return;
    void this.#vacuum();
  }

  remove(consumer: PostgresConsumer): void {
    this.#consumers.delete(consumer);
    if (this.#consumers.size === 0) this.stop();
  }

  stop(): void {
    clearTimeout(this.#look);
    clearInterval(this.#announcing);
    clearInterval(this.#vacuuming);
    this.#announcing = undefined;
  }

  /** Something may be due, or will be soon. */
  look(): void {
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    if (this.#consumers.size === 0) return;
    this.#looking = true;
    clearTimeout(this.#look);
    void this.#lookNow();
  }

  /** Tells others that a consumer is there, and whether it wants to be notified. */
  async announce(consumer: PostgresConsumer): Promise<void> {
    const ids = consumer.queues.map(({ id }) => id);
    await this.#database.query(
      `WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true))
      INSERT INTO ${this.#database.schema}.broker_consumers (id, queue_id, process, waiting, expires)
      SELECT $1::uuid, queue_id, $3::uuid, $4::boolean, now() + $5::float8 * interval '1 second' FROM lazily, unnest($2::int[]) AS q (queue_id)
      ON CONFLICT (id, queue_id) DO UPDATE SET waiting = excluded.waiting, expires = excluded.expires`,
      [consumer.id, ids, this.#process, consumer.wantsNotice, this.#leaseSeconds],
    );
  }

  async withdraw(consumer: PostgresConsumer): Promise<void> {
    await this.#database.query(`DELETE FROM ${this.#database.schema}.broker_consumers WHERE id = $1::uuid`, [
      consumer.id,
    ]);
  }

  #announceAll(): void {
    for (const consumer of this.#consumers) {
      this.announce(consumer).catch((error: unknown) =>
        this.#logger.debug("a consumer could not tell that it is there", { error: String(error) }),
      );
    }
    this.#tidy().catch((error: unknown) => this.#logger.debug("could not tidy up consumers", { error: String(error) }));
  }

  /** What processes that are gone have left. A publisher that is not gone is noted again with its next publish. */
  async #tidy(): Promise<void> {
    const s = this.#database.schema;
    await this.#database.query(`DELETE FROM ${s}.broker_consumers WHERE expires < now()`);
    await this.#database.query(`DELETE FROM ${s}.broker_publishers WHERE at < now() - interval '1 day'`);
  }

  async #lookNow(): Promise<void> {
    this.#lookAgain = false;
    let seconds = LOOK_SECONDS;
    try {
      seconds = Math.min(seconds, await this.#attend());
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.#logger.warn("could not look for messages that are due: trying again until it works", {
          error: String(error),
        });
      this.#failing = true;
    }
    this.#looking = false;
    if (this.#consumers.size === 0) return;
    if (this.#lookAgain) this.look();
    // A millisecond early would be a look too many.
    else this.#look = setTimeout(() => this.look(), seconds * 1000 + 1).unref();
  }

  /** Moves what is due and returns the seconds until the next thing is. */
  async #attend(): Promise<number> {
    const { due, lease } = await this.#next();
    if (due !== undefined && due <= 0) await this.#promote();
    if (lease !== undefined && lease <= 0) await this.#reclaim();
    const ahead = [due, lease].filter((each) => each !== undefined);
    return Math.max(0, ...(ahead.length > 0 ? [Math.min(...ahead)] : [LOOK_SECONDS]));
  }

  get #queueIds(): number[] {
    return [...new Set([...this.#consumers].flatMap(({ queues }) => queues.map(({ id }) => id)))];
  }

  /** Seconds until the next ETA in these queues, and until the end of the next lease in any. */
  async #next(): Promise<{ due: number | undefined; lease: number | undefined }> {
    const s = this.#database.schema;
    const { rows } = await this.#database.query(
      `SELECT (SELECT stamp FROM ${s}.broker_topology LIMIT 1)::text AS stamp,
        extract(epoch FROM (SELECT min(d.due) FROM unnest($1::int[]) AS q (queue_id) CROSS JOIN LATERAL (
          SELECT due FROM ${s}.broker_scheduled r WHERE r.queue_id = q.queue_id ORDER BY due LIMIT 1) d) - clock_timestamp())::float8 AS due,
        extract(epoch FROM (SELECT lease FROM ${s}.broker_held ORDER BY lease LIMIT 1) - clock_timestamp())::float8 AS lease`,
      [this.#queueIds],
      { timeout: 5 },
    );
    const [row] = rows;
    if (row?.stamp !== this.#topology.stamp) await this.#refresh();
    return { due: numberOf(row?.due), lease: numberOf(row?.lease) };
  }

  /** A queue that was declared again is another one: its consumers must be seen there, and look there. */
  async #refresh(): Promise<void> {
    const before = this.#queueIds.join();
    await this.#topology.refresh();
    if (this.#queueIds.join() === before) return;
    for (const consumer of this.#consumers) {
      await this.announce(consumer);
      consumer.wake();
    }
  }

  /** Makes ready what has fallen due, behind what is ready already, in the order of the instants. */
  async #promote(): Promise<void> {
    const s = this.#database.schema;
    await this.#move(
      `WITH due AS MATERIALIZED (
        SELECT r.* FROM unnest($1::int[]) AS q (queue_id) CROSS JOIN LATERAL (
          SELECT r.ctid AS place, r.* FROM ${s}.broker_scheduled r
          WHERE r.queue_id = q.queue_id AND r.due <= (SELECT clock_timestamp()) ORDER BY r.due, r.id LIMIT ${MOVE_LIMIT} FOR UPDATE SKIP LOCKED) r),
      gone AS (DELETE FROM ${s}.broker_scheduled WHERE ctid = ANY(ARRAY(SELECT place FROM due)))
      INSERT INTO ${s}.broker_ready (queue_id, urgency, position, id, since, deliveries, begun)
      SELECT queue_id, urgency, nextval('${s}.broker_ids'), id, due, 0, 0 FROM (SELECT * FROM due ORDER BY due, id) AS ordered
      RETURNING queue_id`,
      [this.#queueIds],
    );
  }

  /** Gives back what its holders have lost, wherever they consumed. */
  async #reclaim(): Promise<void> {
    const s = this.#database.schema;
    await this.#move(
      `WITH gone AS (
        DELETE FROM ${s}.broker_held WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM ${s}.broker_held WHERE lease <= (SELECT clock_timestamp()) ORDER BY lease LIMIT ${MOVE_LIMIT} FOR UPDATE SKIP LOCKED))
        RETURNING *)
      INSERT INTO ${s}.broker_ready (queue_id, urgency, position, id, since, deliveries, begun)
      SELECT queue_id, urgency, position, id, since, deliveries, begun FROM gone RETURNING queue_id`,
      [],
    );
  }

  async #move(text: string, values: readonly unknown[]): Promise<void> {
    const { rows, count } = await this.#database.query(text, values, { timeout: 5 });
    if (count === 0) return;
    this.#onReady([...new Set(rows.map((row) => Number(row.queue_id)))]);
    if (count >= MOVE_LIMIT) this.#lookAgain = true;
  }

  async #vacuumTable(name: string, dead: number): Promise<void> {
    if (!isWorthIt(name, dead) || performance.now() < (this.#hopelessUntilMs.get(name) ?? 0)) return;
    const s = this.#database.schema;
    // Skipped where another process is at it. Giving back space at the end of the file would need the table alone.
    const options = { timeout: VACUUM_SECONDS, repeatable: false };
    await this.#database.query(`VACUUM (SKIP_LOCKED, TRUNCATE false) ${s}.${name}`, undefined, options);
    const text = "SELECT n_dead_tup AS dead FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = $2";
    const { rows } = await this.#database.query(text, [s, name]);
    // An old transaction still sees them: they cannot be removed before it ends.
    if (Number(rows[0]?.dead) > dead / 2)
      this.#hopelessUntilMs.set(name, performance.now() + VACUUM_HOPELESS_SECONDS * 1000);
  }

  /** Dead rows stand in the way of every claim until they are removed; autovacuum comes once a minute, and may be switched off. */
  async #vacuum(): Promise<void> {
    if (this.#isVacuuming) return;
    this.#isVacuuming = true;
    this.#claimed = 0;
    await this.#vacuumTables();
    this.#vacuumFromMs = performance.now() + VACUUM_REST_SECONDS * 1000;
    this.#isVacuuming = false;
  }

  async #vacuumTables(): Promise<void> {
    try {
      const { rows } = await this.#database.query(
        "SELECT relname AS name, n_dead_tup AS dead FROM pg_stat_user_tables WHERE schemaname = $1 AND n_dead_tup > 1000",
        [this.#database.schema],
      );
      for (const { name, dead } of rows) await this.#vacuumTable(String(name), Number(dead));
    } catch (error) {
      this.#logger.debug("could not vacuum", { error: String(error) });
    }
  }
}

/** Rows that may be removed soon, of a table's name and its count of dead rows. */
function isWorthIt(name: string, dead: number): boolean {
  return dead >= (DEAD_ROWS[name] ?? Number.POSITIVE_INFINITY);
}

function numberOf(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
