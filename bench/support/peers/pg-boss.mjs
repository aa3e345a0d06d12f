import { randomUUID } from "node:crypto";
import PgBoss from "pg-boss";
import { costOf } from "../measure.mjs";
import { countdown, keepInFlight } from "./contestant.mjs";

const BATCH = 200;
const BULK = 1000;

/** @param {string} url @returns {import("./contestant.mjs").Contestant} */
export function pgBoss(url) {
  /** @template T @param {(boss: PgBoss) => Promise<T>} work */
  async function withBoss(work) {
    const schema = `bench_${randomUUID().replaceAll("-", "")}`;
    const boss = new PgBoss({ connectionString: url, schema, supervise: false, schedule: false });
    boss.on("error", () => undefined);
    await boss.start();
    await boss.createQueue("add");
    try {
      return await work(boss);
    } finally {
      await boss.stop({ graceful: false, wait: true });
      const { default: pg } = await import("pg");
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(`DROP SCHEMA ${schema} CASCADE`);
      await client.end();
    }
  }

  return {
    name: "pg-boss",
    enqueue: (count, inFlight) =>
      withBoss((boss) => costOf(count, () => keepInFlight(count, inFlight, () => boss.send("add", { x: 2, y: 3 })))),
    drain: (count) =>
      withBoss(async (boss) => {
        for (let filled = 0; filled < count; filled += BULK)
          await boss.insert(
            Array.from({ length: Math.min(BULK, count - filled) }, () => ({ name: "add", data: { x: 2, y: 3 } })),
          );
        const done = countdown(count);
        return await costOf(count, async () => {
          await boss.work("add", { batchSize: BATCH, pollingIntervalSeconds: 0.5 }, async (jobs) => {
            for (const _job of jobs) done.hit();
          });
          await done.reached;
        });
      }),
  };
}
