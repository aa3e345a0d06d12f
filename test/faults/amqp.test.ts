import { afterAll, beforeAll, describe } from "vitest";
import { testEtas } from "./suites/etas.js";
import { testServerFaults } from "./suites/server-faults.js";
import { testUnreachable } from "./suites/unreachable.js";
import { testWorkerKills } from "./suites/worker-kills.js";
import { Matrix } from "./support/matrix.js";
import type { ServerRig } from "./support/rig.js";
import { amqpRig } from "./support/rigs/amqp.js";

describe("faults on RabbitMQ", () => {
  const matrix = new Matrix("amqp");
  let rig: ServerRig | undefined;
  const running = (): ServerRig => {
    if (!rig) throw new Error("the server did not start");
    return rig;
  };
  beforeAll(async () => {
    rig = await amqpRig();
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
