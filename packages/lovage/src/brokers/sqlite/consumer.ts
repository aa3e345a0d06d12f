import type { Sql, SqliteDatabase } from "../../connections/sqlite.js";
import type { Logger } from "../../util/logger.js";
import type { ConsumeOptions, Consumer, Delivery } from "../broker.js";
import { SqliteDelivery } from "./delivery.js";
import { type ClaimedRow, claim, nextToken, promoteDue, reclaimExpired } from "./messages.js";
import type { QueueRow } from "./topology.js";

export interface SqliteConsumerParts {
  readonly database: SqliteDatabase;
  readonly id: string;
  readonly queues: readonly QueueRow[];
  readonly options: ConsumeOptions;
  readonly leaseSeconds: number;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly logger: Logger;
}

interface Claimed {
  readonly token: number;
  readonly rows: readonly { readonly queue: QueueRow; readonly claimed: ClaimedRow }[];
}

/** Messages claimed in one transaction at most, so that a large prefetch does not hold the file for long. */
const CLAIM_LIMIT = 500;
/** Milliseconds until a claim that failed is tried again. */
const RETRY_MS = 250;

/**
 * Claims messages whenever it may hold more and there are some. While there are none it sleeps: a commit wakes it, by this process
 * or another, or the timer to the next ETA or the end of a lease.
 */
export class SqliteConsumer implements Consumer {
  readonly #parts: SqliteConsumerParts;
  #prefetch: number;
  readonly #held = new Set<SqliteDelivery>();
  #claiming = false;
  #claimQueued = false;
  #cancelled = false;
  #nextQueue = 0;
  readonly #stopListening: () => void;
  #dueTimer: NodeJS.Timeout | undefined;
  readonly #housekeeping: NodeJS.Timeout;

  constructor(parts: SqliteConsumerParts) {
    this.#parts = parts;
    this.#prefetch = parts.options.prefetch;
    this.#stopListening = parts.database.onChange(() => this.#wake());
    this.#housekeeping = setInterval(() => void this.#keepHouse(), (parts.leaseSeconds * 1000) / 3).unref();
    void this.#keepHouse();
    this.#claimSoon();
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count;
    this.#claimSoon();
  }

  async cancel(): Promise<void> {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#stopListening();
    clearTimeout(this.#dueTimer);
    clearInterval(this.#housekeeping);
    await this.#forget();
  }

  /** Gives back everything held. For the end of the connection. */
  async giveBack(): Promise<void> {
    // One that was lost meanwhile is somebody else's already.
    await Promise.allSettled([...this.#held].map((delivery) => delivery.reject({ requeue: true })));
  }

  /** Forgets what is held without giving it back, as a process that dies does. For the contract suite. */
  abandon(): void {
    this.#cancelled = true;
    this.#stopListening();
    clearTimeout(this.#dueTimer);
    clearInterval(this.#housekeeping);
  }

  get #free(): number {
    return this.#prefetch === 0 ? CLAIM_LIMIT : Math.min(CLAIM_LIMIT, this.#prefetch - this.#held.size);
  }

  /** A commit has happened somewhere. A look costs a few microseconds, a claim the right to write: look first. */
  #wake(): void {
    if (this.#cancelled || this.#claiming || this.#claimQueued || this.#free <= 0) return;
    if (this.#hasWork()) this.#claimSoon();
    else this.#sleepUntilDue();
  }

  #hasWork(): boolean {
    const now = Date.now();
    return this.#parts.database.read((sql) =>
      this.#parts.queues.some(({ id }) => isReady(sql, id) || isDue(sql, id, now)),
    );
  }

  /** Once for all that happens in this turn of the event loop, and in the same transaction as its acknowledgements. */
  #claimSoon(): void {
    if (this.#claimQueued || this.#cancelled) return;
    this.#claimQueued = true;
    queueMicrotask(() => {
      this.#claimQueued = false;
      void this.#claim();
    });
  }

  async #claim(): Promise<void> {
    if (this.#claiming || this.#cancelled || this.#free <= 0) return;
    this.#claiming = true;
    try {
      const claimed = await this.#parts.database.write((sql) => this.#claimIn(sql));
      this.#claiming = false;
      this.#deliver(claimed);
      if (claimed.rows.length > 0) this.#claimSoon();
      else this.#sleepUntilDue();
    } catch (error) {
      this.#claiming = false;
      if (this.#cancelled) return;
      this.#parts.logger.warn("could not claim messages: trying again", { error: String(error) });
      this.#dueTimer = setTimeout(() => this.#claimSoon(), RETRY_MS);
    }
  }

  #claimIn(sql: Sql): Claimed {
    const { queues, leaseSeconds } = this.#parts;
    const now = Date.now();
    const rows: { queue: QueueRow; claimed: ClaimedRow }[] = [];
    if (this.#cancelled) return { token: 0, rows };
    const token = nextToken(sql);
    for (let turn = 0; turn < queues.length && rows.length < this.#free; turn++) {
      const queue = queues[(this.#nextQueue + turn) % queues.length];
      if (!queue) continue;
      promoteDue(sql, queue.id, now);
      for (const claimed of claim(sql, queue.id, this.#free - rows.length, token, now + leaseSeconds * 1000))
        rows.push({ queue, claimed });
    }
    return { token, rows };
  }

  #deliver({ token, rows }: Claimed): void {
    const { database, onDelivery, logger, queues } = this.#parts;
    this.#nextQueue = (this.#nextQueue + 1) % queues.length;
    for (const { queue, claimed } of rows) {
      const delivery = new SqliteDelivery({
        claimed,
        queue: queue.name,
        token,
        database,
        onEnd: (ended) => this.#release(ended),
      });
      this.#held.add(delivery);
      if (this.#cancelled) {
        void delivery.reject({ requeue: true }).catch(() => undefined);
        continue;
      }
      try {
        onDelivery(delivery);
      } catch (error) {
        logger.error("a delivery's receiver threw", { queue: queue.name, error: String(error) });
      }
    }
  }

  #release(delivery: SqliteDelivery): void {
    this.#held.delete(delivery);
    this.#claimSoon();
  }

  #sleepUntilDue(): void {
    clearTimeout(this.#dueTimer);
    if (this.#cancelled) return;
    const next = this.#parts.database.read((sql) => nextInstant(sql, this.#parts.queues));
    if (next === undefined) return;
    this.#dueTimer = setTimeout(() => this.#claimDue(), Math.min(2 ** 31 - 1, Math.max(1, next - Date.now()))).unref();
  }

  #claimDue(): void {
    void this.#reclaim();
    this.#wake();
  }

  /** Tells that this consumer is there, and gives back what others have lost. */
  async #keepHouse(): Promise<void> {
    const { database, id, queues, leaseSeconds, logger } = this.#parts;
    try {
      await database.write((sql) => {
        if (this.#cancelled) return;
        const now = Date.now();
        for (const queue of queues) {
          sql
            .prepare(
              "INSERT INTO broker_consumers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires",
            )
            .run(id, queue.id, now + leaseSeconds * 1000);
        }
        sql.prepare("DELETE FROM broker_consumers WHERE expires < ?").run(now);
        reclaimExpired(sql, now);
      });
    } catch (error) {
      logger.warn("a consumer could not tell that it is there", { error: String(error) });
    }
  }

  async #reclaim(): Promise<void> {
    const { database } = this.#parts;
    const due = database.read((sql) =>
      sql.prepare("SELECT 1 AS found FROM broker_held WHERE lease <= ? LIMIT 1").get(Date.now()),
    );
    if (due) await database.write((sql) => reclaimExpired(sql, Date.now())).catch(() => undefined);
  }

  async #forget(): Promise<void> {
    const { database, id } = this.#parts;
    // The row expires by itself if this fails.
    await database
      .write((sql) => sql.prepare("DELETE FROM broker_consumers WHERE id = ?").run(id))
      .catch(() => undefined);
  }
}

function isReady(sql: Sql, queueId: number): boolean {
  return sql.prepare("SELECT 1 AS found FROM broker_ready WHERE queue_id = ? LIMIT 1").get(queueId) !== undefined;
}
function isDue(sql: Sql, queueId: number, nowMs: number): boolean {
  return (
    sql
      .prepare("SELECT 1 AS found FROM broker_scheduled WHERE queue_id = ? AND due <= ? LIMIT 1")
      .get(queueId, nowMs) !== undefined
  );
}

/** When the next thing falls due: an ETA of these queues, or the end of a lease. Unix milliseconds. */
function nextInstant(sql: Sql, queues: readonly QueueRow[]): number | undefined {
  const instants = queues.map(
    ({ id }) => sql.prepare("SELECT min(due) AS at FROM broker_scheduled WHERE queue_id = ?").get(id)?.at,
  );
  instants.push(sql.prepare("SELECT min(lease) AS at FROM broker_held").get()?.at);
  const known = instants.filter((at) => at !== null && at !== undefined).map(Number);
  return known.length > 0 ? Math.min(...known) : undefined;
}
