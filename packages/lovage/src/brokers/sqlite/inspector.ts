import type { Sql, SqliteDatabase } from "../../connections/sqlite.js";
import type { SqlRow } from "../../connections/sqlite-driver.js";
import type { Delivery, PeekedMessage, QueueCounts, QueueInspector } from "../broker.js";
import { SqliteDelivery } from "./delivery.js";
import { ENVELOPE_COLUMNS, messageOf } from "./envelope.js";
import { claimOne, nextToken, purge, removeAll } from "./messages.js";
import type { Topology } from "./topology.js";
import { translated } from "./translate.js";

export class SqliteInspector implements QueueInspector {
  readonly #database: SqliteDatabase;
  readonly #topology: Topology;
  readonly #leaseSeconds: number;

  constructor(database: SqliteDatabase, topology: Topology, leaseSeconds: number) {
    this.#database = database;
    this.#topology = topology;
    this.#leaseSeconds = leaseSeconds;
  }

  async list(): Promise<string[]> {
    return this.#database.read((sql) => this.#topology.queueNames(sql));
  }

  async counts(queue: string): Promise<QueueCounts | undefined> {
    return this.#database.read((sql) => {
      const found = this.#topology.queue(sql, queue);
      return found && countsOf(sql, found.id, Date.now());
    });
  }

  async peek(queue: string, { limit, offset = 0 }: { limit: number; offset?: number }): Promise<PeekedMessage[]> {
    return this.#database.read((sql) => {
      const found = this.#topology.queue(sql, queue);
      if (!found) return [];
      return sql
        .prepare(PEEK)
        .all(found.id, found.id, found.id, limit, offset)
        .map((row) => peeked(row, queue));
    });
  }

  async take(queue: string, keys: readonly string[]): Promise<Delivery[]> {
    const claimed = await translated(
      this.#database.write((sql) => {
        const found = this.#topology.queue(sql, queue);
        if (!found) return { token: 0, rows: [] };
        const token = nextToken(sql);
        const lease = Date.now() + this.#leaseSeconds * 1000;
        const ids = keys.map(Number).filter(Number.isSafeInteger);
        return { token, rows: ids.flatMap((id) => claimOne(sql, found.id, id, token, lease) ?? []) };
      }),
    );
    const { token, rows } = claimed;
    return rows.map(
      (row) => new SqliteDelivery({ claimed: row, queue, token, database: this.#database, onEnd: () => undefined }),
    );
  }

  async purge(queue: string): Promise<number> {
    return await translated(
      this.#database.write((sql) => {
        const found = this.#topology.queue(sql, queue);
        return found ? purge(sql, found.id) : 0;
      }),
    );
  }

  async delete(queue: string): Promise<void> {
    await translated(
      this.#database.write((sql) => {
        const found = this.#topology.queue(sql, queue);
        if (!found) return;
        removeAll(sql, found.id);
        this.#topology.remove(sql, found);
      }),
    );
  }
}

function countsOf(sql: Sql, queueId: number, nowMs: number): QueueCounts {
  const count = (table: string, more = ""): number =>
    Number(sql.prepare(`SELECT count(*) AS n FROM ${table} WHERE queue_id = ? ${more}`).get(queueId)?.n);
  // One that is due is ready, though no consumer has come by to move it.
  const due = sql
    .prepare("SELECT count(*) AS n, min(due) AS since FROM broker_scheduled WHERE queue_id = ? AND due <= ?")
    .get(queueId, nowMs);
  const since = sql.prepare("SELECT min(since) AS since FROM broker_ready WHERE queue_id = ?").get(queueId)?.since;
  const oldest = [since, due?.since].filter((at) => at !== null && at !== undefined).map(Number);
  return {
    ready: count("broker_ready") + Number(due?.n),
    unacked: count("broker_held"),
    scheduled: count("broker_scheduled") - Number(due?.n),
    oldest: oldest.length > 0 ? new Date(Math.min(...oldest)) : undefined,
    consumers: Number(
      sql.prepare("SELECT count(*) AS n FROM broker_consumers WHERE queue_id = ? AND expires > ?").get(queueId, nowMs)
        ?.n,
    ),
  };
}

const PEEK = `
SELECT stand.id, stand.state, stand.due, stand.deliveries, m.published, ${ENVELOPE_COLUMNS} FROM (
  SELECT 0 AS kind, 'ready' AS state, id, urgency AS a, position AS b, NULL AS due, deliveries FROM broker_ready WHERE queue_id = ?
  UNION ALL SELECT 1, 'scheduled', id, due, id, due, 0 FROM broker_scheduled WHERE queue_id = ?
  UNION ALL SELECT 2, 'unacked', id, urgency, position, NULL, deliveries FROM broker_held WHERE queue_id = ?
) stand JOIN broker_messages m ON m.id = stand.id ORDER BY kind, a, b, stand.id LIMIT ? OFFSET ?`;

function peeked(row: SqlRow, queue: string): PeekedMessage {
  return {
    key: String(row.id),
    message: messageOf(row),
    queue,
    state: row.state === "ready" ? "ready" : row.state === "scheduled" ? "scheduled" : "unacked",
    eta: row.due === null ? undefined : new Date(Number(row.due)),
    deliveries: Number(row.deliveries),
    published: new Date(Number(row.published)),
  };
}
