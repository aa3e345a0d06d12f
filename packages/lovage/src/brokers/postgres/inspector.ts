import type { PostgresDatabase, PostgresResult, PostgresRow, PostgresTransaction } from "../../connections/postgres.js";
import type { Delivery, PeekedMessage, QueueCounts, QueueDefinition, QueueInspector } from "../broker.js";
import { PostgresDelivery } from "./delivery.js";
import { ENVELOPE_COLUMNS, messageOf } from "./envelope.js";
import { claimedRow, type MessageKinds } from "./message-kinds.js";
import type { QueueRow, Topology } from "./topology.js";
import { translated } from "./translate.js";

/** Seconds for what reads or removes a whole queue. */
const LONG_SECONDS = 60;
/** Messages removed by one statement. */
const PURGE_LIMIT = 10_000;

interface Parts {
  readonly database: PostgresDatabase;
  readonly kinds: MessageKinds;
  readonly topology: Topology;
  readonly leaseSeconds: number;
  /** A UUID: holds what `take` took. */
  readonly holder: string;
  readonly onRequeued: (queue: string) => void;
  readonly refuseWhenClosed: () => void;
}

export class PostgresInspector implements QueueInspector {
  readonly #parts: Parts;
  /** With its schema, as `broker_` begins all its tables' names. */
  readonly #s: string;
  /** Held by whoever called `take`. */
  readonly #taken = new Set<PostgresDelivery>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#s = parts.database.schema;
  }

  async list(): Promise<string[]> {
    await this.#refresh();
    return this.#parts.topology.names;
  }

  async counts(queue: string): Promise<QueueCounts | undefined> {
    const found = await this.#find(queue);
    if (!found) return undefined;
    const { rows } = await this.#query(countsText(this.#s), [found.id]);
    return countsOf(rows[0]);
  }

  async definition(queue: string): Promise<QueueDefinition | undefined> {
    await this.#refresh();
    return this.#parts.topology.definition(queue);
  }

  async peek(queue: string, { limit, offset = 0 }: { limit: number; offset?: number }): Promise<PeekedMessage[]> {
    const found = await this.#find(queue);
    if (!found) return [];
    const { rows } = await this.#query(peekText(this.#s), [found.id, limit, offset]);
    return rows.map((row) => peekedMessage(row, queue));
  }

  async take(queue: string, keys: readonly string[]): Promise<Delivery[]> {
    const found = await this.#find(queue);
    const ids = keys.filter((key) => /^\d{1,18}$/.test(key));
    if (!found || ids.length === 0) return [];
    const { database, kinds, leaseSeconds, holder, onRequeued } = this.#parts;
    // Not repeatable: what an earlier try took would not be found by the next.
    const { rows } = await this.#query(takeText(this.#s), [found.id, ids, leaseSeconds, holder], false);
    const onEnd = (ended: PostgresDelivery): boolean => {
      this.#taken.delete(ended);
      return false;
    };
    const requeued = (): void => onRequeued(queue);
    const taken = rows.map(
      (row) => new PostgresDelivery({ claimed: claimedRow(row), queue, database, kinds, onEnd, onRequeued: requeued }),
    );
    for (const delivery of taken) this.#taken.add(delivery);
    return taken;
  }

  async purge(queue: string): Promise<number> {
    const found = await this.#find(queue);
    return found ? await this.#purge(found) : 0;
  }

  async delete(queue: string): Promise<void> {
    const found = await this.#find(queue);
    if (!found) return;
    await this.#purge(found);
    await translated(this.#parts.topology.remove(queue, (transaction, row) => removeHeld(this.#s, transaction, row)));
    // What was published while it was deleted belongs to no queue.
    await this.#purge(found);
  }

  /** Gives back what was taken and is still held. For the end of the connection. */
  async giveBack(): Promise<void> {
    // One that was lost meanwhile is somebody else's already.
    await Promise.allSettled([...this.#taken].map((delivery) => delivery.reject({ requeue: true })));
  }

  /** In pieces, between which other work has its turn. */
  async #purge({ id }: QueueRow): Promise<number> {
    let gone = 0;
    for (const table of ["broker_ready", "broker_scheduled"]) {
      for (let more = true; more; ) {
        const { rows } = await this.#query(purgeText(this.#s, table), [id]);
        const count = Number(rows[0]?.count);
        gone += count;
        more = count >= PURGE_LIMIT;
      }
    }
    return gone;
  }

  async #refresh(): Promise<void> {
    this.#parts.refuseWhenClosed();
    await translated(this.#parts.topology.refresh());
  }
  async #find(queue: string): Promise<QueueRow | undefined> {
    await this.#refresh();
    return this.#parts.topology.queue(queue);
  }
  async #query(text: string, values: readonly unknown[], repeatable = true): Promise<PostgresResult> {
    this.#parts.refuseWhenClosed();
    return await translated(this.#parts.database.query(text, values, { timeout: LONG_SECONDS, repeatable }));
  }
}

/** `$1` is the queue. One statement, so that a message that moves meanwhile is counted once. One that is due is ready, though nobody has come by to move it. */
function countsText(s: string): string {
  return `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
ready AS (SELECT count(*) AS n, min(since) AS oldest FROM ${s}.broker_ready WHERE queue_id = $1),
scheduled AS (SELECT count(*) FILTER (WHERE due <= now) AS due, count(*) FILTER (WHERE due > now) AS n, min(due) FILTER (WHERE due <= now) AS oldest
  FROM ${s}.broker_scheduled, clock WHERE queue_id = $1)
SELECT ready.n + scheduled.due AS ready, scheduled.n AS scheduled, least(ready.oldest, scheduled.oldest) AS oldest,
  (SELECT count(*) FROM ${s}.broker_held WHERE queue_id = $1) AS unacked,
  (SELECT count(*) FROM ${s}.broker_consumers, clock WHERE queue_id = $1 AND expires > now) AS consumers
FROM ready, scheduled`;
}

function countsOf(row: PostgresRow | undefined): QueueCounts {
  return {
    ready: Number(row?.ready),
    unacked: Number(row?.unacked),
    scheduled: Number(row?.scheduled),
    oldest: row?.oldest instanceof Date ? row.oldest : undefined,
    consumers: Number(row?.consumers),
  };
}

/** `$1` is the queue, `$2` and `$3` the page. Standings in the order of peeking; no further than the page reaches in any. */
function peekText(s: string): string {
  return `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
standing AS (
  (SELECT 1 AS part, 'ready' AS state, row_number() OVER (ORDER BY urgency, position) AS place, id, NULL::timestamptz AS due, deliveries
    FROM ${s}.broker_ready WHERE queue_id = $1 ORDER BY urgency, position LIMIT $2::bigint + $3::bigint)
  UNION ALL
  (SELECT CASE WHEN due <= now THEN 2 ELSE 3 END, CASE WHEN due <= now THEN 'ready' ELSE 'scheduled' END,
      row_number() OVER (ORDER BY due, id), id, due, 0
    FROM ${s}.broker_scheduled, clock WHERE queue_id = $1 ORDER BY due, id LIMIT $2::bigint + $3::bigint)
  UNION ALL
  (SELECT 4, 'unacked', row_number() OVER (ORDER BY urgency, position), id, NULL, deliveries
    FROM ${s}.broker_held WHERE queue_id = $1 ORDER BY urgency, position LIMIT $2::bigint + $3::bigint)),
page AS MATERIALIZED (SELECT * FROM standing ORDER BY part, place LIMIT $2::bigint OFFSET $3::bigint)
SELECT p.id, p.state, p.due, p.deliveries, m.published, ${ENVELOPE_COLUMNS}
FROM page p JOIN LATERAL (SELECT * FROM ${s}.broker_messages m WHERE m.id = p.id OFFSET 0) m ON true ORDER BY p.part, p.place`;
}

function peekedMessage(row: PostgresRow, queue: string): PeekedMessage {
  return {
    key: String(row.id),
    message: messageOf(row),
    queue,
    state: row.state === "ready" || row.state === "scheduled" ? row.state : "unacked",
    eta: row.due instanceof Date ? row.due : undefined,
    deliveries: Number(row.deliveries),
    published: row.published instanceof Date ? row.published : undefined,
  };
}

/** Holds messages `$2` of queue `$1` that are ready or scheduled, with a lease of `$3` seconds for `$4`, in the order of `$2`. */
function takeText(s: string): string {
  return `
WITH ready AS (DELETE FROM ${s}.broker_ready WHERE queue_id = $1 AND id = ANY($2::bigint[]) RETURNING id, urgency, position, since, deliveries, begun),
scheduled AS (DELETE FROM ${s}.broker_scheduled WHERE queue_id = $1 AND id = ANY($2::bigint[]) RETURNING id, urgency, id AS position, now() AS since, 0 AS deliveries, 0 AS begun),
found AS (SELECT * FROM ready UNION ALL SELECT * FROM scheduled),
held AS (
  INSERT INTO ${s}.broker_held (id, queue_id, urgency, position, since, deliveries, begun, token, lease, holder)
  SELECT id, $1, urgency, position, since, deliveries + 1, begun, nextval('${s}.broker_tokens'), clock_timestamp() + $3::float8 * interval '1 second', $4::uuid
  FROM (SELECT * FROM found ORDER BY array_position($2::bigint[], id)) AS ordered RETURNING id, queue_id, position, deliveries, token)
SELECT h.id, h.queue_id, h.position, h.deliveries, h.token, m.exchange, m.routing_key, ${ENVELOPE_COLUMNS}
FROM held h JOIN LATERAL (SELECT * FROM ${s}.broker_messages m WHERE m.id = h.id OFFSET 0) m ON true ORDER BY h.token`;
}

function purgeText(s: string, table: string): string {
  return `
WITH gone AS (
  DELETE FROM ${s}.${table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ${s}.${table} WHERE queue_id = $1 LIMIT ${PURGE_LIMIT} FOR UPDATE SKIP LOCKED)) RETURNING id),
messages AS (DELETE FROM ${s}.broker_messages WHERE id = ANY(ARRAY(SELECT id FROM gone)))
SELECT count(*) AS count FROM gone`;
}

/** Their holders will find that they have lost them. */
async function removeHeld(s: string, transaction: PostgresTransaction, { id }: QueueRow): Promise<void> {
  const text = `WITH gone AS (DELETE FROM ${s}.broker_held WHERE queue_id = $1 RETURNING id)
    DELETE FROM ${s}.broker_messages WHERE id = ANY(ARRAY(SELECT id FROM gone))`;
  await transaction.query(text, [id]);
  await transaction.query(`DELETE FROM ${s}.broker_consumers WHERE queue_id = $1`, [id]);
}
