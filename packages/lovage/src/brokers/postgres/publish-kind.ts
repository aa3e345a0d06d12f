import type { WriteKind } from "../../connections/postgres.js";
import type { Route } from "../broker.js";
import { ENVELOPE_COLUMNS, type Envelope } from "./envelope.js";
import type { QueueRow } from "./topology.js";

/** A message on its way to the queues it was routed to. */
export interface Publication {
  readonly envelope: Envelope;
  readonly route: Route;
  readonly queues: readonly QueueRow[];
  /** Of the topology by which it was routed. */
  readonly stamp: string;
}

/** "stale": it was routed by a topology that has changed since, and nothing was written. */
export type Published = "kept" | "stale";

/** Statements of one commit that it is told apart from the next one's by. */
const PARTS = 1000;

/**
 * Writes envelopes and puts them into their queues, ready or scheduled by the server's clock.
 *
 * `mark` notes the number of this commit. When the connection is lost before the answer, the same statement runs again: it waits for
 * the earlier one's row lock, finds its number, and writes nothing when that one was committed after all.
 *
 * @param publisher names this process among those that publish; a UUID
 */
export function publishKind(schema: string, publisher: string): WriteKind<Publication, Published> {
  return {
    name: "publishes",
    rank: 30,
    limit: 500,
    text: publishText(schema),
    size: ({ envelope, queues }) => (envelope.headers.length + envelope.body.length * 2 + 400) * queues.length,
    values: (items, { commit, part }) => [publisher, commit * PARTS + part, ...columnsOf(items)],
    outcomes: (items, [row], { again }) => {
      if (row?.marked !== true)
        return items.map(() => (again ? { value: "kept" } : { error: new Error("a publish was numbered twice") }));
      const kept = new Set<unknown>(Array.isArray(row.items) ? row.items : []);
      return items.map((_, index) => ({ value: kept.has(index) ? "kept" : "stale" }));
    },
  };
}

function publishText(schema: string): string {
  return `
WITH mark AS (
  INSERT INTO ${schema}.broker_publishers AS p (id, last, at) VALUES ($1::uuid, $2::bigint, now())
  ON CONFLICT (id) DO UPDATE SET last = excluded.last, at = excluded.at WHERE p.last < excluded.last RETURNING 1),
input AS MATERIALIZED (
  SELECT i.*, nextval('${schema}.broker_ids') AS id, now() AS at, coalesce(to_timestamp(i.due) > clock_timestamp(), false) AS later
  FROM unnest($3::int[], $4::bigint[], $5::int[], $6::int[], $7::float8[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
    $13::text[], $14::bytea[]) AS i (item, stamp, queue_id, urgency, due, exchange, routing_key, ${ENVELOPE_COLUMNS})
  WHERE EXISTS (SELECT 1 FROM mark) AND i.stamp = (SELECT stamp FROM ${schema}.broker_topology LIMIT 1)),
messages AS (
  INSERT INTO ${schema}.broker_messages (id, exchange, routing_key, published, ${ENVELOPE_COLUMNS})
  SELECT id, exchange, routing_key, at, ${ENVELOPE_COLUMNS} FROM input),
ready AS (
  INSERT INTO ${schema}.broker_ready (queue_id, urgency, position, id, since, deliveries, begun)
  SELECT queue_id, urgency, id, id, at, 0, 0 FROM input WHERE NOT later),
scheduled AS (
  INSERT INTO ${schema}.broker_scheduled (queue_id, due, id, urgency)
  SELECT queue_id, to_timestamp(due), id, urgency FROM input WHERE later)
SELECT EXISTS (SELECT 1 FROM mark) AS marked, ARRAY(SELECT item FROM input) AS items`;
}

/** One entry in each column for every queue a message goes to. */
function columnsOf(items: readonly Publication[]): readonly (readonly unknown[])[] {
  const rows = items.flatMap(({ envelope, route, queues, stamp }, item) =>
    queues.map((queue) => [
      item,
      stamp,
      queue.id,
      urgencyOf(route.priority, queue),
      route.eta ? route.eta.getTime() / 1000 : null,
      route.exchange,
      route.routingKey,
      envelope.headers,
      envelope.properties,
      envelope.contentType,
      envelope.contentEncoding,
      envelope.body,
    ]),
  );
  return Array.from({ length: COLUMNS }, (_, column) => rows.map((row) => row[column]));
}
const COLUMNS = 12;

/** 0 is the most urgent. Priorities count on queues that have them. */
export function urgencyOf(priority: number | undefined, { maxPriority }: QueueRow): number {
  if (maxPriority === undefined) return 9;
  return 9 - Math.max(0, Math.min(maxPriority, Math.trunc(priority ?? 0) || 0));
}
