import { randomUUID } from "node:crypto";
import pg from "pg";
import { costOf } from "../measure.mjs";
import { keepInFlight } from "./contestant.mjs";
import { body, headers } from "./envelope.mjs";

const CONNECTIONS = 4;
const BATCH = 200;
const HEADERS = JSON.stringify(headers);

/** pg alone: an INSERT for each call; batches of 200 deleted with SKIP LOCKED. @param {string} url @returns {import("./contestant.mjs").Contestant} */
export function rawPostgres(url) {
  /** @template T @param {(pool: pg.Pool, table: string) => Promise<T>} work */
  async function withTable(work) {
    const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
    const table = `bench_${randomUUID().replaceAll("-", "")}`;
    await pool.query(`CREATE TABLE ${table} (id bigserial PRIMARY KEY, headers text, body bytea)`);
    try {
      return await work(pool, table);
    } finally {
      await pool.query(`DROP TABLE ${table}`);
      await pool.end();
    }
  }
  return {
    name: "pg",
    enqueue: (count, inFlight) =>
      withTable((pool, table) =>
        costOf(count, () =>
          keepInFlight(count, inFlight, () =>
            pool.query({
              name: "insert",
              text: `INSERT INTO ${table} (headers, body) VALUES ($1, $2)`,
              values: [HEADERS, body],
            }),
          ),
        ),
      ),
    drain: (count, results) =>
      withTable(async (pool, table) => {
        if (results) return { rate: Number.NaN, cpu: Number.NaN };
        await pool.query(`INSERT INTO ${table} (headers, body) SELECT $1, $2 FROM generate_series(1, $3::int)`, [
          HEADERS,
          body,
          count,
        ]);
        const take = {
          name: "take",
          text: `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED) RETURNING *`,
        };
        return await costOf(count, async () => {
          for (let rows = (await pool.query(take)).rowCount; rows; rows = (await pool.query(take)).rowCount);
        });
      }),
  };
}
