import { writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LovageClient } from "../support/lovage-client.js";
import { linesOf, untilLines } from "../support/pair.js";
import { Stage, type Transport } from "../support/stage.js";

/** kombu's time after which a message that nobody has acknowledged is given to another, on Redis; for all processes the same. */
const VISIBILITY_TIMEOUT = 2;
/** Ours is renewed within kombu's time. */
const LEASE = 1;

/** What happens to the messages of a worker that is killed, or that takes its time. */
export function describeLosses(transport: Transport): void {
  describe("a message in the hands of a worker", () => {
    let stage: Stage;
    let client: LovageClient;
    beforeAll(async () => {
      const onRedis = transport.broker === "redis";
      stage = await Stage.open(
        transport,
        onRedis ? { transportOptions: { visibility_timeout: VISIBILITY_TIMEOUT }, leaseSeconds: LEASE } : {},
      );
      client = new LovageClient(stage.app());
    });
    afterAll(async () => await stage.close());
    // One that a failed case left would take the next one's messages.
    afterEach(async () => await stage.stopWorkers());

    const pythonWorker = (name: string) =>
      stage.pythonWorker(name, "-Q", "mixed", "--pool", "solo", "--without-mingle", "--without-gossip");
    const lovageWorker = (name: string) =>
      stage.lovageWorker(name, "-Q", "mixed", "-c", "1", "--prefetch-multiplier", "1");

    test("that is Python's comes back to ours when the Python worker is killed", async () => {
      const path = stage.path();
      const killed = await pythonWorker("killed-python@interop");
      const id = await client.send({ name: "mixed.hold", args: [path] });
      await untilLines(`${path}.began`, 1);
      await lovageWorker("heir-lovage@interop");
      await killed.stop("SIGKILL");
      expect(await client.get(id, 40)).toEqual({ state: "SUCCESS", value: { language: "lovage", redelivered: true } });
      expect(linesOf(`${path}.began`)).toEqual(["python", "lovage"]);
    });

    test("that is ours comes to a Python worker when ours is killed", async () => {
      const path = stage.path();
      const killed = await lovageWorker("killed-lovage@interop");
      const id = await client.send({ name: "mixed.hold", args: [path] });
      await untilLines(`${path}.began`, 1);
      await killed.stop("SIGKILL");
      // A Python worker looks for what is overdue when it starts, and then every 100 s only.
      if (transport.broker === "redis") await wait(VISIBILITY_TIMEOUT * 1000 + 100);
      await pythonWorker("heir-python@interop");
      expect(await client.get(id, 40)).toEqual({ state: "SUCCESS", value: { language: "python", redelivered: true } });
      expect(linesOf(`${path}.began`)).toEqual(["lovage", "python"]);
    });

    test("that is ours stays ours for as long as its task takes", async () => {
      const path = stage.path();
      await lovageWorker("slow-lovage@interop");
      const id = await client.send({ name: "mixed.hold", args: [path] });
      await untilLines(`${path}.began`, 1);
      // Given that a Python worker looks for what is overdue after kombu's time
      if (transport.broker === "redis") await wait(VISIBILITY_TIMEOUT * 1000 + 500);
      await pythonWorker("eager-python@interop");
      // When it has run what was sent after it
      const [other] = await client.getMany(await client.sendMany([{ name: "mixed.record", args: [1, stage.path()] }]));
      expect(other).toEqual({ state: "SUCCESS", value: 1 });
      writeFileSync(path, "");
      expect(await client.get(id)).toEqual({ state: "SUCCESS", value: { language: "lovage", redelivered: false } });
      expect(linesOf(`${path}.began`)).toEqual(["lovage"]);
    });
  });
}
