import type { Sql, SqliteDatabase } from "../../connections/sqlite.js";
import type { SqlRow } from "../../connections/sqlite-driver.js";
import type { Delivery, PeekedMessage, QueueCounts, QueueDefinition, QueueInspector } from "../broker.js";
import { SqliteDelivery } from "./delivery.js";
import { ENVELOPE_COLUMNS, messageOf } from "./envelope.js";
import { claimOne, purge, removeAll } from "./messages.js";
import type { Topology } from "./topology.js";
import { translated } from "./translate.js";

export class SqliteInspector implements QueueInspector {
  readonly #database: SqliteDatabase;
  readonly #topology: Topology;
  readonly #leaseSeconds: number;
  readonly #refuseWhenClosed: () => void;
  /** Held by whoever called `take`. */
  readonly #taken = new Set<SqliteDelivery>();

  constructor(database: SqliteDatabase, topology: Topology, leaseSeconds: number, refuseWhenClosed: () => void) {
    this.#database = database;
    this.#topology = topology;
    this.#leaseSeconds = leaseSeconds;
    this.#refuseWhenClosed = refuseWhenClosed;
  }

  async list(): Promise<string[]> {
    return await this.#read((sql) => this.#topology.queueNames(sql));
  }

  async counts(queue: string): Promise<QueueCounts | undefined> {
    return await this.#read((sql) => {
      const found = this.#topology.queue(sql, queue);
      return found && countsOf(sql, found.id, Date.now());
    });
  }

  async definition(queue: string): Promise<QueueDefinition | undefined> {
    return await this.#read((sql) => this.#topology.definition(sql, queue));
  }

  async peek(queue: string, { limit, offset = 0 }: { limit: number; offset?: number }): Promise<PeekedMessage[]> {
    return await this.#read((sql) => {
      const found = this.#topology.queue(sql, queue);
      if (!found) return [];
      return peekIn(sql, found.id, Date.now(), { limit, offset }).map((row) => peekedMessage(row, queue));
    });
  }

  async take(queue: string, keys: readonly string[]): Promise<Delivery[]> {
    const claimed = await this.#write((sql) => {
      const found = this.#topology.queue(sql, queue);
      if (!found) return [];
      const lease = Date.now() + this.#leaseSeconds * 1000;
      const ids = keys.map(Number).filter(Number.isSafeInteger);
      return ids.flatMap((id) => claimOne(sql, found.id, id, lease) ?? []);
    });
    const onEnd = (ended: SqliteDelivery): boolean => {
      this.#taken.delete(ended);
      return false;
    };
    const taken = claimed.map((row) => new SqliteDelivery({ claimed: row, queue, database: this.#database, onEnd }));
    for (const delivery of taken) this.#taken.add(delivery);
    return taken;
  }

  async purge(queue: string): Promise<number> {
    return await this.#write((sql) => {
      const found = this.#topology.queue(sql, queue);
      return found ? purge(sql, found.id) : 0;
    });
  }

  async delete(queue: string): Promise<void> {
    await this.#write((sql) => {
      const found = this.#topology.queue(sql, queue);
      if (!found) return;
      removeAll(sql, found.id);
      this.#topology.remove(sql, found);
    });
  }

  /** Gives back what was taken and is still held. For the end of the connection. */
  async giveBack(): Promise<void> {
    // One that was lost meanwhile is somebody else's already.
    await Promise.allSettled([...this.#taken].map((delivery) => delivery.reject({ requeue: true })));
  }

  async #read<T>(operation: (sql: Sql) => T): Promise<T> {
    this.#refuseWhenClosed();
    return await translated(this.#database.query(operation));
  }
  async #write<T>(operation: (sql: Sql) => T): Promise<T> {
    this.#refuseWhenClosed();
    return await translated(this.#database.write(operation));
  }
}

/** One statement, so that a message that moves meanwhile is counted once. One that is due is ready, though no consumer has come by to move it. */
const COUNTS = `
SELECT (SELECT count(*) FROM broker_ready WHERE queue_id = :queue) + (SELECT count(*) FROM broker_scheduled WHERE queue_id = :queue AND due <= :now) AS ready,
  (SELECT count(*) FROM broker_held WHERE queue_id = :queue) AS unacked,
  (SELECT count(*) FROM broker_scheduled WHERE queue_id = :queue AND due > :now) AS scheduled,
  (SELECT min(since) FROM (SELECT since FROM broker_ready WHERE queue_id = :queue
    UNION ALL SELECT due FROM broker_scheduled WHERE queue_id = :queue AND due <= :now)) AS oldest,
  (SELECT count(*) FROM broker_consumers WHERE queue_id = :queue AND expires > :now) AS consumers`
  // Both drivers take values by place, and number them by first appearance.
  .replaceAll(":queue", "?1")
  .replaceAll(":now", "?2");

function countsOf(sql: Sql, queueId: number, nowMs: number): QueueCounts {
  const row = sql.prepare(COUNTS).get(queueId, nowMs);
  return {
    ready: Number(row?.ready),
    unacked: Number(row?.unacked),
    scheduled: Number(row?.scheduled),
    oldest: typeof row?.oldest === "number" ? new Date(row.oldest) : undefined,
    consumers: Number(row?.consumers),
  };
}

/** Where messages stand, in the order of peeking; each is read by its own index. `?1` is the queue, `?2` the present instant. */
const STANDINGS = [
  {
    state: "ready",
    from: "broker_ready s WHERE queue_id = ?1 AND ?2",
    order: "urgency, position, s.id",
    columns: "NULL AS due, deliveries",
  },
  {
    state: "ready",
    from: "broker_scheduled s WHERE queue_id = ?1 AND due <= ?2",
    order: "due, s.id",
    columns: "due, 0 AS deliveries",
  },
  {
    state: "scheduled",
    from: "broker_scheduled s WHERE queue_id = ?1 AND due > ?2",
    order: "due, s.id",
    columns: "due, 0 AS deliveries",
  },
  {
    state: "unacked",
    from: "broker_held s WHERE queue_id = ?1 AND ?2",
    order: "urgency, position, s.id",
    columns: "NULL AS due, deliveries",
  },
] as const;

function peekIn(sql: Sql, queueId: number, nowMs: number, page: { limit: number; offset: number }): PeekedRow[] {
  const peeked: PeekedRow[] = [];
  let skip = page.offset;
  for (const { state, from, order, columns } of STANDINGS) {
    const left = page.limit - peeked.length;
    if (left <= 0) break;
    const ids = sql
      .prepare(`SELECT s.id, ${columns} FROM ${from} ORDER BY ${order} LIMIT ?3 OFFSET ?4`)
      .all(queueId, nowMs, left, skip);
    if (ids.length === 0 && skip > 0)
      skip -= Number(sql.prepare(`SELECT count(*) AS n FROM ${from}`).get(queueId, nowMs)?.n);
    else skip = 0;
    for (const stand of ids) {
      const row = sql
        .prepare(`SELECT published, ${ENVELOPE_COLUMNS} FROM broker_messages WHERE id = ?`)
        .get(Number(stand.id));
      if (row) peeked.push({ state, stand, row });
    }
  }
  return peeked;
}

interface PeekedRow {
  readonly state: PeekedMessage["state"];
  readonly stand: SqlRow;
  readonly row: SqlRow;
}

function peekedMessage({ state, stand, row }: PeekedRow, queue: string): PeekedMessage {
  return {
    key: String(stand.id),
    message: messageOf(row),
    queue,
    state,
    eta: stand.due === null ? undefined : new Date(Number(stand.due)),
    deliveries: Number(stand.deliveries),
    published: new Date(Number(row.published)),
  };
}
