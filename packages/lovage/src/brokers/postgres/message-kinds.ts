import type { CommitContext, PostgresRow, WriteKind, WriteOutcome } from "../../connections/postgres.js";
import { ENVELOPE_COLUMNS } from "./envelope.js";

/** A message and the token under which somebody holds it. */
export interface Hold {
  readonly id: string;
  readonly token: number;
}

/** What a consumer asks for. */
export interface Claim {
  /** In the order in which they are to be drawn from. */
  readonly queueIds: readonly number[];
  /** For each queue, the position from which it is read; 0 for all of it. */
  readonly floors: readonly number[];
  readonly limit: number;
  readonly leaseSeconds: number;
  /** The consumer. */
  readonly holder: string;
}

/** A message just claimed. */
export interface ClaimedRow {
  readonly id: string;
  readonly queueId: number;
  readonly position: number;
  readonly token: number;
  /** This time included. */
  readonly deliveries: number;
  readonly exchange: string;
  readonly routingKey: string;
  /** The envelope's columns. */
  readonly row: PostgresRow;
}

/** What holders do with their messages. `false` and undefined: this holder has lost it, and nothing has changed. */
export interface MessageKinds {
  /** Removes a message for good. */
  readonly remove: WriteKind<Hold, boolean>;
  /** Puts it back where it was: ahead of what came after it. */
  readonly release: WriteKind<Hold, boolean>;
  readonly extend: WriteKind<Hold & { readonly seconds: number }, boolean>;
  /** Counts one more beginning, and says how many there are. */
  readonly begin: WriteKind<Hold, number | undefined>;
  readonly claim: WriteKind<Claim, Claimed>;
}

export interface Claimed {
  readonly rows: readonly ClaimedRow[];
  /** An earlier try of this claim may have been committed: messages may be held under tokens that nobody was told. */
  readonly again: boolean;
}

export function messageKinds(schema: string): MessageKinds {
  const s = schema;
  const given =
    "FROM unnest($1::bigint[], $2::bigint[]) AS given (id, token) WHERE h.id = given.id AND h.token = given.token";
  const gone = `gone AS (DELETE FROM ${s}.broker_held h USING unnest($1::bigint[], $2::bigint[]) AS given (id, token)
    WHERE h.id = given.id AND h.token = given.token RETURNING h.*)`;
  return {
    remove: {
      name: "acknowledgements",
      rank: 20,
      // When the answer to an earlier try was lost: what is not there at all was most likely removed by it.
      text: `WITH ${gone},
        messages AS (DELETE FROM ${s}.broker_messages WHERE id = ANY(ARRAY(SELECT id FROM gone)))
        SELECT id FROM gone UNION ALL
        SELECT given.id FROM unnest($1::bigint[]) AS given (id)
        WHERE $3::boolean AND NOT EXISTS (SELECT 1 FROM ${s}.broker_messages m WHERE m.id = given.id)`,
      values: (items, { again }) => [...holdColumns(items), again],
      outcomes: foundOnes,
      key: ({ id }) => id,
    },
    release: {
      name: "requeues",
      rank: 20,
      text: `WITH ${gone},
        ready AS (INSERT INTO ${s}.broker_ready (queue_id, urgency, position, id, since, deliveries, begun)
          SELECT queue_id, urgency, position, id, since, deliveries, begun FROM gone)
        SELECT id FROM gone UNION ALL
        SELECT given.id FROM unnest($1::bigint[]) AS given (id)
        WHERE $3::boolean AND NOT EXISTS (SELECT 1 FROM ${s}.broker_held h WHERE h.id = given.id)`,
      values: (items, { again }) => [...holdColumns(items), again],
      outcomes: foundOnes,
      key: ({ id }) => id,
    },
    extend: {
      name: "extensions",
      rank: 20,
      text: `UPDATE ${s}.broker_held h SET lease = clock_timestamp() + given.seconds * interval '1 second'
        FROM unnest($1::bigint[], $2::bigint[], $3::float8[]) AS given (id, token, seconds)
        WHERE h.id = given.id AND h.token = given.token RETURNING h.id`,
      values: (items) => [...holdColumns(items), items.map(({ seconds }) => seconds)],
      outcomes: foundOnes,
      key: ({ id }) => id,
    },
    begin: {
      name: "beginnings",
      rank: 20,
      text: `UPDATE ${s}.broker_held h SET begun = begun + 1 ${given} RETURNING h.id, h.begun`,
      values: holdColumns,
      outcomes: (items, rows) => {
        const begun = new Map(rows.map((row) => [String(row.id), Number(row.begun)]));
        return items.map(({ id }) => ({ value: begun.get(id) }));
      },
      key: ({ id }) => id,
    },
    claim: {
      name: "claims",
      rank: 40,
      limit: 1,
      // One that a crash undoes leaves its messages ready.
      lazy: true,
      text: claimText(s),
      values: ([claim]) => [claim?.queueIds, claim?.limit, claim?.leaseSeconds, claim?.holder, claim?.floors],
      outcomes: (_, rows, { again }) => [{ value: { rows: rows.map(claimedRow), again } }],
    },
  };
}

/**
 * Moves up to `$2` rows of the queues `$1` from `broker_ready` to `broker_held`, with a lease of `$3` seconds for holder `$4`, and returns
 * them in their order. A queue is read from position `$5` on, which is 0 where there are priorities. Rows are deleted by their place on disk: a join would be free to read the whole table.
 */
function claimText(s: string): string {
  return `
WITH found AS MATERIALIZED (
  SELECT r.*, q.turn FROM unnest($1::int[], $5::bigint[]) WITH ORDINALITY AS q (queue_id, floor, turn) CROSS JOIN LATERAL (
    SELECT r.ctid AS place, r.* FROM ${s}.broker_ready r WHERE r.queue_id = q.queue_id AND (r.urgency, r.position) >= (CASE q.floor WHEN 0 THEN 0 ELSE 9 END, q.floor)
    ORDER BY r.urgency, r.position LIMIT $2::int FOR UPDATE SKIP LOCKED) r
  LIMIT $2::int),
gone AS (DELETE FROM ${s}.broker_ready WHERE ctid = ANY(ARRAY(SELECT place FROM found))),
held AS (
  INSERT INTO ${s}.broker_held (id, queue_id, urgency, position, since, deliveries, begun, token, lease, holder)
  SELECT id, queue_id, urgency, position, since, deliveries + 1, begun, nextval('${s}.broker_tokens'),
    clock_timestamp() + $3::float8 * interval '1 second', $4::uuid
  FROM (SELECT * FROM found ORDER BY turn, urgency, position) AS ordered
  RETURNING id, queue_id, position, deliveries, token)
SELECT h.id, h.queue_id, h.position, h.deliveries, h.token, m.exchange, m.routing_key, ${ENVELOPE_COLUMNS}
FROM held h LEFT JOIN LATERAL (SELECT * FROM ${s}.broker_messages m WHERE m.id = h.id OFFSET 0) m ON true
ORDER BY h.token`;
}

/**
 * Puts back what holder `$1` was given by a claim whose answer was lost: what it holds under tokens after `$2`, the last one it had heard of
 * before, but for `$3`.
 */
export function releaseUnheardText(s: string): string {
  return `WITH gone AS (DELETE FROM ${s}.broker_held WHERE holder = $1::uuid AND token > $2::bigint AND token <> ALL($3::bigint[]) RETURNING *)
INSERT INTO ${s}.broker_ready (queue_id, urgency, position, id, since, deliveries, begun)
SELECT queue_id, urgency, position, id, since, deliveries - 1, begun FROM gone`;
}

/** Of a row with the columns of `claimText`. */
export function claimedRow(row: PostgresRow): ClaimedRow {
  return {
    id: String(row.id),
    queueId: Number(row.queue_id),
    position: Number(row.position),
    token: Number(row.token),
    deliveries: Number(row.deliveries),
    exchange: String(row.exchange ?? ""),
    routingKey: String(row.routing_key ?? ""),
    row,
  };
}

function holdColumns(items: readonly Hold[]): readonly (readonly unknown[])[] {
  return [items.map(({ id }) => id), items.map(({ token }) => token)];
}

function foundOnes(
  items: readonly Hold[],
  rows: readonly PostgresRow[],
  _context: CommitContext,
): readonly WriteOutcome<boolean>[] {
  const found = new Set(rows.map(({ id }) => String(id)));
  return items.map(({ id }) => ({ value: found.has(id) }));
}
