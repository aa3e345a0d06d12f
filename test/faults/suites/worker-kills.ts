import { Lovage } from "lovage";
import { expect, test } from "vitest";
import { Fleet } from "../support/fleet.js";
import { killingSpree } from "../support/killing-spree.js";
import type { Matrix } from "../support/matrix.js";
import type { Rig } from "../support/rig.js";

const LEASE = 2;
const CONCURRENCY = 4;
/** What a worker holds besides what it runs: `workerPrefetchMultiplier`. */
const PREFETCH_MULTIPLIER = 4;
/** More or fewer with FAULTS_TASKS. */
const TASKS = Number(process.env.FAULTS_TASKS ?? 10_000);

/** What must hold when workers are killed with kill -9 all along. */
export function testWorkerKills(rig: () => Rig, matrix: Matrix, pools: readonly string[] = ["processes"]): void {
  test.each(pools)(
    `${TASKS} tasks all run though workers with the pool %s are killed with kill -9 and restarted all along; only those in flight at a kill repeat`,
    async (pool) => {
      const { url, resultBackend } = rig();
      const queue = `kills-${pool}`;
      const fleet = await Fleet.create({
        brokerUrl: url,
        resultBackend: resultBackend(url),
        env: { LOVAGE_BROKER_LEASE_SECONDS: String(LEASE), LOVAGE_TASK_DEFAULT_QUEUE: queue },
      });
      const app = new Lovage("faults", {
        brokerUrl: url,
        resultBackend: fleet.resultBackend,
        brokerLeaseSeconds: LEASE,
        taskDefaultQueue: queue,
      });
      try {
        const spree = await killingSpree({
          fleet,
          app,
          rig: rig(),
          queue,
          pool,
          tasks: TASKS,
          concurrency: CONCURRENCY,
          drainSeconds: 4 * LEASE + 20,
        });
        const { ids, killed, runs, stuck, recovery } = spree;
        const lost = ids.filter((id) => !runs.has(id));
        const repeated = [...runs.values()].filter((by) => by.length > 1);
        matrix.add({
          fault: `workers killed, ${killed.size} times (${pool})`,
          sent: ids.length,
          refused: 0,
          done: ids.length - lost.length,
          duplicated: repeated.length,
          lost: lost.length,
          stuck,
          recovery,
          slowestPublish: undefined,
        });

        expect(lost).toEqual([]);
        expect(runs.size).toBe(ids.length);
        expect(stuck).toBe(0);
        expect(killed.size).toBeGreaterThan(3);
        for (const by of repeated)
          for (const { worker } of by.slice(0, -1)) expect([...killed.keys()]).toContain(worker);
        expect(repeated.length).toBeLessThanOrEqual(killed.size * CONCURRENCY * PREFETCH_MULTIPLIER);
      } finally {
        await app.close();
        await fleet.dispose();
      }
    },
  );
}
