import { describe, expect, onTestFinished, test } from "vitest";
import type { BackendOptions } from "../../src/backends/backend.js";
import { RedisBackend, refuseTooLarge } from "../../src/backends/redis/backend.js";
import { Connections } from "../../src/connections/connections.js";
import { BackendConnectionError, BackendError, ConfigurationError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBackend } from "../contract/backend.contract.js";
import { IdleProcess } from "../support/idle-process.js";
import { canStartRedis, OwnRedis } from "../support/own-redis.js";
import { type RedisKeys, redisKeys } from "../support/redis-database.js";
import { describeWithServer } from "../support/servers.js";
import { StallProxy } from "../support/stall-proxy.js";
import { failure, passing, success } from "../support/task-metas.js";
import { haveVectors, vectorsOf } from "../support/vectors.js";

const NEVER = new AbortController().signal;

const capabilities = {
  durable: true,
  shared: true,
  readers: "all",
  fencing: true,
  groups: true,
  expiry: "itself",
} as const;

describeWithServer("redis", "Redis results", (serverUrl) => {
  describeBackend("Redis", {
    capabilities,
    fixture: async () => {
      const { url, pass, remove } = await redisKeys(serverUrl);
      return {
        url,
        // Each with connections of its own, as in processes of their own.
        connection: (options) =>
          new RedisBackend({ ...options, url, connections: new Connections(), logger: silentLogger }),
        pass,
        remove,
      };
    },
  });

  describeBackend("Redis (on one shared connection)", {
    capabilities,
    fixture: async () => {
      const { url, pass, remove } = await redisKeys(serverUrl);
      const connections = new Connections();
      return {
        url,
        connection: (options) => new RedisBackend({ ...options, url, connections, logger: silentLogger }),
        pass,
        remove,
      };
    },
  });

  describe("the Redis result backend in its server", () => {
    async function givenKeys(): Promise<RedisKeys> {
      const keys = await redisKeys(serverUrl);
      onTestFinished(keys.remove);
      return keys;
    }

    test("keeps and publishes what Celery does, under Celery's names", async () => {
      // Given somebody who listens as Python does
      const keys = await givenKeys();
      const backend = await opened(keys.url, { resultExpires: 86_400 });
      const key = `${keys.prefix}celery-task-meta-t1`;
      const published: string[] = [];
      await keys.server.subscriber.subscribe(key, (payload) => published.push(String(payload)));
      // When a result is stored
      await backend.store(passing("t1", "STARTED", { pid: 1 }));
      await backend.store(success("t1", 8));
      // Then both states are published, and the last one is kept, as the very text
      const text = await keys.server.call("get", [key]);
      await expect.poll(() => published).toEqual([expect.stringContaining('"STARTED"'), text]);
      expect(String(text)).toMatch(
        /^\{"status":"SUCCESS","result":8,"traceback":null,"children":\[\],"date_done":"[^"]+","task_id":"t1"\}$/,
      );
      expect(await keys.server.call("ttl", [key])).toBeGreaterThan(86_390);
    });

    test("keeps a fence behind the result where readers of JSON do not see it", async () => {
      const keys = await givenKeys();
      const backend = await opened(keys.url);
      await backend.store(success("t1", 8), { fence: 27 });
      const text = String(await keys.server.call("get", [`${keys.prefix}celery-task-meta-t1`]));
      expect(text).toMatch(/\}[ \t\r\n]+$/);
      expect(JSON.parse(text)).toMatchObject({ status: "SUCCESS", result: 8, task_id: "t1" });
      expect(await keys.server.call("keys", [`${keys.prefix}*`])).toHaveLength(1);
    });

    test.skipIf(!haveVectors)("reads, and does not replace, what Python stored", async () => {
      const keys = await givenKeys();
      const backend = await opened(keys.url);
      const texts = ["results_redis_52.json", "results_redis_56.json"].flatMap(metaTexts);
      expect(texts.length).toBeGreaterThan(20);
      for (const [id, text] of texts) {
        await keys.server.call("set", [`${keys.prefix}celery-task-meta-${id}`, text]);
        const stored: { status: string; result: unknown } = JSON.parse(text);
        expect(await backend.get(id)).toMatchObject({ taskId: id, status: stored.status });
        expect(await backend.wait(id, NEVER)).toMatchObject({ status: stored.status });
        expect(await backend.store(failure(id))).toBe(stored.status !== "SUCCESS");
      }
    });

    test("knows a SUCCESS in whatever order its fields are", async () => {
      const keys = await givenKeys();
      const backend = await opened(keys.url);
      const key = `${keys.prefix}celery-task-meta-t1`;
      await keys.server.call("set", [key, '{"task_id": "t1", "result": {"status": "STARTED"}, "status": "SUCCESS"}']);
      expect(await backend.store(failure("t1"))).toBe(false);
      await keys.server.call("set", [key, "not JSON at all"]);
      expect(await backend.store(failure("t1"))).toBe(true);
    });

    test.each([
      ["p", "p_"],
      ["p_", "p_"],
      ["p:", "p:"],
      ["p-", "p-"],
      ["p.", "p."],
    ])("puts the prefix %j before its keys as %j", async (given, used) => {
      const keys = await givenKeys();
      const prefix = `${keys.prefix}${given}`;
      const backend = await opened(serverUrl, { transport: { global_keyprefix: prefix } });
      await backend.store(success("a"));
      expect(await keys.server.call("exists", [`${keys.prefix}${used}celery-task-meta-a`])).toBe(1);
    });

    test("says which result cannot be read when somebody else wrote there, to readers and to those who wait", async () => {
      const keys = await givenKeys();
      const backend = await opened(keys.url);
      const key = `${keys.prefix}celery-task-meta-a`;
      const waiting = backend.wait("a", NEVER).catch((error: unknown) => error);
      await expect.poll(() => keys.server.call("publish", [key, '{"status":'])).toBe(1);
      const expected = {
        name: "BackendError",
        message: expect.stringContaining("the result of task a cannot be read"),
      };
      expect(await waiting).toMatchObject(expected);
      await keys.server.call("set", [key, '{"status":']);
      await expect(backend.get("a")).rejects.toMatchObject(expected);
    });

    test("stores the others when one key holds something else", async () => {
      const keys = await givenKeys();
      const backend = await opened(keys.url);
      await keys.server.call("rpush", [`${keys.prefix}celery-task-meta-b`, "a list"]);
      const [a, b, c] = await Promise.allSettled(["a", "b", "c"].map((id) => backend.store(success(id))));
      expect([a, c]).toMatchObject([{ value: true }, { value: true }]);
      expect(b).toMatchObject({ status: "rejected", reason: { name: "BackendError", code: "backend" } });
    });

    test("goes on waiting through a lost connection, and misses nothing that was stored meanwhile", async () => {
      // Given waits over a connection that breaks
      const keys = await givenKeys();
      const proxy = await StallProxy.to(serverUrl);
      const backend = await opened(throughProxy(proxy, keys));
      const other = await opened(keys.url);
      const waits = ["a", "b"].map((id) => backend.wait(id, NEVER));
      await expect.poll(() => subscribers(keys, "b")).toBe(1);
      // When one result is stored while it is down, and one when it is back
      proxy.refuse(true);
      proxy.cut();
      await expect.poll(() => subscribers(keys, "b")).toBe(0);
      await other.store(success("a", 1));
      proxy.refuse(false);
      expect(await waits[0]).toEqual(success("a", 1));
      await other.store(success("b", 2));
      expect(await waits[1]).toEqual(success("b", 2));
    });

    test("stores once, and says so, what a lost connection left in doubt", async () => {
      // Given a store whose answer is swallowed
      const keys = await givenKeys();
      const proxy = await StallProxy.to(serverUrl);
      const backend = await opened(throughProxy(proxy, keys));
      await backend.store(passing("a", "STARTED"), { fence: 1 });
      const published: string[] = [];
      const key = `${keys.prefix}celery-task-meta-a`;
      await keys.server.subscriber.subscribe(key, (payload) => published.push(String(payload)));
      proxy.swallowAnswers();
      const storing = backend.store(success("a", 1), { fence: 1 });
      await expect.poll(() => published.length).toBe(1);
      // When the connection breaks
      proxy.cut();
      // Then it was kept, although a SUCCESS of the same fence was there when it asked again
      expect(await storing).toBe(true);
      expect(published).toHaveLength(1);
    });

    test("begins to wait during an outage, and gets what was stored meanwhile", async () => {
      const keys = await givenKeys();
      const proxy = await StallProxy.to(serverUrl);
      const backend = await opened(throughProxy(proxy, keys));
      const other = await opened(keys.url);
      proxy.refuse(true);
      proxy.cut();
      const waiting = backend.wait("a", NEVER);
      await other.store(success("a", 1));
      proxy.refuse(false);
      expect(await waiting).toEqual(success("a", 1));
    });

    test("rejects in time, with a typed error, while the server is away", async () => {
      const keys = await givenKeys();
      const proxy = await StallProxy.to(serverUrl);
      const backend = await opened(`${throughProxy(proxy, keys)}&socket_timeout=0.3`);
      proxy.refuse(true);
      proxy.cut();
      await expect(backend.store(success("a"))).rejects.toBeInstanceOf(BackendConnectionError);
      await expect(backend.get("a")).rejects.toBeInstanceOf(BackendConnectionError);
      await expect(backend.wait("a", NEVER)).rejects.toBeInstanceOf(BackendConnectionError);
      proxy.refuse(false);
      await expect.poll(() => backend.store(success("a", 1)).catch(String), { timeout: 10_000 }).toBe(true);
    });

    test("rejects what is used before it is connected as a lost connection", async () => {
      const backend = unopened(serverUrl);
      await expect(backend.store(success("a"))).rejects.toBeInstanceOf(BackendConnectionError);
      await expect(backend.get("a")).rejects.toBeInstanceOf(BackendConnectionError);
      await expect(backend.wait("a", NEVER)).rejects.toBeInstanceOf(BackendConnectionError);
    });

    test("lets a process that waits for a result live until it has it, and no longer", async () => {
      const keys = await givenKeys();
      const backend = await opened(keys.url);
      const idle = await IdleProcess.start("wait", keys.url);
      await expect.poll(() => subscribers(keys, "t"), { timeout: 5000 }).toBe(1);
      expect(idle.isAlive).toBe(true);
      await backend.store(success("t", "for the one who waited"));
      expect(await idle.end()).toBe(0);
      expect(idle.lines).toEqual(["idle", "for the one who waited"]);
    }, 15_000);

    test("stops listening when nobody waits any more", async () => {
      const keys = await givenKeys();
      const backend = await opened(keys.url);
      const aborter = new AbortController();
      const waiting = backend.wait("a", aborter.signal).catch(() => "ended");
      await expect.poll(() => subscribers(keys, "a")).toBe(1);
      aborter.abort();
      expect(await waiting).toBe("ended");
      await expect.poll(() => subscribers(keys, "a")).toBe(0);
    });
  });
});

describe("the Redis result backend", () => {
  test("refuses options it does not know, naming the nearest", () => {
    expect(() => unopened("redis://h?global_keyprfix=x")).toThrow(/did you mean global_keyprefix/);
    expect(() => unopened("redis://h", { transport: { global_keyprefix: 7 } })).toThrow(ConfigurationError);
  });

  test("refuses a result that Redis would not take, before sending it", () => {
    expect(() => refuseTooLarge("a", "ä".repeat(6), 12)).not.toThrow();
    expect(() => refuseTooLarge("a", "ä".repeat(7), 12)).toThrow(BackendError);
  });

  test.skipIf(!canStartRedis)("says that the server's memory is full, as something to be tried again", async () => {
    const redis = await OwnRedis.start(["--maxmemory", "1kb"]);
    const backend = await opened(redis.url);
    await expect(backend.store(success("a"))).rejects.toMatchObject({
      name: "BackendConnectionError",
      message: expect.stringContaining("OOM"),
    });
  });
});

function unopened(url: string, more: Partial<BackendOptions> = {}): RedisBackend {
  const backend = new RedisBackend({
    url,
    resultExpires: null,
    connections: new Connections(),
    logger: silentLogger,
    ...more,
  });
  onTestFinished(() => backend.close());
  return backend;
}
async function opened(url: string, more?: Partial<BackendOptions>): Promise<RedisBackend> {
  const backend = unopened(url, more);
  await backend.connect();
  return backend;
}

function throughProxy(proxy: StallProxy, { prefix }: RedisKeys): string {
  return `redis://127.0.0.1:${proxy.port}/0?global_keyprefix=${prefix}`;
}

/** How many listen for this task's result. */
async function subscribers({ server, prefix }: RedisKeys, id: string): Promise<unknown> {
  const reply = await server.call("pubsub", ["numsub", `${prefix}celery-task-meta-${id}`]);
  return Array.isArray(reply) ? reply[1] : undefined;
}

/** The texts that Python's backend stored, by task; tasks that stored nothing are left out. */
function metaTexts(file: string): [id: string, text: string][] {
  return vectorsOf(file)
    .flatMap(({ captured }) => Object.entries(captured.final_meta_raw ?? {}))
    .flatMap(([id, text]): [string, string][] => (typeof text === "string" && text !== "null" ? [[id, text]] : []));
}
