import { randomUUID } from "node:crypto";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { costOf } from "../measure.mjs";
import { countdown, keepInFlight } from "./contestant.mjs";

const CONCURRENCY = 100;
const CONNECTIONS = 10;
const silent = new Logger(() => () => undefined);

/** Results it keeps none of: draining without them only. @param {string} url @returns {import("./contestant.mjs").Contestant} */
export function graphileWorker(url) {
  /** @template T @param {(parts: { schema: string, pool: pg.Pool, utils: import("graphile-worker").WorkerUtils }) => Promise<T>} work */
  async function withSchema(work) {
    const schema = `bench_${randomUUID().replaceAll("-", "")}`;
    const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
    pool.on("error", () => undefined);
    // It asks for this one too.
    pool.on("connect", (client) => void client.on("error", () => undefined));
    const utils = await makeWorkerUtils({ pgPool: pool, schema, logger: silent });
    await utils.migrate();
    try {
      return await work({ schema, pool, utils });
    } finally {
      await utils.release();
      await pool.query(`DROP SCHEMA ${schema} CASCADE`);
      await pool.end();
    }
  }

  return {
    name: "graphile-worker",
    enqueue: (count, inFlight) =>
      withSchema(({ utils }) =>
        costOf(count, () => keepInFlight(count, inFlight, () => utils.addJob("add", { x: 2, y: 3 }))),
      ),
    drain: (count, results) =>
      withSchema(async ({ schema, pool, utils }) => {
        if (results) return { rate: Number.NaN, cpu: Number.NaN };
        await utils.withPgClient((client) =>
          client.query(`SELECT ${schema}.add_job('add', '{"x": 2, "y": 3}'::json) FROM generate_series(1, $1::int)`, [
            count,
          ]),
        );
        const done = countdown(count);
        return await costOf(count, async () => {
          const runner = await run({
            pgPool: pool,
            schema,
            logger: silent,
            concurrency: CONCURRENCY,
            noHandleSignals: true,
            taskList: {
              add: async (payload) => {
                done.hit();
                return void payload;
              },
            },
            // Its fastest way: jobs fetched and completed in batches.
            preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
          });
          await done.reached;
          await runner.stop();
        });
      }),
  };
}
