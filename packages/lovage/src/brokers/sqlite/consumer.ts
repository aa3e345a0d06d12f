import type { Sql, SqliteDatabase } from "../../connections/sqlite.js";
import type { Logger } from "../../util/logger.js";
import type { ConsumeOptions, Consumer, Delivery } from "../broker.js";
import { SqliteDelivery } from "./delivery.js";
import {
  type ClaimedRow,
  claim,
  hasMessages,
  isLeaseOver,
  nextInstant,
  promoteDue,
  reclaimExpired,
} from "./messages.js";
import type { QueueRow, Topology } from "./topology.js";

export interface SqliteConsumerParts {
  readonly database: SqliteDatabase;
  readonly topology: Topology;
  readonly id: string;
  /** By name: one that is deleted and declared again is another row, and still this consumer's. */
  readonly queues: readonly string[];
  readonly options: ConsumeOptions;
  readonly leaseSeconds: number;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly logger: Logger;
}

interface Claimed {
  readonly queue: string;
  readonly row: ClaimedRow;
}

/** Messages claimed in one transaction at most, so that a large prefetch does not hold the file for long. */
const CLAIM_LIMIT = 500;
/** Milliseconds until what failed is tried again. */
const RETRY_MS = 250;
/** Milliseconds between looks for what others have lost, while there is so much to do that no timer to it is set. */
const LOST_MS = 500;
/** setTimeout's own limit; a longer sleep is taken in pieces. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

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
  #failing = false;
  /** Unix milliseconds from when the next claim looks for what others have lost. */
  #lookForLostMs = 0;
  #nextQueue = 0;
  readonly #stopListening: () => void;
  #timer: NodeJS.Timeout | undefined;
  readonly #housekeeping: NodeJS.Timeout;

  constructor(parts: SqliteConsumerParts) {
    this.#parts = parts;
    this.#prefetch = parts.options.prefetch;
    this.#stopListening = parts.database.onChange(() => this.#wake());
    this.#housekeeping = setInterval(() => void this.#keepHouse(), (parts.leaseSeconds * 1000) / 3).unref();
  }

  /** Settles when others can see that it consumes. The first delivery comes after that. */
  async start(): Promise<void> {
    await this.#keepHouse();
    this.#claimSoon();
  }

  get trouble(): string | undefined {
    if (this.#cancelled) return "its consumer was cancelled";
    return this.#failing ? "messages could not be claimed the last time: trying again" : undefined;
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count;
    this.#claimSoon();
  }

  async cancel(): Promise<void> {
    if (this.#cancelled) return;
    this.abandon();
    // A claim under way is committed before this, and gives back what it got. The row expires by itself if this fails.
    const { database, id } = this.#parts;
    const forget = (sql: Sql): unknown => sql.prepare("DELETE FROM broker_consumers WHERE id = ?").run(id);
    await database.write(forget).catch(() => undefined);
  }

  /** Gives back everything held. For the end of the connection. */
  async giveBack(): Promise<void> {
    // One that was lost meanwhile is somebody else's already.
    await Promise.allSettled([...this.#held].map((delivery) => delivery.reject({ requeue: true })));
  }

  /** Stops without a word to the file, as a process that dies does. */
  abandon(): void {
    this.#cancelled = true;
    this.#stopListening();
    clearTimeout(this.#timer);
    clearInterval(this.#housekeeping);
  }

  get #free(): number {
    return this.#prefetch === 0 ? CLAIM_LIMIT : Math.min(CLAIM_LIMIT, this.#prefetch - this.#held.size);
  }

  /** Something may have changed. A look costs a few microseconds, a claim the right to write: look first. */
  #wake(): void {
    if (this.#cancelled || this.#claiming || this.#claimQueued || this.#free <= 0) return;
    try {
      const next = this.#parts.database.read((sql) => this.#nextWork(sql));
      if (next !== undefined && next <= Date.now()) this.#claimSoon();
      else this.#sleepUntil(next);
    } catch (error) {
      this.#retryLater(error);
    }
  }

  /** When there will be something to claim, as far as is known now: 0 for at once. Unix milliseconds. */
  #nextWork(sql: Sql): number | undefined {
    const queues = this.#rows(sql);
    if (hasMessages(sql, queues)) return 0;
    const next = nextInstant(sql, queues);
    if (next !== undefined && next <= Date.now()) this.#lookForLostMs = 0;
    return next;
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
      const claimed = await this.#parts.database.write((sql) => this.#claimIn(sql), { patient: this.#isBusy });
      this.#claiming = false;
      this.#failing = false;
      if (Date.now() >= this.#lookForLostMs) this.#lookForLostMs = Date.now() + LOST_MS;
      this.#deliver(claimed);
      // What was committed with the claim, or since, has called while it was under way: look before sleeping.
      this.#wake();
    } catch (error) {
      this.#claiming = false;
      this.#retryLater(error);
    }
  }

  #claimIn(sql: Sql): readonly Claimed[] {
    if (this.#cancelled) return [];
    const now = Date.now();
    if (now >= this.#lookForLostMs && isLeaseOver(sql, now)) reclaimExpired(sql, now);
    const leaseMs = now + this.#parts.leaseSeconds * 1000;
    const claimed: Claimed[] = [];
    for (const queue of this.#inTurn(this.#rows(sql))) {
      const room = this.#free - claimed.length;
      if (room <= 0) break;
      promoteDue(sql, queue.id, now);
      for (const row of claim(sql, queue.id, room, leaseMs)) claimed.push({ queue: queue.name, row });
    }
    return claimed;
  }

  /** The queues, each first in its turn, so that a full one does not starve the others. */
  #inTurn(queues: readonly QueueRow[]): readonly QueueRow[] {
    if (queues.length < 2) return queues;
    const first = this.#nextQueue % queues.length;
    return [...queues.slice(first), ...queues.slice(0, first)];
  }

  #rows(sql: Sql): readonly QueueRow[] {
    return this.#parts.topology.rows(sql, this.#parts.queues);
  }

  #deliver(claimed: readonly Claimed[]): void {
    const { database, onDelivery, logger } = this.#parts;
    this.#nextQueue++;
    const onEnd = (ended: SqliteDelivery): boolean => this.#release(ended);
    for (const { queue, row } of claimed) {
      const delivery = new SqliteDelivery({ claimed: row, queue, database, onEnd });
      this.#held.add(delivery);
      if (this.#cancelled) {
        // Lost already, or about to be: it comes back by itself.
        delivery.reject({ requeue: true }).catch(() => undefined);
        continue;
      }
      try {
        onDelivery(delivery);
      } catch (error) {
        logger.error("a delivery's receiver threw", { queue, error: String(error) });
      }
    }
  }

  #release(delivery: SqliteDelivery): boolean {
    this.#held.delete(delivery);
    this.#claimSoon();
    return this.#isBusy;
  }

  /**
   * While there is enough in hand, acknowledgements and claims can wait a moment and share a commit. A quarter is what a worker's slots
   * run at a time when its prefetch is Celery's four for each.
   */
  get #isBusy(): boolean {
    return this.#held.size > this.#prefetch / 4;
  }

  /** Sleeps until a commit, or until `instant` (Unix milliseconds) when something falls due. */
  #sleepUntil(instant: number | undefined): void {
    clearTimeout(this.#timer);
    if (instant === undefined) return;
    const waitMs = Math.min(LONGEST_TIMER_MS, Math.max(1, instant - Date.now()));
    this.#timer = setTimeout(() => this.#wake(), waitMs).unref();
  }

  #retryLater(error: unknown): void {
    if (this.#cancelled) return;
    const { logger } = this.#parts;
    if (!this.#failing) logger.warn("could not claim messages: trying again until it works", { error: String(error) });
    this.#failing = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#claimSoon(), RETRY_MS);
  }

  /** Tells that this consumer is there, and gives back what others have lost. */
  async #keepHouse(): Promise<void> {
    const { database, id, leaseSeconds, logger } = this.#parts;
    try {
      await database.write((sql) => {
        if (this.#cancelled) return;
        const now = Date.now();
        for (const queue of this.#rows(sql)) tellConsumer(sql, id, queue.id, now + leaseSeconds * 1000);
        sql.prepare("DELETE FROM broker_consumers WHERE expires < ?").run(now);
        if (isLeaseOver(sql, now)) reclaimExpired(sql, now);
      });
    } catch (error) {
      logger.warn("a consumer could not tell that it is there", { error: String(error) });
    }
  }
}

function tellConsumer(sql: Sql, id: string, queueId: number, expiresMs: number): void {
  sql
    .prepare("INSERT INTO broker_consumers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires")
    .run(id, queueId, expiresMs);
}
