import type { PostgresDatabase } from "../../connections/postgres.js";
import { BrokerError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Route, TransactionQuery } from "../broker.js";
import { unroutable } from "../routing-table.js";
import { ENVELOPE_COLUMNS, envelopeOf } from "./envelope.js";
import { urgencyOf } from "./publish-kind.js";
import { EMPTY_SNAPSHOT, type QueueRow, queuesOf, readSnapshot } from "./topology.js";
import { READY_TOPIC } from "./wake-ups.js";

/** Times a message is routed anew because the topology changed under it. */
const ROUTINGS = 5;
/** Seconds: consumers are told at once of ETAs nearer than this; those further away are found by their regular looks. */
const SOON_SECONDS = 3;

/**
 * Publishes inside other people's transactions, through their clients. It knows queues and bindings by what such a client saw last, and
 * the server tells whether that still holds.
 *
 * Positions are drawn when the statement runs, and seen when the transaction commits, by when consumers may have claimed later ones: they
 * are notified as of something that was put back, so that they look at the whole queue.
 */
export class PublishIn {
  readonly #database: PostgresDatabase;
  readonly #text: string;
  #snapshot = EMPTY_SNAPSHOT;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#text = publishText(database.schema);
  }

  async publish(query: TransactionQuery, message: Message, route: Route): Promise<void> {
    const envelope = envelopeOf(message);
    for (let turn = 0; turn < ROUTINGS; turn++) {
      let queues = queuesOf(this.#snapshot, route);
      if (turn > 0 || queues.length === 0) {
        this.#snapshot = await readSnapshot(async (text) => ({ rows: await query(text, []) }), this.#database.schema);
        queues = queuesOf(this.#snapshot, route);
      }
      if (queues.length === 0) {
        if (route.mandatory === false) return;
        throw unroutable(route);
      }
      const [row] = await query(this.#text, [
        ...this.#placesOf(queues, route),
        route.exchange,
        route.routingKey,
        envelope.headers,
        envelope.properties,
        envelope.contentType,
        envelope.contentEncoding,
        envelope.body,
      ]);
      if (Number(row?.published) === queues.length) return;
    }
    throw new BrokerError("queues and bindings change faster than a message can be routed", { code: "broker" });
  }

  #placesOf(queues: readonly QueueRow[], { eta, priority }: Route): readonly unknown[] {
    const isSoon = !eta || eta.getTime() - Date.now() < SOON_SECONDS * 1000;
    return [
      this.#snapshot.stamp,
      queues.map(({ id }) => id),
      queues.map((queue) => urgencyOf(priority, queue)),
      eta ? eta.getTime() / 1000 : null,
      // pg_notify wants a name: nobody listens to this one.
      this.#database.channel(isSoon ? READY_TOPIC : "later"),
    ];
  }
}

/** Writes one message to its queues, ready or scheduled by the server's clock, if the topology still is the one it was routed by. */
function publishText(schema: string): string {
  return `
WITH input AS MATERIALIZED (
  SELECT i.queue_id, i.urgency, nextval('${schema}.broker_ids') AS id, clock_timestamp() AS at, to_timestamp($4::float8) AS due,
    coalesce(to_timestamp($4::float8) > clock_timestamp(), false) AS later
  FROM unnest($2::int[], $3::int[]) AS i (queue_id, urgency)
  WHERE (SELECT stamp FROM ${schema}.broker_topology LIMIT 1)::text = $1::text),
messages AS (
  INSERT INTO ${schema}.broker_messages (id, exchange, routing_key, published, ${ENVELOPE_COLUMNS})
  SELECT id, $6::text, $7::text, at, $8::text, $9::text, $10::text, $11::text, $12::bytea FROM input),
ready AS (
  INSERT INTO ${schema}.broker_ready (queue_id, urgency, position, id, since, deliveries, begun)
  SELECT queue_id, urgency, id, id, at, 0, 0 FROM input WHERE NOT later),
scheduled AS (
  INSERT INTO ${schema}.broker_scheduled (queue_id, due, id, urgency)
  SELECT queue_id, due, id, urgency FROM input WHERE later)
SELECT count(*) AS published, count(pg_notify($5::text, '<' || queue_id)) AS told FROM input`;
}
