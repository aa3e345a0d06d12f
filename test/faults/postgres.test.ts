import { afterAll, beforeAll, describe } from "vitest";
import { testEtas } from "./suites/etas.js";
import { testServerFaults } from "./suites/server-faults.js";
import { testUnreachable } from "./suites/unreachable.js";
import { testWorkerKills } from "./suites/worker-kills.js";
import { Matrix } from "./support/matrix.js";
import type { ServerRig } from "./support/rig.js";
import { postgresRig } from "./support/rigs/postgres.js";

describe("faults on PostgreSQL", () => {
  const matrix = new Matrix("postgres");
  let rig: ServerRig | undefined;
  const running = (): ServerRig => {
    if (!rig) throw new Error("the server did not start");
    return rig;
  };
  beforeAll(async () => {
    rig = await postgresRig();
  });
  afterAll(async () => {
    if (rig) matrix.finish(rig.description);
    await rig?.dispose();
  });

  testServerFaults(running, matrix);
  testUnreachable(running);
  testWorkerKills(running, matrix);
  testEtas(running);
});
