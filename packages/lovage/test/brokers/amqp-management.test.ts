import { once } from "node:events";
import { createServer } from "node:http";
import { expect, onTestFinished, test, vi } from "vitest";
import { BrokerConnectionError } from "../../src/errors.js";
import { givenAmqp } from "../support/amqp-broker.js";
import { describeWithServer } from "../support/servers.js";
import { textMessage } from "../support/text-message.js";

const management = process.env.LOVAGE_TEST_AMQP_MANAGEMENT ?? "";

describeWithServer("amqp", "RabbitMQ with its management API", () => {
  test("lists queues that others declared, and says that it does", async () => {
    const { broker: stranger, connect } = await givenAmqp();
    await stranger.declare({ name: "q.é 1/50%" });
    const broker = await connect({ transport: { managementUrl: management } });
    expect(broker.capabilities.inspection).toEqual({ held: true, scheduled: false, queues: "all" });
    expect(stranger.capabilities.inspection).toEqual({ held: false, scheduled: false, queues: "declared" });
    await vi.waitFor(async () => expect(await broker.queues.list()).toContain("q.é 1/50%"), {
      timeout: 15_000,
      interval: 200,
    });
    expect(await broker.queues.counts("q.é 1/50%")).toMatchObject({ ready: 0, consumers: 0 });
    expect(await broker.queues.counts("not there")).toBeUndefined();
  });

  test("counts what consumers hold, and what is ready as of now", async () => {
    const { broker } = await givenAmqp("", { transport: { managementUrl: management } });
    await broker.declare({ name: "held" });
    for (const text of ["a", "b", "c"]) await broker.publish(textMessage(text), { exchange: "", routingKey: "held" });
    expect(await broker.queues.counts("held")).toMatchObject({ ready: 3 });
    await new Promise<void>((taken) => {
      let count = 0;
      void broker.consume(["held"], { prefetch: 2 }, () => {
        count += 1;
        if (count === 2) taken();
      });
    });
    // The server gathers its figures every five seconds.
    await vi.waitFor(
      async () => expect(await broker.queues.counts("held")).toMatchObject({ ready: 1, unacked: 2, consumers: 1 }),
      {
        timeout: 20_000,
        interval: 300,
      },
    );
  });

  test("tells how queues are defined that others declared, in RabbitMQ's own words", async () => {
    const { broker, connect } = await givenAmqp("", { transport: { managementUrl: management } });
    const other = await connect({});
    const name = "odd/%2e 1";
    await other.declare({ name, exchange: { name: "own", type: "direct" }, maxPriority: 3 });
    await other.bind(name, { name: "news", type: "topic" }, "sport.#");
    const definition = await broker.queues.definition(name);
    // Besides the one by which messages with an ETA come.
    const bindings = definition?.bindings.filter(({ exchange }) => exchange !== "celery_delayed_delivery");
    expect(bindings).toMatchObject([
      { exchange: "news", exchangeType: "topic", routingKey: "sport.#" },
      { exchange: "own", exchangeType: "direct", routingKey: name },
    ]);
    expect(definition?.settings).toMatchObject({ durable: true, auto_delete: false, "x-max-priority": 3 });
    expect(await broker.queues.definition("nowhere")).toBeUndefined();
  });

  test("asks it once for many questions", async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.end(
        JSON.stringify({
          items: [{ name: "here", messages_unacknowledged: 4 }, "nonsense", { name: 7 }],
          page_count: 1,
        }),
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { broker } = await givenAmqp("", { transport: { managementUrl: addressOf(server) } });
    await broker.declare({ name: "here" });
    await Promise.all([broker.queues.list(), broker.queues.counts("here"), broker.queues.counts("here")]);
    expect(await broker.queues.counts("here")).toMatchObject({ unacked: 4 });
    expect(await broker.queues.list()).toEqual(["here"]);
    expect(asked).toBe(1);
  });

  test("that refuses, or stays silent, is a connection error that shows no password", async () => {
    const url = new URL(management);
    url.password = "wr0ng";
    const { broker, connect } = await givenAmqp("", { transport: { managementUrl: url.href } });
    const refused = await broker.queues.list().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BrokerConnectionError);
    expect(String(refused)).toContain("401");
    expect(String(refused)).not.toContain("wr0ng");
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const waiting = await connect({ publishTimeout: 0.3, transport: { managementUrl: addressOf(silent) } });
    await expect(waiting.queues.counts("any")).rejects.toThrow("no answer within 0.3 s");
    // What does not need it goes on.
    await waiting.declare({ name: "any" });
  });
});

function addressOf(server: ReturnType<typeof createServer>): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}
