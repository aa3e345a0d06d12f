import type { Sql } from "../../connections/sqlite.js";
import type { SqlRow } from "../../connections/sqlite-driver.js";
import type { Route } from "../broker.js";
import { ENVELOPE_COLUMNS, type EnvelopeValues } from "./envelope.js";
import type { QueueRow } from "./topology.js";

// One function, one step of a message's life. Each belongs into a transaction.

/** Where a message stands in its queue. */
export interface Place {
  readonly queueId: number;
  readonly urgency: number;
  readonly position: number;
  /** Unix milliseconds since when it has been ready. */
  readonly since: number;
  readonly deliveries: number;
  readonly begun: number;
}

/** A message just claimed. */
export interface ClaimedRow {
  readonly id: number;
  /** How often it was handed out before. */
  readonly deliveries: number;
  readonly token: number;
  readonly exchange: string;
  readonly routingKey: string;
  readonly row: SqlRow;
}

/** 0 is the most urgent. Priorities count on queues that have them. */
export function urgencyOf(priority: number | undefined, { maxPriority }: QueueRow): number {
  if (maxPriority === undefined) return 9;
  return 9 - Math.max(0, Math.min(maxPriority, Math.trunc(priority ?? 0) || 0));
}

const INSERT_MESSAGE = `INSERT INTO broker_messages (exchange, routing_key, published, ${ENVELOPE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;

/** Writes the envelope and returns its id: ids grow in the order of publication. */
export function insertMessage(sql: Sql, envelope: EnvelopeValues, route: Route, nowMs: number): number {
  const inserted = sql.prepare(INSERT_MESSAGE).run(route.exchange, route.routingKey, nowMs, ...envelope);
  return Number(inserted.lastInsertRowid);
}

export function makeReady(sql: Sql, id: number, place: Place): void {
  sql
    .prepare(
      "INSERT INTO broker_ready (queue_id, urgency, position, id, since, deliveries, begun) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .run(place.queueId, place.urgency, place.position, id, place.since, place.deliveries, place.begun);
}

export function schedule(sql: Sql, id: number, queueId: number, urgency: number, dueMs: number): void {
  sql
    .prepare("INSERT INTO broker_scheduled (queue_id, due, id, urgency) VALUES (?, ?, ?, ?)")
    .run(queueId, dueMs, id, urgency);
}

/** Makes ready what has fallen due, behind what is ready already, in the order of the instants. Returns how many. */
export function promoteDue(sql: Sql, queueId: number, nowMs: number): number {
  const due = sql
    .prepare(
      "SELECT id, urgency, due FROM broker_scheduled WHERE queue_id = ? AND due <= ? ORDER BY due, id LIMIT 1000",
    )
    .all(queueId, nowMs);
  if (due.length === 0) return 0;
  // Positions are ids, so that ordinary messages need no counter. These take their places from the ids' own: behind all that is there.
  let position = Number(sql.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'broker_messages'").get()?.seq ?? 0);
  for (const { id, urgency, due: instant } of due) {
    makeReady(sql, Number(id), {
      queueId,
      urgency: Number(urgency),
      position: ++position,
      since: nowMs,
      deliveries: 0,
      begun: 0,
    });
    sql
      .prepare("DELETE FROM broker_scheduled WHERE queue_id = ? AND due = ? AND id = ?")
      .run(queueId, Number(instant), Number(id));
  }
  sql.prepare("UPDATE sqlite_sequence SET seq = ? WHERE name = 'broker_messages'").run(position);
  return due.length;
}

/** Whether there is something to hand out at once. */
export function hasMessages(sql: Sql, queues: readonly QueueRow[]): boolean {
  const ready = sql.prepare("SELECT 1 FROM broker_ready WHERE queue_id = ? LIMIT 1");
  return queues.some(({ id }) => ready.get(id) !== undefined);
}

/** Whether a holder has lost a message that nobody has given back yet. */
export function isLeaseOver(sql: Sql, nowMs: number): boolean {
  return sql.prepare("SELECT 1 FROM broker_held WHERE lease <= ? LIMIT 1").get(nowMs) !== undefined;
}

/** When the next thing falls due: an ETA in these queues, or the end of a lease in any. Unix milliseconds. */
export function nextInstant(sql: Sql, queues: readonly QueueRow[]): number | undefined {
  const instants = queues.map(
    ({ id }) => sql.prepare("SELECT min(due) AS at FROM broker_scheduled WHERE queue_id = ?").get(id)?.at,
  );
  instants.push(sql.prepare("SELECT min(lease) AS at FROM broker_held").get()?.at);
  const known = instants.filter((at) => at !== null && at !== undefined).map(Number);
  return known.length > 0 ? Math.min(...known) : undefined;
}

/** Gives back what its holders have lost. Returns how many. */
export function reclaimExpired(sql: Sql, nowMs: number): number {
  const lost = sql.prepare("SELECT * FROM broker_held WHERE lease <= ?").all(nowMs);
  for (const row of lost) {
    makeReady(sql, Number(row.id), placeOf(row));
    sql.prepare("DELETE FROM broker_held WHERE id = ?").run(Number(row.id));
  }
  return lost.length;
}

/** Draws `count` fencing tokens, greater than all before them in every process, and returns the number before the first. */
function drawTokens(sql: Sql, count: number): number {
  const drawn = sql
    .prepare("UPDATE broker_counters SET value = value + ? WHERE name = 'token' RETURNING value")
    .get(count);
  return Number(drawn?.value) - count;
}

const FIRST_READY = `
SELECT r.urgency, r.position, r.id, r.deliveries, m.exchange, m.routing_key, ${ENVELOPE_COLUMNS}
FROM broker_ready r LEFT JOIN broker_messages m ON m.id = r.id WHERE r.queue_id = ? ORDER BY r.urgency, r.position, r.id LIMIT ?`;
const HOLD = `
INSERT INTO broker_held (id, queue_id, urgency, position, since, deliveries, begun, token, lease)
SELECT id, queue_id, urgency, position, since, deliveries + 1, begun, ? + row_number() OVER (ORDER BY urgency, position, id), ?
FROM broker_ready WHERE queue_id = ? AND (urgency, position, id) <= (?, ?, ?)`;

/** Hands out up to `limit` messages of a queue: in order, out of `broker_ready`, into `broker_held`. */
export function claim(sql: Sql, queueId: number, limit: number, leaseMs: number): ClaimedRow[] {
  const rows = sql.prepare(FIRST_READY).all(queueId, limit);
  const last = rows.at(-1);
  if (!last) return [];
  // All that sort up to the last one are the ones that were read: this is the only writer.
  const through = [queueId, Number(last.urgency), Number(last.position), Number(last.id)];
  const before = drawTokens(sql, rows.length);
  sql.prepare(HOLD).run(before, leaseMs, ...through);
  sql.prepare("DELETE FROM broker_ready WHERE queue_id = ? AND (urgency, position, id) <= (?, ?, ?)").run(...through);
  return rows.map((row, index) => claimedRow(row, Number(row.id), before + index + 1, Number(row.deliveries)));
}

function claimedRow(row: SqlRow, id: number, token: number, deliveries: number): ClaimedRow {
  return { id, token, deliveries, exchange: String(row.exchange), routingKey: String(row.routing_key), row };
}

/** Removes a held message for good; false when this holder has lost it. */
export function removeHeld(sql: Sql, id: number, token: number): boolean {
  if (sql.prepare("DELETE FROM broker_held WHERE id = ? AND token = ?").run(id, token).changes === 0) return false;
  deleteMessage(sql, id);
  return true;
}

/** Puts a held message back where it was: ahead of what came after it. False when this holder has lost it. */
export function releaseHeld(sql: Sql, id: number, token: number): boolean {
  const row = sql.prepare("DELETE FROM broker_held WHERE id = ? AND token = ? RETURNING *").get(id, token);
  if (!row) return false;
  makeReady(sql, id, placeOf(row));
  return true;
}

export function extendLease(sql: Sql, id: number, token: number, leaseMs: number): boolean {
  return (
    sql.prepare("UPDATE broker_held SET lease = ? WHERE id = ? AND token = ?").run(leaseMs, id, token).changes !== 0
  );
}

/** Counts one more beginning; undefined when this holder has lost the message. */
export function countBegun(sql: Sql, id: number, token: number): number | undefined {
  const row = sql
    .prepare("UPDATE broker_held SET begun = begun + 1 WHERE id = ? AND token = ? RETURNING begun")
    .get(id, token);
  return row && Number(row.begun);
}

/** Takes one message out of turn, ready or scheduled; undefined when it is neither. */
export function claimOne(sql: Sql, queueId: number, id: number, leaseMs: number): ClaimedRow | undefined {
  const ready = sql.prepare("DELETE FROM broker_ready WHERE queue_id = ? AND id = ? RETURNING *").get(queueId, id);
  const scheduled = ready
    ? undefined
    : sql.prepare("DELETE FROM broker_scheduled WHERE queue_id = ? AND id = ? RETURNING *").get(queueId, id);
  const taken = ready
    ? placeOf(ready)
    : scheduled && {
        queueId,
        urgency: Number(scheduled.urgency),
        position: id,
        since: Date.now(),
        deliveries: 0,
        begun: 0,
      };
  const row =
    taken && sql.prepare(`SELECT exchange, routing_key, ${ENVELOPE_COLUMNS} FROM broker_messages WHERE id = ?`).get(id);
  if (!row) return undefined;
  const token = drawTokens(sql, 1) + 1;
  sql
    .prepare(
      "INSERT INTO broker_held (id, queue_id, urgency, position, since, deliveries, begun, token, lease) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .run(id, queueId, taken.urgency, taken.position, taken.since, taken.deliveries + 1, taken.begun, token, leaseMs);
  return claimedRow(row, id, token, taken.deliveries);
}

/** Drops what is ready and scheduled, and returns how many. */
export function purge(sql: Sql, queueId: number): number {
  let gone = 0;
  for (const table of ["broker_ready", "broker_scheduled"]) {
    sql.prepare(`DELETE FROM broker_messages WHERE id IN (SELECT id FROM ${table} WHERE queue_id = ?)`).run(queueId);
    gone += Number(sql.prepare(`DELETE FROM ${table} WHERE queue_id = ?`).run(queueId).changes);
  }
  return gone;
}

/** Drops everything of a queue, held messages too: their holders will find that they have lost them. */
export function removeAll(sql: Sql, queueId: number): void {
  purge(sql, queueId);
  sql.prepare("DELETE FROM broker_messages WHERE id IN (SELECT id FROM broker_held WHERE queue_id = ?)").run(queueId);
  sql.prepare("DELETE FROM broker_held WHERE queue_id = ?").run(queueId);
}

function deleteMessage(sql: Sql, id: number): void {
  sql.prepare("DELETE FROM broker_messages WHERE id = ?").run(id);
}

function placeOf(row: SqlRow): Place {
  return {
    queueId: Number(row.queue_id),
    urgency: Number(row.urgency),
    position: Number(row.position),
    since: Number(row.since),
    deliveries: Number(row.deliveries),
    begun: Number(row.begun),
  };
}
