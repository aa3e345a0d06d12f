import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConfigurationError } from "../../src/errors.js";
import { Worker } from "../../src/worker/index.js";

const TASKS = fileURLToPath(new URL("../support/worker-tasks.ts", import.meta.url));

type Tasks = typeof import("../support/worker-tasks.js");

let folder: string;
let tasks: Tasks;
let worker: Worker;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lovage-autoscale-"));
  process.env.LOVAGE_BROKER_URL = "memory://";
  process.env.LOVAGE_RESULT_BACKEND = "memory://";
  tasks = await import("../support/worker-tasks.js");
  worker = new Worker({ app: tasks.app, appPath: TASKS, pool: "async", autoscale: { min: 1, max: 3 } });
  await worker.start();
});
afterAll(async () => {
  await worker.stop();
  await tasks.app.close();
  delete process.env.LOVAGE_BROKER_URL;
  delete process.env.LOVAGE_RESULT_BACKEND;
  rmSync(folder, { recursive: true, force: true });
});

test("a pool that autoscales grows with the tasks in hand up to its maximum, and shrinks to a smaller range", async () => {
  const { pool, autoscaler, consumer, ledger } = worker.parts;
  expect(pool.size).toBe(1);
  const gate = join(folder, "gate");

  // More than the maximum, so that the maximum shows.
  const sent = await Promise.all(Array.from({ length: 5 }, () => tasks.waitsFor.delay(gate)));
  while (ledger.active().length < 3) {
    await autoscaler?.look();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(pool.size).toBe(3);
  expect(consumer.prefetch).toBe(12);

  writeFileSync(gate, "");
  for (const result of sent) expect(await result.get({ timeout: 20 })).toBe("seen");
  await autoscaler?.setRange({ min: 1, max: 1 });
  expect(pool.size).toBe(1);
  await expect(autoscaler?.setRange({ min: 0 })).rejects.toBeInstanceOf(ConfigurationError);
});
