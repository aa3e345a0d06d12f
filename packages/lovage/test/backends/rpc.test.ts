import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { repliesToSender } from "../../src/backends/open-backend.js";
import { RpcBackend } from "../../src/backends/rpc/backend.js";
import { KeptResults } from "../../src/backends/rpc/kept-results.js";
import { shareAmqp } from "../../src/connections/amqp.js";
import { AmqpPublisher } from "../../src/connections/amqp-publisher.js";
import { Connections } from "../../src/connections/connections.js";
import { BackendError, ConfigurationError, ResultTimeoutError, TaskFailedError } from "../../src/errors.js";
import { Lovage } from "../../src/index.js";
import { silentLogger } from "../../src/util/logger.js";
import { Worker } from "../../src/worker/index.js";
import { describeBackend } from "../contract/backend.contract.js";
import { type AmqpVhost, amqpVhost } from "../support/amqp-vhost.js";
import { describeWithServer } from "../support/servers.js";
import { StallProxy } from "../support/stall-proxy.js";
import { passing, success } from "../support/task-metas.js";

const TASKS = fileURLToPath(new URL("../support/rpc-tasks.ts", import.meta.url));
const NEVER = new AbortController().signal;

describeWithServer("amqp", "Results over RabbitMQ", () => {
  describeBackend("rpc", {
    capabilities: {
      durable: false,
      shared: false,
      readers: "sender",
      fencing: false,
      groups: false,
      expiry: "removed",
    },
    fixture: async () => {
      const vhost = await amqpVhost();
      return {
        url: "rpc://",
        // Each with connections of its own, as in processes of their own.
        connection: (options) =>
          new RpcBackend({
            ...options,
            url: "rpc://",
            brokerUrl: vhost.url,
            connections: new Connections(),
            logger: silentLogger,
          }),
        remove: vhost.remove,
      };
    },
  });

  describe("the rpc result backend and its queue", () => {
    let vhost: AmqpVhost;
    beforeAll(async () => {
      vhost = await amqpVhost();
    });
    afterAll(() => vhost.remove());

    async function connected(brokerUrl = vhost.url): Promise<RpcBackend> {
      const backend = unopened({ brokerUrl });
      await backend.connect();
      return backend;
    }

    test("keeps nothing of a task whose sender wants no result", async () => {
      const backend = await connected();
      expect(await backend.store(success("a"))).toBe(false);
      expect(await backend.store(success("a"), { replyTo: "" })).toBe(false);
      expect(await backend.store(success("a"), { replyTo: null })).toBe(false);
    });

    test("does not mind a sender that has ended", async () => {
      const worker = await connected();
      const sender = await connected();
      const replyTo = await sender.replyAddress();
      await sender.close();
      expect(await worker.store(success("a"), { replyTo })).toBe(true);
    });

    test("has one address, which is each backend's own", async () => {
      const [one, other] = [await connected(), await connected()];
      expect(await one.replyAddress()).toBe(await one.replyAddress());
      expect(await one.replyAddress()).not.toBe(await other.replyAddress());
    });

    test("gives a result to none but the sender", async () => {
      const [sender, stranger] = [await connected(), await connected()];
      await stranger.replyAddress();
      await stranger.store(success("a", 1), { replyTo: await sender.replyAddress() });
      expect(await stranger.get("a")).toBeUndefined();
      expect(await sender.get("a")).toEqual(success("a", 1));
    });

    test("keeps the ready state that came last, and no passing one after it", async () => {
      const backend = await connected();
      const replyTo = await backend.replyAddress();
      await backend.store(success("a", 1), { replyTo, fence: 2 });
      await backend.store(success("a", 2), { replyTo, fence: 1 });
      // As a Python worker tells of a retry when the next try may have ended.
      await backend.store(passing("a", "RETRY"), { replyTo });
      expect(await backend.get("a")).toEqual(success("a", 2));
    });

    test("reads a result as Celery sends it, which knows less of the task", async () => {
      const backend = await connected();
      const publisher = await givenPublisher(vhost.url);
      const body = '{"task_id": "a", "status": "SUCCESS", "result": 3, "traceback": null, "children": []}';
      const options = {
        contentType: "application/json",
        contentEncoding: "utf-8",
        correlationId: "a",
        deliveryMode: 1,
      };
      const routingKey = await backend.replyAddress();
      await publisher.publish({ exchange: "", routingKey, body: Buffer.from(body), options, mandatory: true });
      expect(await backend.wait("a", NEVER)).toMatchObject({ taskId: "a", status: "SUCCESS", result: 3 });
    });

    test("refuses to read what is no JSON", async () => {
      const backend = await connected();
      const publisher = await givenPublisher(vhost.url);
      const waiting = backend.wait("a", NEVER).catch((error: unknown) => error);
      const options = { contentType: "application/x-python-serialize", correlationId: "a" };
      const routingKey = await backend.replyAddress();
      await publisher.publish({ exchange: "", routingKey, body: Buffer.from("pickled"), options, mandatory: true });
      expect(await waiting).toBeInstanceOf(BackendError);
    });

    test("goes on waiting through a lost connection, for results that came meanwhile too", async () => {
      // Given a sender whose connection breaks
      const proxy = await StallProxy.to(vhost.url);
      const through = new URL(vhost.url);
      through.port = String(proxy.port);
      const sender = await connected(through.href);
      const worker = await connected();
      const replyTo = await sender.replyAddress();
      const waits = ["a", "b"].map((id) => sender.wait(id, NEVER));
      proxy.refuse(true);
      proxy.cut();
      // When results are sent while it is down, and when it is back
      await worker.store(success("a", 1), { replyTo });
      proxy.refuse(false);
      expect(await waits[0]).toEqual(success("a", 1));
      await worker.store(success("b", 2), { replyTo });
      expect(await waits[1]).toEqual(success("b", 2));
    }, 20_000);
  });

  describe("tasks whose results go over RabbitMQ", () => {
    type Tasks = typeof import("../support/rpc-tasks.js");
    let vhost: AmqpVhost;
    let tasks: Tasks;
    let worker: Worker;
    let client: Lovage;

    beforeAll(async () => {
      vhost = await amqpVhost();
      process.env.LOVAGE_BROKER_URL = vhost.url;
      process.env.LOVAGE_RESULT_BACKEND = "rpc://";
      tasks = await import("../support/rpc-tasks.js");
      client = new Lovage("rpc-client");
      worker = new Worker({ app: tasks.app, appPath: TASKS, pool: "processes", concurrency: 2, hostname: "rpc@test" });
      await worker.start();
    }, 30_000);
    afterAll(async () => {
      await worker.stop();
      await client.close();
      await tasks.app.close();
      delete process.env.LOVAGE_BROKER_URL;
      delete process.env.LOVAGE_RESULT_BACKEND;
      await vhost.remove();
    });

    test("are answered: results, errors, retries", async () => {
      const results = await Promise.all([1, 2, 3].map((each) => client.sendTask("rpc.add", [each, each])));
      expect(await Promise.all(results.map((result) => result.get({ timeout: 20 })))).toEqual([2, 4, 6]);
      const failed = await client.sendTask("rpc.fail", ["too far"]);
      await expect(failed.get({ timeout: 20 })).rejects.toBeInstanceOf(TaskFailedError);
      const retried = await client.sendTask("rpc.flaky");
      expect(await retried.get({ timeout: 20 })).toBe(2);
    }, 30_000);

    test("may send tasks and wait for them: their results come to the worker", async () => {
      const result = await client.sendTask("rpc.asks", [4]);
      expect(await result.get({ timeout: 20 })).toBe(50);
    }, 30_000);

    test("have followers whose results come to who sent the first", async () => {
      const add = client.remote<(x: number, y: number) => number>("rpc.add");
      const id = `callback-${Date.now()}`;
      const callback = add.s(1).toData();
      await client.send({
        name: "rpc.add",
        args: [2, 3],
        kwargs: {},
        options: { link: [{ ...callback, options: { ...callback.options, task_id: id } }] },
      });
      expect(await client.asyncResult(id).get({ timeout: 20 })).toBe(6);
    }, 30_000);

    test("are answered to nobody else", async () => {
      const stranger = new Lovage("rpc-stranger");
      onTestFinished(() => stranger.close());
      const sent = await client.sendTask("rpc.add", [1, 1]);
      await sent.get({ timeout: 20 });
      await expect(stranger.asyncResult(sent.id).get({ timeout: 0.3 })).rejects.toBeInstanceOf(ResultTimeoutError);
    }, 30_000);
  });
});

describe("the rpc result backend", () => {
  test.each([undefined, "sqlite:x.db", "redis://user:secret@h"])(
    "refuses a broker that is not RabbitMQ: %s",
    (brokerUrl) => {
      const make = (): unknown => unopened({ brokerUrl });
      expect(make).toThrow(ConfigurationError);
      expect(make).toThrow(/RabbitMQ/);
      expect(make).not.toThrow(/secret/);
    },
  );

  test("refuses options: it has none", () => {
    expect(() => unopened({ brokerUrl: "amqp://h", url: "rpc://?persistent=1" })).toThrow(/persistent/);
    expect(() => unopened({ brokerUrl: "amqp://h", transport: { global_keyprefix: "x" } })).toThrow(/global_keyprefix/);
  });

  test("is the only one whose results go to the sender", () => {
    expect(["rpc://", "RPC:", "redis://h", "sqlite:rpc.db", ""].map(repliesToSender)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test("keeps so many results and no more, the newest", () => {
    let dropped = 0;
    const kept = new KeptResults(() => dropped++);
    const text = "x".repeat(30_000_000);
    for (const id of ["a", "b", "c"]) kept.put(id, { text, expiresMs: Number.POSITIVE_INFINITY });
    expect(["a", "b", "c"].map((id) => kept.find(id, 0) !== undefined)).toEqual([false, true, true]);
    expect(dropped).toBe(1);
    kept.put("b", { text: "new", expiresMs: 5 });
    expect([kept.find("b", 4), kept.find("b", 5)]).toEqual(["new", undefined]);
    expect(kept.removeExpired(5)).toBe(1);
  });
});

function unopened(more: {
  brokerUrl: string | undefined;
  url?: string;
  transport?: Record<string, unknown>;
}): RpcBackend {
  const { brokerUrl, ...rest } = more;
  const backend = new RpcBackend({
    url: "rpc://",
    resultExpires: null,
    connections: new Connections(),
    logger: silentLogger,
    ...(brokerUrl !== undefined && { brokerUrl }),
    ...rest,
  });
  onTestFinished(() => backend.close());
  return backend;
}

/** Publishes as another program would. */
async function givenPublisher(url: string): Promise<AmqpPublisher> {
  const share = shareAmqp(new Connections(), { url, role: "publish", logger: silentLogger });
  await share.value.connect();
  const publisher = new AmqpPublisher(share.value, { name: "test", timeout: 5 });
  onTestFinished(async () => {
    await publisher.close();
    await share.release();
  });
  return publisher;
}
