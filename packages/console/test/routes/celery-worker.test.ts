import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Stage, TRANSPORTS } from "../../../../test/interop/support/stage.js";
import { describeWithServer } from "../../../lovage/test/support/servers.js";
import type { QueueDetail } from "../../src/api/queues.js";
import type { ConsoleParts } from "../../src/server/parts.js";
import type { QueueSampler } from "../../src/server/queues/queue-sampler.js";
import { queuesRoutes } from "../../src/server/routes/queues.js";
import { workersRoutes } from "../../src/server/routes/workers.js";
import { callRoute } from "../support/call-route.js";
import { QueueBench } from "../support/queue-bench.js";
import { until } from "../support/until.js";

const ROUTES = [...queuesRoutes, ...workersRoutes];
const NODE = "celery@py";

describeWithServer("python", "a Celery worker", () => {
  describe.each([TRANSPORTS.redis, TRANSPORTS.amqpWithRpc])("on $name", (transport) => {
    let stage: Stage;
    let bench: QueueBench;
    let sampler: QueueSampler;
    let parts: ConsoleParts;

    beforeAll(async () => {
      stage = await Stage.open(transport);
      await stage.pythonWorker(NODE, "-Q", "py,mixed", "--concurrency", "2");
      bench = await QueueBench.open({ brokerUrl: stage.brokerUrl, resultBackend: null });
      await until(async () => {
        await bench.fleet.refresh();
        return bench.fleet.get(NODE) !== undefined;
      });
      sampler = await bench.sampler();
      parts = bench.parts(sampler);
    });
    afterAll(async () => {
      await bench.close();
      await stage.close();
    });

    const to = async (path: string, body: object = {}) =>
      await callRoute(ROUTES, parts, "post", path, { params: { worker: NODE, queue: "py" }, body });

    test("is seen with its queues, consumers and bindings", async () => {
      await sampler.refresh();
      const queue = (await callRoute(ROUTES, parts, "get", "/queues/{queue}", {
        params: { queue: "py" },
      })) as QueueDetail;
      expect(queue).toMatchObject({ name: "py", state: "running", ready: { value: 0 } });
      expect(queue.consumersList).toMatchObject([{ worker: NODE, ack: true, prefetch: expect.any(Number), active: 0 }]);
      expect(queue.bindings).toContainEqual({
        exchange: "py",
        exchangeType: "direct",
        routingKey: "py",
        arguments: {},
      });
      expect(queue.redeliverRate.value).toBeNull();
      const { items } = (await callRoute(ROUTES, parts, "get", "/queues")) as { items: { name: string }[] };
      expect(items.map(({ name }) => name)).not.toContain(`${NODE}.celery.pidbox`);
    });

    test("does what it is told and refuses the rest, in its own words", async () => {
      expect(await to("/workers/{worker}/ping")).toMatchObject({ outcomes: [{ target: NODE, outcome: "done" }] });
      expect(await to("/workers/{worker}/events", { enabled: true })).toMatchObject({
        // The console has asked it already, when it appeared.
        outcomes: [{ outcome: "done", detail: expect.stringMatching(/^task events (already )?enabled$/) }],
      });
      expect(await to("/workers/{worker}/pool/grow", { n: 1 })).toMatchObject({
        outcomes: [{ outcome: "done", detail: "pool will grow" }],
      });
      expect(await to("/workers/{worker}/pool/autoscale", { min: 1, max: 3 })).toMatchObject({
        outcomes: [{ outcome: "refused", detail: expect.stringContaining("Autoscale not enabled") }],
      });
      expect(await to("/workers/{worker}/pool/restart")).toMatchObject({
        outcomes: [{ outcome: "refused", detail: expect.stringContaining("Pool restarts not enabled") }],
      });
      expect(await to("/workers/{worker}/rate-limit", { task: "py.nope", rateLimit: "1/m" })).toMatchObject({
        outcomes: [{ outcome: "refused", detail: "unknown task" }],
      });
      expect(await to("/workers/{worker}/shutdown", { cold: true })).toMatchObject({
        outcomes: [{ outcome: "refused", detail: expect.stringContaining("warm only") }],
      });
    });

    test("stops taking from a queue that is paused and goes on when it is resumed", async () => {
      expect(await to("/queues/{queue}/pause")).toMatchObject({
        outcomes: [{ target: NODE, outcome: "done", detail: "no longer consuming from py" }],
      });
      await bench.fill("py", 2);
      // On Redis, a question that kombu asked before takes one more, and gives it back.
      await until(async () => {
        await sampler.refresh();
        return (await sampler.get("py"))?.ready.value === 2;
      });
      expect(await sampler.get("py")).toMatchObject({ state: "paused", ready: { value: 2 } });
      await callRoute(ROUTES, parts, "post", "/queues/{queue}/purge", {
        params: { queue: "py" },
        body: { confirm: "2" },
      });
      expect(await to("/queues/{queue}/resume")).toMatchObject({
        outcomes: [{ outcome: "done", detail: "add consumer py" }],
      });
      await bench.fleet.refresh();
      expect(bench.fleet.get(NODE)?.queues).toContain("py");
    });
  });
});
