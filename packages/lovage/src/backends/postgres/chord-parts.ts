import type { PostgresDatabase, WriteKind } from "../../connections/postgres.js";
import { instantText, instantTextOrNull } from "./result-tables.js";

export interface ChordPart {
  readonly groupId: string;
  readonly partId: string;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly expiresMs: number | null;
}

/**
 * Counts parts, many in one statement. They are counted by chord, so that two processes never wait for each other in a circle.
 * A part that is counted again, because nobody knows whether the first try was committed, counts once.
 */
export function countKind(schema: string): WriteKind<ChordPart, number> {
  return {
    name: "chord parts",
    rank: 10,
    text: `
SELECT place, ${schema}.count_chord_part(chord, part, asof, expires) AS counted
FROM (
  SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
    WITH ORDINALITY AS new (chord, part, asof, expires, place)
  ORDER BY chord COLLATE "C", place OFFSET 0
) AS sorted`,
    values: (parts) => [
      parts.map(({ groupId }) => groupId),
      parts.map(({ partId }) => partId),
      parts.map(({ nowMs }) => instantText(nowMs)),
      parts.map(({ expiresMs }) => instantTextOrNull(expiresMs)),
    ],
    outcomes: (parts, rows) => {
      const counts = new Map(rows.map(({ place, counted }) => [Number(place), Number(counted)]));
      return parts.map((_, index) => ({ value: counts.get(index + 1) ?? Number.NaN }));
    },
  };
}

/** Chords removed at a time: each may have any number of parts. */
const REMOVE_LIMIT = 100;

/** Whether there may be more. */
export async function removeExpiredChords(database: PostgresDatabase, nowMs: number): Promise<boolean> {
  const { schema } = database;
  const { rows } = await database.query(
    `WITH gone AS (
      DELETE FROM ${schema}.result_chords WHERE group_id = ANY(ARRAY(
        SELECT group_id FROM ${schema}.result_chords WHERE expires_at <= $1::timestamptz LIMIT ${REMOVE_LIMIT} FOR UPDATE SKIP LOCKED))
      RETURNING group_id
    ), parts AS (
      DELETE FROM ${schema}.result_chord_parts AS part USING gone WHERE part.group_id = gone.group_id
    )
    SELECT count(*) AS gone FROM gone`,
    [instantText(nowMs)],
  );
  return Number(rows[0]?.gone) === REMOVE_LIMIT;
}
