import { randomBytes } from "node:crypto";
import { BrokerConnectionError, Lovage } from "lovage";
import { DEAD_LETTER_QUEUE } from "lovage/internal";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { describeWithServer } from "../../../lovage/test/support/servers.js";
import { StallProxy } from "../../../lovage/test/support/stall-proxy.js";
import type { User } from "../../src/server/route.js";
import { numbered, QueueBench } from "../support/queue-bench.js";
import { until } from "../support/until.js";

const ANN: User = { name: "ann", role: "admin", seesPayloads: true, via: "page", address: "" };

describe("the queue sampler", () => {
  let bench: QueueBench;
  let nowMs = Date.now();
  const now = (): Date => new Date(nowMs);

  beforeEach(async () => {
    nowMs = Date.now();
    bench = await QueueBench.open({ brokerUrl: "memory://", resultBackend: "memory://" });
    await bench.declare("work");
  });
  afterEach(async () => await bench.close());

  test("looks once for all who ask at the same time", async () => {
    const sampler = await bench.sampler();
    await sampler.refresh();
    const { queues } = await bench.broker();
    let looks = 0;
    const list = queues.list.bind(queues);
    queues.list = async () => {
      looks += 1;
      return await list();
    };
    await Promise.all([sampler.refresh(), sampler.refresh(), sampler.refresh()]);
    expect(looks).toBe(1);
  });

  test("leaves the figures of a broker that does not answer, each with the reason and the time it is of", async () => {
    await bench.fill("work", 5);
    const sampler = await bench.sampler({ now });
    await sampler.refresh();
    const before = await sampler.get("work");
    expect(before?.ready).toEqual({ value: 5 });
    const { queues } = await bench.broker();
    queues.list = async () => {
      throw new Error("connection refused to amqp://u:hidden@h/");
    };
    nowMs += 12_000;
    await sampler.refresh();
    expect(sampler.state).toMatchObject({ reachable: false, error: expect.stringContaining("connection refused") });
    const after = await sampler.get("work");
    expect(after?.ready).toEqual({ value: 5, reason: expect.stringContaining("connection refused") });
    expect(JSON.stringify(after)).not.toContain("hidden");
    expect(after?.sampledAt).toBe(before?.sampledAt);
  });

  test("greys the one queue that cannot be counted", async () => {
    await bench.declare("other");
    const sampler = await bench.sampler();
    await sampler.refresh();
    const { queues } = await bench.broker();
    const counts = queues.counts.bind(queues);
    const { BrokerError } = await import("lovage");
    queues.counts = async (name) => {
      if (name === "other") throw new BrokerError("access to queue 'other' refused");
      return await counts(name);
    };
    await sampler.refresh();
    expect((await sampler.get("other"))?.ready.reason).toContain("access to queue 'other' refused");
    expect((await sampler.get("work"))?.ready.reason).toBeUndefined();
    expect(sampler.state.reachable).toBe(true);
  });

  test("tells rates of what a worker does", async () => {
    const sampler = await bench.sampler({ now });
    await bench.worker("w@a", ["work"]);
    await sampler.refresh();
    const sent = await Promise.all(Array.from({ length: 30 }, (_, n) => bench.app.sendTask("t.add", [n, 1])));
    await Promise.all(sent.map((result) => result.get()));
    await until(() => sampler.traffic.total("work").done === 30);
    nowMs += 30_000;
    await sampler.refresh();
    const queue = await sampler.get("work");
    expect(queue).toMatchObject({
      state: "running",
      consumers: { value: 1 },
      deliverRate: { value: 1 },
      ackRate: { value: 1 },
      redeliverRate: { value: 0 },
    });
    expect(queue?.inRate.value).toBeCloseTo(1, 1);
    expect(sampler.totals("work")).toEqual({ published: 30, delivered: 30, acked: 30, redelivered: 0 });
  });

  test("goes on with sparklines and paused queues where the console before it ended", async () => {
    await bench.fill("work", 4);
    const first = await bench.sampler({ now });
    await first.refresh();
    await first.pause("work", ANN);
    await first.stop();
    await bench.watch.series.flush();
    nowMs += 60_000;
    const second = await bench.sampler({ now });
    await second.refresh();
    const queue = await second.get("work");
    expect(queue?.state).toBe("paused");
    expect(queue?.sparkline.filter((point) => point !== null)).toEqual([4, 4]);
    await bench.worker("later@a", ["work"]);
    await until(async () => {
      await bench.fleet.refresh();
      return bench.fleet.get("later@a")?.queues.length === 0;
    });
  });

  test("reads once what a dead letter without a header calls itself", async () => {
    const { deadLetters } = await bench.sampler();
    await (await bench.broker()).declare(DEAD_LETTER_QUEUE);
    const body = Buffer.from('{"task": "old.add", "id": "t1", "args": [], "kwargs": {}}');
    const place = { exchange: "", routingKey: DEAD_LETTER_QUEUE.name };
    await (await bench.broker()).publish({ ...numbered(1), headers: {}, properties: {}, body }, place);
    const [letter] = (await deadLetters.scan()).letters;
    expect(letter?.names).toEqual({ id: "t1", task: "old.add" });
    deadLetters.forget();
    await bench.fill(DEAD_LETTER_QUEUE.name, 1);
    const again = (await deadLetters.scan()).letters;
    expect(again).toHaveLength(2);
    expect(again.find(({ key }) => key === letter?.key)?.names).toBe(letter?.names);
  });

  test("shares its pauses with other consoles of the store: each shows and resumes what another paused", async () => {
    await bench.worker("w@a", ["work"]);
    const [first, second] = [await bench.sampler(), await bench.sampler()];
    await Promise.all([first.refresh(), second.refresh()]);
    expect(await first.pause("work", ANN)).toMatchObject([{ target: "w@a", outcome: "done" }]);
    await second.refresh();
    expect((await second.get("work"))?.state).toBe("paused");
    expect(await second.resume("work", ANN)).toMatchObject([{ target: "w@a", outcome: "done" }]);
    await expect(first.resume("work", ANN)).rejects.toMatchObject({ status: 409, code: "not_paused" });
    expect(first.paused()).toEqual([]);
  });

  test("has no worker stop for a pause that another console has ended", async () => {
    await bench.watch.leads();
    await bench.worker("w@a", ["work"]);
    const [first, second] = [await bench.sampler(), await bench.sampler()];
    await Promise.all([first.refresh(), second.refresh()]);
    await first.pause("work", ANN);
    await second.refresh();
    await first.resume("work", ANN);
    // What the second one knows is out of date; it sees the worker consume again.
    expect(second.paused()).toEqual(["work"]);
    await bench.fleet.refresh();
    await second.stop();
    await bench.fleet.refresh();
    expect(bench.fleet.get("w@a")?.queues).toEqual(["work"]);
    expect(await bench.watch.database.all({ sql: "SELECT queue FROM console_paused_queues" })).toEqual([]);
  });

  test("keeps a queue paused whose workers cannot be told to go on, so that it can be resumed later", async () => {
    await bench.worker("w@a", ["work"]);
    const sampler = await bench.sampler();
    await sampler.pause("work", ANN);
    const { broadcast } = await bench.broker();
    const publish = broadcast.publish.bind(broadcast);
    broadcast.publish = async (kind, ...rest) => {
      if (kind === "control") throw new BrokerConnectionError("connection refused");
      await publish(kind, ...rest);
    };
    await expect(sampler.resume("work", ANN)).rejects.toThrow("connection refused");
    expect(sampler.paused()).toEqual(["work"]);
    broadcast.publish = publish;
    expect(await sampler.resume("work", ANN)).toMatchObject([{ target: "w@a", outcome: "done" }]);
    expect(sampler.paused()).toEqual([]);
  });

  test("shows a queue that was deleted no longer, and names of events that are no queues never", async () => {
    await bench.declare("gone");
    const sampler = await bench.sampler();
    await sampler.refresh();
    sampler.traffic.note(
      {
        type: "task-received",
        hostname: "x",
        timestamp: 0,
        fields: { queue: "<img onerror>" },
        before: undefined,
        after: undefined,
      },
      Date.now(),
      () => [],
    );
    await (await bench.broker()).queues.delete("gone");
    await sampler.refresh();
    const names = (await sampler.list({ internal: true })).map(({ name }) => name);
    expect(names).not.toContain("gone");
    expect(names).not.toContain("<img onerror>");
    expect(await sampler.get("gone")).toBeUndefined();
  });
});

describeWithServer("redis", "the queue sampler on a Redis that is cut off", (url) => {
  test("says so within its deadline, and counts again when it is back", async () => {
    const proxy = await StallProxy.to(url);
    const prefix = `t${randomBytes(6).toString("hex")}:`;
    const bench = await QueueBench.open({ brokerUrl: `${url}?global_keyprefix=${prefix}`, resultBackend: null });
    onTestFinished(() => bench.close());
    await bench.declare("work");
    await bench.fill("work", 3);
    const app = new Lovage("seen through a proxy", {
      brokerUrl: `redis://127.0.0.1:${proxy.port}?global_keyprefix=${prefix}`,
      resultBackend: null,
    });
    onTestFinished(() => app.close());
    const sampler = await bench.sampler({ app });
    await sampler.refresh();
    expect((await sampler.get("work"))?.ready).toEqual({ value: 3 });
    proxy.swallow();
    const began = performance.now();
    await until(async () => {
      await sampler.refresh();
      return !sampler.state.reachable;
    });
    expect(performance.now() - began).toBeLessThan(20_000);
    expect((await sampler.get("work"))?.ready).toEqual({ value: 3, reason: expect.any(String) });
    await until(async () => {
      await sampler.refresh();
      return sampler.state.reachable;
    });
    expect((await sampler.get("work"))?.ready).toEqual({ value: 3 });
  });
});
