import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeadLetterPage, QueueDetail, QueueList, QueueMessages } from "../../src/api/queues.js";
import type { ConsoleParts } from "../../src/server/parts.js";
import type { QueueSampler } from "../../src/server/queues/queue-sampler.js";
import { StreamReply } from "../../src/server/route.js";
import { deadLettersRoutes } from "../../src/server/routes/dead-letters.js";
import { queuesRoutes } from "../../src/server/routes/queues.js";
import { workersRoutes } from "../../src/server/routes/workers.js";
import { type BrokerPlace, describeBrokers } from "../support/brokers.js";
import { ADMIN, type Call, callRoute } from "../support/call-route.js";
import { QueueBench } from "../support/queue-bench.js";
import { until } from "../support/until.js";

const ROUTES = [...queuesRoutes, ...deadLettersRoutes, ...workersRoutes];

describeBrokers("queues", (kind) => {
  let place: BrokerPlace;
  let bench: QueueBench;
  let sampler: QueueSampler;
  let parts: ConsoleParts;
  // What RabbitMQ tells of queues is little, and looking disturbs them.
  const tellsAll = kind.name !== "amqp";

  beforeAll(async () => {
    place = await kind.open();
    bench = await QueueBench.open(place.settings);
    sampler = await bench.sampler();
    parts = bench.parts(sampler);
  });
  afterAll(async () => {
    await bench.close();
    await place.remove();
  });

  const get = async <T>(path: string, call: Call = {}): Promise<T> =>
    (await callRoute(ROUTES, parts, "get", path, call)) as T;
  const post = async (path: string, call: Call) => await callRoute(ROUTES, parts, "post", path, call);
  const ready = async (queue: string) => (await (await bench.broker()).queues.counts(queue))?.ready;
  const peek = async (queue: string, query = {}) =>
    await get<QueueMessages>("/queues/{queue}/messages", { params: { queue }, query });

  test("a backlog of 56 is listed with what the broker can tell, and a reason for what it cannot", async () => {
    await bench.declare("backlog");
    await bench.fill("backlog", 56);
    await bench.fill("backlog", 1, { eta: new Date(Date.now() + 3600_000) });
    await sampler.refresh();
    const { items } = await get<QueueList>("/queues", { query: { q: "BACK", backlog: "true" } });
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({
      name: "backlog",
      state: "no-consumer",
      internal: false,
      ready: { value: 56 },
      consumers: { value: 0 },
      dead: 0,
    });
    if (tellsAll)
      expect(items[0]).toMatchObject({
        unacked: { value: 0 },
        scheduled: { value: 1 },
        total: { value: 57 },
        oldestAge: { value: expect.any(Number) },
      });
    else
      expect(items[0]).toMatchObject({
        unacked: { value: null, reason: expect.any(String) },
        total: { value: null, reason: expect.any(String) },
      });
    expect(items[0]?.sparkline.at(-1)).toBe(56);
    expect(
      bench.live.said.some(({ event, data }) => event === "queue" && JSON.stringify(data).includes("backlog")),
    ).toBe(true);
  });

  test("a queue that no worker listens to tells what is bound to it, and by whom that is known", async () => {
    await bench.declare("lonely");
    const broker = await bench.broker();
    await broker.bind("lonely", { name: "news", type: "topic" }, "sport.#");
    const queue = await get<QueueDetail>("/queues/{queue}", { params: { queue: "lonely" } });
    expect(queue.consumersList).toEqual([]);
    expect(queue.bindings).toContainEqual({
      exchange: "news",
      exchangeType: "topic",
      routingKey: "sport.#",
      arguments: {},
    });
    expect(queue.settings.map(({ name }) => name)).toContain("max_priority");
    expect(queue).toMatchObject({ definedBy: tellsAll ? "broker" : "app", notTold: null });
    await broker.unbind("lonely", "news", "sport.#");
    const { bindings } = await get<QueueDetail>("/queues/{queue}", { params: { queue: "lonely" } });
    expect(bindings.map(({ exchange }) => exchange)).not.toContain("news");
  });

  test("looking twice, at head and tail, leaves order and count", async () => {
    await bench.declare("looked-at");
    await bench.fill("looked-at", 7);
    const head = await peek("looked-at", { limit: 3 });
    expect(head.items.map(({ id, position, args }) => [id, position, args])).toEqual([
      ["t0", 1, "[0]"],
      ["t1", 2, "[1]"],
      ["t2", 3, "[2]"],
    ]);
    expect(head.peek).toBe(tellsAll ? "clean" : "disturbs");
    const tail = await peek("looked-at", { from: "tail", limit: 2 });
    expect(tail.items.map(({ id, position }) => [id, position])).toEqual([
      ["t5", 6],
      ["t6", 7],
    ]);
    expect((await peek("looked-at", { limit: 3 })).items.map(({ id }) => id)).toEqual(["t0", "t1", "t2"]);
    expect(await ready("looked-at")).toBe(7);
    const hidden = await get<QueueMessages>("/queues/{queue}/messages", {
      params: { queue: "looked-at" },
      user: { ...ADMIN, seesPayloads: false },
    });
    expect(hidden.items[0]).toMatchObject({ id: "t0", args: null, body: null });
  });

  test("one message is removed; a second time it is gone", async () => {
    await bench.declare("picked");
    await bench.fill("picked", 3);
    const { items } = await peek("picked");
    const params = { queue: "picked", id: items[1]?.key };
    expect(await callRoute(ROUTES, parts, "delete", "/queues/{queue}/messages/{id}", { params })).toEqual({ count: 1 });
    expect((await peek("picked")).items.map(({ id }) => id)).toEqual(["t0", "t2"]);
    await expect(callRoute(ROUTES, parts, "delete", "/queues/{queue}/messages/{id}", { params })).rejects.toMatchObject(
      { status: 404 },
    );
  });

  test("the first n, those named, and all are moved; to a queue that is not there nothing is", async () => {
    await bench.declare("here", "there");
    await bench.fill("here", 60);
    const move = async (body: object) =>
      await post("/queues/{queue}/move", { params: { queue: "here" }, body: { to: "there", ...body } });
    expect(await move({ n: 2 })).toEqual({ count: 2 });
    const keys = (await peek("here", { limit: 2 })).items.map(({ key }) => key);
    expect(await move({ keys })).toEqual({ count: 2 });
    expect((await peek("there")).items.map(({ id }) => id).sort()).toEqual(["t0", "t1", "t2", "t3"]);
    expect(await move({ all: true })).toEqual({ count: 56 });
    expect([await ready("here"), await ready("there")]).toEqual([0, 60]);
    await expect(move({ to: "nowhere", all: true })).rejects.toMatchObject({ status: 404, code: "no_such_queue" });
    await expect(move({ to: "here", all: true })).rejects.toMatchObject({ status: 400 });
    await expect(move({})).rejects.toMatchObject({ status: 400 });
  });

  test("a purge wants the name or the number, and says how many went", async () => {
    await bench.declare("full");
    await bench.fill("full", 4);
    const purge = async (confirm: string) =>
      await post("/queues/{queue}/purge", { params: { queue: "full" }, body: { confirm } });
    await expect(purge("yes")).rejects.toMatchObject({ status: 400, code: "not_confirmed" });
    expect(await ready("full")).toBe(4);
    expect(await purge("full")).toEqual({ count: 4 });
    expect(await ready("full")).toBe(0);
  });

  test("a queue of any name is made, bound, unbound and deleted", async () => {
    const queue = "q.é 1/50%";
    const made = await post("/queues", { body: { name: queue, maxPriority: 5 } });
    expect(made).toMatchObject({ name: queue, ready: { value: 0 } });
    const binding = { exchange: "made-here", exchangeType: "topic", routingKey: "a.#" };
    await post("/queues/{queue}/bindings", { params: { queue }, body: binding });
    const broker = await bench.broker();
    const message = {
      headers: {},
      properties: {},
      body: Buffer.from("1"),
      contentType: "text/plain",
      contentEncoding: "utf-8",
    };
    await broker.publish(message, { exchange: "made-here", routingKey: "a.b" });
    expect(await ready(queue)).toBe(1);
    await callRoute(ROUTES, parts, "delete", "/queues/{queue}/bindings", {
      params: { queue },
      query: { exchange: "made-here", routingKey: "a.#" },
    });
    await broker.publish(message, { exchange: "made-here", routingKey: "a.b", mandatory: false });
    expect(await ready(queue)).toBe(1);
    const remove = async (confirm: string) =>
      await callRoute(ROUTES, parts, "delete", "/queues/{queue}", { params: { queue }, query: { confirm } });
    await expect(remove("q")).rejects.toMatchObject({ code: "not_confirmed" });
    expect(await remove(queue)).toEqual({ count: 1 });
    await expect(get("/queues/{queue}", { params: { queue } })).rejects.toMatchObject({ status: 404 });
    await expect(post("/queues/{queue}/purge", { params: { queue }, body: { confirm: queue } })).rejects.toMatchObject({
      status: 404,
    });
  });

  test("a paused queue stays full after a new worker starts, and is emptied when it is resumed", async () => {
    await bench.declare("paused");
    await bench.worker("first@a", ["paused"]);
    const paused = await post("/queues/{queue}/pause", { params: { queue: "paused" } });
    expect(paused).toEqual({
      outcomes: [{ target: "first@a", outcome: "done", detail: "no longer consuming from paused" }],
    });
    await bench.worker("second@a", ["paused"]);
    await until(async () => {
      await bench.fleet.refresh();
      return bench.fleet.list().every(({ queues }) => !queues.includes("paused"));
    });
    await bench.fill("paused", 3);
    await sampler.refresh();
    const detail = await get<QueueDetail>("/queues/{queue}", { params: { queue: "paused" } });
    expect(detail).toMatchObject({ state: "paused", ready: { value: 3 }, consumersList: [] });
    const add = { params: { worker: "first@a" }, body: { queue: "paused" } };
    await expect(post("/workers/{worker}/consumers", add)).rejects.toMatchObject({ code: "queue_paused" });

    const resumed = await post("/queues/{queue}/resume", { params: { queue: "paused" } });
    expect(resumed).toMatchObject({
      outcomes: [
        { target: "first@a", outcome: "done" },
        { target: "second@a", outcome: "done" },
      ],
    });
    await expect(post("/queues/{queue}/resume", { params: { queue: "paused" } })).rejects.toMatchObject({
      code: "not_paused",
    });
    await until(async () => (await ready("paused")) === 0);
    await bench.fleet.refresh();
    const after = await get<QueueDetail>("/queues/{queue}", { params: { queue: "paused" } });
    expect(after.consumersList.map(({ worker, ack }) => [worker, ack]).sort()).toEqual([
      ["first@a", true],
      ["second@a", true],
    ]);
    expect(after.bindings).toMatchObject([{ exchange: expect.any(String), exchangeType: "direct" }]);
    expect(after.settings).toContainEqual({ name: "durable", value: true });
  });

  test("what died is listed with its reason, counted, downloaded, replayed and deleted", async () => {
    await bench.declare("deadly");
    const broker = await bench.broker();
    const broken = {
      headers: { id: "x1", task: "t.add" },
      properties: {},
      body: Buffer.from("{broken"),
      contentType: "application/json",
      contentEncoding: "utf-8",
    };
    for (const n of [1, 2])
      await broker.publish(
        { ...broken, headers: { id: `x${n}`, task: "t.add" } },
        { exchange: "", routingKey: "deadly" },
      );
    const worker = await bench.worker("undertaker@a", ["deadly"]);
    await until(
      async () =>
        ((await broker.queues.counts("lovage.dead-letters"))?.ready ?? 0) >= 2 && (await ready("deadly")) === 0,
    );
    await worker.stop();
    await sampler.refresh();
    expect(sampler.deadLetters.counts).toContainEqual({ queue: "deadly", reason: "not_decodable", count: 2 });
    expect((await sampler.get("deadly"))?.dead).toBe(2);

    const page = await get<DeadLetterPage>("/dead-letters", { query: { queue: "deadly", limit: "1" } });
    expect(page.items[0]).toMatchObject({
      queue: "deadly",
      reason: "not_decodable",
      task: "t.add",
      worker: "undertaker@a",
      replayed: 0,
    });
    expect(page.items[0]?.message).toMatchObject({ body: null, bodyText: "{broken" });
    expect(page.total).toEqual({ count: 2, exact: true });
    expect(page.facets).toMatchObject({
      queues: expect.arrayContaining(["deadly"]),
      reasons: expect.arrayContaining(["not_decodable"]),
    });
    const next = await get<DeadLetterPage>("/dead-letters", {
      query: { queue: "deadly", limit: "1", cursor: page.nextCursor },
    });
    expect(next.nextCursor).toBeNull();
    expect(new Set([page.items[0]?.id, next.items[0]?.id])).toEqual(new Set(["x1", "x2"]));
    await expect(get("/dead-letters", { query: { sort: "colour" } })).rejects.toMatchObject({ status: 400 });

    const download = await get("/dead-letters/download", { query: { queue: "deadly" } });
    expect(download).toBeInstanceOf(StreamReply);
    const lines = [];
    if (download instanceof StreamReply) for await (const line of download.chunks) lines.push(JSON.parse(line));
    expect(lines.map(({ id }) => id).sort()).toEqual(["x1", "x2"]);

    const replayed = await post("/dead-letters/replay", { body: { keys: [page.items[0]?.key, "r:none"] } });
    expect(replayed).toMatchObject({
      count: 1,
      outcomes: [{ target: page.items[0]?.id, outcome: "done", detail: "sent to deadly" }, { outcome: "skipped" }],
    });
    expect(await ready("deadly")).toBe(1);
    const elsewhere = { filter: { queue: "deadly" }, to: "not-there" };
    expect(await post("/dead-letters/replay", { body: elsewhere })).toMatchObject({
      count: 0,
      outcomes: [{ outcome: "refused" }],
    });

    // Replayed without a fix it dies again, and is counted.
    await bench.worker("second-undertaker@a", ["deadly"]);
    await until(async () => (await broker.queues.counts("lovage.dead-letters"))?.ready === 2);
    parts.queues.deadLetters.forget();
    const again = await get<DeadLetterPage>("/dead-letters", { query: { queue: "deadly", sort: "-replayed" } });
    expect(again.items.map(({ replayed: times }) => times)).toEqual([1, 0]);
    const [died] = page.items;
    expect(again.items.map(({ earlier }) => earlier)).toEqual([
      [{ reason: died?.reason, queue: "deadly", worker: "undertaker@a", died: died?.died, error: died?.error }],
      [],
    ]);
    expect(await post("/dead-letters/delete", { body: { filter: { queue: "deadly" } } })).toMatchObject({ count: 2 });
    expect((await broker.queues.counts("lovage.dead-letters"))?.ready).toBe(0);
  });

  describe("workers", () => {
    test("are told one by one and together, and answer in their own words", async () => {
      await bench.worker("told@a", ["work"]);
      const to = (path: string, body: object = {}) => post(path, { params: { worker: "told@a" }, body });
      expect(await to("/workers/{worker}/ping")).toEqual({
        outcomes: [{ target: "told@a", outcome: "done", detail: "pong" }],
      });
      expect(await to("/workers/{worker}/events", { enabled: true })).toMatchObject({
        outcomes: [{ outcome: "done", detail: expect.stringContaining("task events") }],
      });
      expect(await to("/workers/{worker}/pool/grow", { n: 2 })).toMatchObject({
        outcomes: [{ outcome: "refused", detail: expect.stringContaining("cannot change its size") }],
      });
      expect(await to("/workers/{worker}/rate-limit", { task: "t.nope", rateLimit: "1/m" })).toMatchObject({
        outcomes: [{ outcome: "refused", detail: "unknown task" }],
      });
      expect(await to("/workers/{worker}/time-limit", { task: "t.add", soft: 1, hard: null })).toMatchObject({
        outcomes: [{ outcome: "done" }],
      });
      expect(await to("/workers/{worker}/consumers", { queue: "extra" })).toMatchObject({
        outcomes: [{ outcome: "done", detail: "add consumer extra" }],
      });
      const cancelled = callRoute(ROUTES, parts, "delete", "/workers/{worker}/consumers/{queue}", {
        params: { worker: "told@a", queue: "extra" },
      });
      expect(await cancelled).toMatchObject({
        outcomes: [{ outcome: "done", detail: "no longer consuming from extra" }],
      });
      const bulk = await post("/workers/bulk/ping", { body: { workers: ["told@a", "nobody@a"] } });
      expect(bulk).toMatchObject({
        outcomes: [
          { target: "told@a", outcome: "done" },
          { target: "nobody@a", outcome: "refused" },
        ],
      });
      await expect(post("/workers/{worker}/ping", { params: { worker: "nobody@a" } })).rejects.toMatchObject({
        status: 404,
      });
    });

    test("are listed with totals over those that are online", async () => {
      await bench.fleet.refresh();
      const list = await get<{ items: { name: string }[]; totals: { online: number } }>("/workers", {
        query: { q: "told", status: "online" },
      });
      expect(list.items.map(({ name }) => name)).toEqual(["told@a"]);
      expect(list.totals.online).toBe(1);
    });

    test("shut down when told to, which they do not answer", async () => {
      const worker = await bench.worker("leaves@a", ["work"]);
      const answer = await post("/workers/{worker}/shutdown", { params: { worker: "leaves@a" }, body: {} });
      expect(answer).toMatchObject({
        outcomes: [{ outcome: "done", detail: expect.stringContaining("was told to finish") }],
      });
      await worker.stop();
      await until(async () => {
        await bench.fleet.refresh();
        return bench.fleet.get("leaves@a")?.status === "offline";
      });
      await expect(post("/workers/{worker}/ping", { params: { worker: "leaves@a" } })).rejects.toMatchObject({
        code: "worker_offline",
      });
      expect(
        await callRoute(ROUTES, parts, "delete", "/workers/{worker}", { params: { worker: "leaves@a" } }),
      ).toMatchObject({ outcomes: [{ outcome: "done" }] });
    });
  });
});
