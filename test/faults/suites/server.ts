import { afterAll, beforeAll, describe } from "vitest";
import { Matrix } from "../support/matrix.js";
import type { ServerRig } from "../support/rig.js";
import { testEtas } from "./etas.js";
import { testServerFaults } from "./server-faults.js";
import { testUnreachable } from "./unreachable.js";
import { testWorkerKills } from "./worker-kills.js";

/** All that is tried on a broker that is a server. `broker` names its rows in the matrix. */
export function describeFaults(
  name: string,
  broker: ConstructorParameters<typeof Matrix>[0],
  open: () => Promise<ServerRig>,
): void {
  describe(`faults on ${name}`, () => {
    const matrix = new Matrix(broker);
    let rig: ServerRig | undefined;
    const running = (): ServerRig => {
      if (!rig) throw new Error("the server did not start");
      return rig;
    };
    beforeAll(async () => {
      rig = await open();
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
}
