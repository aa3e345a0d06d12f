import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { Lovage } from "lovage";
import { expect, test } from "vitest";
import { Fleet } from "../support/fleet.js";
import { isEmpty } from "../support/left.js";
import type { Rig } from "../support/rig.js";
import { until } from "../support/until.js";

const DAY = 24 * 60 * 60;
/** Far enough to wait in RabbitMQ's first level: each further one costs its publishers a hop, and what is measured here are workers. */
const FAR = 5 * 365 * DAY;
const LEASE = 2;
/** Messages that wait at a time; more or fewer with FAULTS_ETAS. */
const WAITING = Number(process.env.FAULTS_ETAS ?? 100_000);
const IN_FLIGHT = 500;
/** A worker that held them would have grown by several times that: each is over 500 bytes on the wire alone. */
const GROWTH_MIB = 20;

/** What must hold for tasks that wait for their ETA. */
export function testEtas(rig: () => Rig): void {
  test("of two tasks due in 5 seconds and in 30 days, each runs exactly once, when due, though broker and workers are restarted", async () => {
    await withFleet(rig(), "etas", async (fleet, app) => {
      // Given a worker, and one task due soon and one due in a month
      const first = fleet.worker("--pool", "async");
      await first.ready;
      const due = Date.now() + 5000;
      await app.sendTask("faults.append", ["soon", 0], { eta: new Date(due) });
      await app.sendTask("faults.append", ["far", 0], { countdown: 30 * DAY });

      // When everything is restarted. Not at once: a RabbitMQ that is killed within a second of its first delayed message keeps that where it
      // is (docs/reliability.md)
      await wait(2500);
      await first.kill("SIGKILL");
      await rig().server?.kill();
      await rig().server?.start();
      const second = fleet.worker("--pool", "async");
      await second.ready;
      const ready = Date.now();

      // Then the first runs when it is due, and the second goes on waiting
      const { etaStep } = (await app.direct.broker()).capabilities;
      await until(() => fleet.runs().has("soon"), 30, "the run of what was due in 5 s");
      const [run] = fleet.runs().get("soon") ?? [];
      expect(run?.at).toBeGreaterThanOrEqual(due);
      expect(run?.at).toBeLessThanOrEqual(Math.max(due, ready) + etaStep * 1000 + 3000);
      expect(await rig().delayed.count("etas", 30 * DAY)).toBe(1);
      expect(fleet.runs().has("far")).toBe(false);

      // And the second runs when the month is over, and nothing is left or has run twice
      expect(await second.stop(10)).toBe(0);
      await rig().delayed.makeDue("etas");
      await fleet.worker("--pool", "async").ready;
      await until(() => fleet.runs().has("far"), 15, "the run of what was due in 30 days");
      await until(() => isEmpty(app, "etas"), 10, "an empty queue");
      expect([...fleet.runs().values()].map((runs) => runs.length)).toEqual([1, 1]);
    });
  });

  test(`${WAITING} waiting ETAs leave a worker's memory flat`, async () => {
    await withFleet(rig(), "etas-many", async (fleet, app) => {
      // Given a worker that has found its size
      const worker = fleet.worker("--pool", "async", "--concurrency", "10");
      await worker.ready;
      const work = async (round: string): Promise<void> => {
        const results = Array.from({ length: 500 }, (_, index) =>
          app.sendTask("faults.append", [`${round}${index}`, 0]),
        );
        for (const result of results) await (await result).get({ timeout: 30 });
      };
      await work("before");
      const before = residentMiB(worker.child.pid);

      // When many tasks wait in the broker, and the worker goes on
      let next = 0;
      const send = async (): Promise<void> => {
        while (next < WAITING) await app.sendTask("faults.append", [`wait${next++}`, 0], { countdown: FAR });
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, send));
      const waiting = await rig().delayed.count("etas-many", FAR);
      await work("after");
      const after = residentMiB(worker.child.pid);

      // Then it is no larger
      console.info(
        `${rig().broker}: a worker beside ${waiting} waiting ETAs: ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB after`,
      );
      expect(waiting).toBe(WAITING);
      expect(after - before).toBeLessThan(GROWTH_MIB);
      expect(await worker.stop(10)).toBe(0);
    });
  });
}

async function withFleet(
  { url, resultBackend }: Rig,
  queue: string,
  body: (fleet: Fleet, app: Lovage) => Promise<void>,
): Promise<void> {
  const options = { brokerUrl: url, resultBackend: resultBackend(url) };
  const env = { LOVAGE_BROKER_LEASE_SECONDS: String(LEASE), LOVAGE_TASK_DEFAULT_QUEUE: queue };
  const fleet = await Fleet.create({ ...options, env });
  const app = new Lovage("faults", { ...options, brokerLeaseSeconds: LEASE, taskDefaultQueue: queue });
  try {
    await body(fleet, app);
  } finally {
    await app.close();
    await fleet.dispose();
  }
}

/** Memory that a process has in RAM. Source: proc(5), `VmRSS` in kB. */
function residentMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no VmRSS`);
  return Number(kib) / 1024;
}
