import type pg from "pg";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { Lovage, type LovageOptions } from "../../src/index.js";
import { Worker } from "../../src/worker/index.js";
import { type PostgresSchema, postgresSchema } from "../support/postgres-schema.js";
import { describeWithServer } from "../support/servers.js";

describeWithServer("postgres", "tasks sent inside a transaction, where the broker is that database", (server) => {
  let schema: PostgresSchema;
  let client: pg.Client;

  beforeEach(async () => {
    schema = await postgresSchema(server);
    client = await schema.client();
  });
  afterEach(async () => {
    await schema.remove();
  });

  function givenApp(more: LovageOptions = {}) {
    const app = new Lovage("shop", { brokerUrl: schema.url, resultBackend: schema.url, ...more });
    onTestFinished(() => app.close());
    return { app, add: app.task("shop.add", (x: number, y: number) => x + y) };
  }
  async function ids(app: Lovage, queue = "celery"): Promise<unknown[]> {
    const broker = await app.direct.broker();
    return (await broker.queues.peek(queue, { limit: 1000 })).map(({ message }) => message.headers.id);
  }

  test("are in their queue with the commit, and not before", async () => {
    const { app, add } = givenApp();
    await client.query("BEGIN");
    const sent = await app.in(client).delay(add, 2, 2);
    const other = await app.in(client).delay(add, 3, 3);
    expect(await ids(app)).toEqual([]);
    await client.query("COMMIT");
    expect(await ids(app)).toEqual([sent.id, other.id]);
    expect(await schema.query(`SELECT id FROM ${schema.name}.outbox`)).toEqual([]);
  });

  test("are nowhere after a rollback", async () => {
    const { app, add } = givenApp();
    await client.query("BEGIN");
    await app.in(client).delay(add, 2, 2);
    await client.query("ROLLBACK");
    expect(await ids(app)).toEqual([]);
  });

  test("go to queues that nobody has declared yet, with their options", async () => {
    const { app, add } = givenApp({ taskQueueMaxPriority: 9 });
    const eta = new Date(Date.now() + 3_600_000);
    await client.query("BEGIN");
    const tx = app.in(client);
    await tx.applyAsync(add, [1, 1], { queue: "images", priority: 1, taskId: "low" });
    await tx.applyAsync(add, [1, 1], { queue: "images", priority: 9, taskId: "high" });
    await tx.applyAsync(add, [1, 1], { queue: "images", eta, taskId: "later" });
    await client.query("COMMIT");
    expect(await ids(app, "images")).toEqual(["high", "low", "later"]);
    const { queues } = await app.direct.broker();
    expect(await queues.counts("images")).toMatchObject({ ready: 2, scheduled: 1 });
  });

  test("wake a worker that waits, and have results like others", async () => {
    const { app, add } = givenApp();
    const worker = new Worker({ app, pool: "solo", hostname: "direct@test" });
    await worker.start();
    onTestFinished(() => worker.stop());
    await client.query("BEGIN");
    const sent = await add.in(client).delay(20, 22);
    await client.query("COMMIT");
    expect(await sent.get({ timeout: 20 })).toBe(42);
  });

  test("go the same way when outboxUrl names the broker", async () => {
    const { app, add } = givenApp({ outboxUrl: schema.url });
    await client.query("BEGIN");
    const sent = await app.in(client).delay(add, 2, 2);
    await client.query("COMMIT");
    expect(await ids(app)).toEqual([sent.id]);
  });

  test("are refused when nothing is bound to their exchange", async () => {
    const { app, add } = givenApp();
    const sending = app.in(client).applyAsync(add, [1, 1], { exchange: "nowhere", routingKey: "nothing" });
    await expect(sending).rejects.toMatchObject({ code: "unroutable" });
  });

  test("do not hold up others that publish while the transaction is open", async () => {
    const { app, add } = givenApp();
    await client.query("BEGIN");
    await app.in(client).delay(add, 1, 1);
    const second = await schema.client();
    await second.query("BEGIN");
    const inSecond = await app.in(second).delay(add, 2, 2);
    const direct = await add.delay(3, 3);
    await second.query("COMMIT");
    expect(new Set(await ids(app))).toEqual(new Set([inSecond.id, direct.id]));
    await client.query("ROLLBACK");
  });
});
