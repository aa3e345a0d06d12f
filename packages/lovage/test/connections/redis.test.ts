import { describe, expect, onTestFinished, test } from "vitest";
import { Connections } from "../../src/connections/connections.js";
import { defineScript, type RedisServer, redisServer } from "../../src/connections/redis.js";
import { checkVersion, parseInfo } from "../../src/connections/redis-info.js";
import { ConfigurationError } from "../../src/errors.js";
import { newId } from "../../src/util/ids.js";
import type { Logger } from "../../src/util/logger.js";
import { canMakeCertificates, canStartRedis, givenCertificate, OwnRedis } from "../support/own-redis.js";
import { RecordingLogger } from "../support/recording-logger.js";
import { describeWithServer } from "../support/servers.js";
import { StallProxy } from "../support/stall-proxy.js";

function unopened(url: string, logger: Logger = new RecordingLogger()): RedisServer {
  const { share } = redisServer({ url, connections: new Connections(), logger }, []);
  onTestFinished(() => share.release());
  return share.value;
}

async function opened(url: string, logger?: Logger): Promise<RedisServer> {
  const server = unopened(url, logger);
  await server.open();
  return server;
}

/** Resolves when the connection for commands is there again. */
function comesBack(server: RedisServer): Promise<void> {
  return new Promise((resolve) => {
    const stop = server.commands.onReady(() => {
      stop();
      resolve();
    });
  });
}
function breaks(server: RedisServer): Promise<void> {
  return new Promise((resolve) => {
    const stop = server.commands.onLost(() => {
      stop();
      resolve();
    });
  });
}

describeWithServer("redis", "a connection to Redis", (url) => {
  async function givenProxy(): Promise<{ proxy: StallProxy; through: string }> {
    const proxy = await StallProxy.to(url);
    return { proxy, through: `redis://127.0.0.1:${proxy.port}/0` };
  }
  /** A key of the test's own. */
  function givenKey(server: RedisServer): string {
    const key = `test:${newId()}`;
    onTestFinished(async () => void (await server.call("del", [key]).catch(() => undefined)));
    return key;
  }

  describe("for commands", () => {
    test("carries out commands in the order in which they were asked for", async () => {
      const server = await opened(url);
      const key = givenKey(server);
      const pushes = Array.from({ length: 500 }, (_, index) => server.call("rpush", [key, index]));
      expect(await Promise.all(pushes)).toEqual(pushes.map((_, index) => index + 1));
    });

    test("gives texts, integers, lists and nothing as they are, and bytes on request", async () => {
      const server = await opened(url);
      const key = givenKey(server);
      expect(await server.call("get", [key])).toBeNull();
      await server.call("set", [key, Buffer.from([0xff, 0x00])]);
      expect(await server.call("get", [key], { buffers: true })).toEqual(Buffer.from([0xff, 0x00]));
      expect(await server.call("mget", [key, "none"], { buffers: true })).toEqual([Buffer.from([0xff, 0x00]), null]);
      expect(await server.call("strlen", [key])).toBe(2);
    });

    test("says what the server refused", async () => {
      const server = await opened(url);
      const key = givenKey(server);
      await server.call("set", [key, "text"]);
      await expect(server.call("lpush", [key, "x"])).rejects.toMatchObject({
        kind: "refused",
        code: "WRONGTYPE",
        passing: false,
      });
    });

    test("runs scripts, also those the server has forgotten", async () => {
      const server = await opened(url);
      // A text that no server has seen.
      const script = defineScript(`-- ${newId()}\nreturn {KEYS[1], ARGV[1], #ARGV}`);
      const runs = [1, 2, 3].map((each) => server.run(script, ["k"], [each, "b"]));
      expect(await Promise.all(runs)).toEqual([
        ["k", "1", 2],
        ["k", "2", 2],
        ["k", "3", 2],
      ]);
    });

    test("rejects what is asked before it is open, and after it is closed", async () => {
      const server = unopened(url);
      await expect(server.call("ping", [])).rejects.toMatchObject({ kind: "lost", unsent: true });
      await server.open();
      await server.close();
      await expect(server.call("ping", [])).rejects.toMatchObject({ kind: "lost", unsent: true });
      await expect(server.open()).rejects.toThrow(/closed/);
    });

    test("answers what was asked before it closed", async () => {
      const server = await opened(url);
      const answers = Array.from({ length: 100 }, () => server.call("ping", []));
      await server.close();
      expect(new Set(await Promise.all(answers))).toEqual(new Set(["PONG"]));
    });

    test("is shared by those who ask for the same server, and closed by the last of them", async () => {
      const connections = new Connections();
      const logger = new RecordingLogger();
      const one = redisServer({ url, connections, logger }, []);
      const other = redisServer({ url: `${url}?global_keyprefix=x`, connections, logger }, ["global_keyprefix"]);
      expect(one.share.value).toBe(other.share.value);
      await one.share.value.open();
      await one.share.release();
      expect(await other.share.value.call("ping", [])).toBe("PONG");
      await other.share.release();
      await expect(other.share.value.call("ping", [])).rejects.toThrow(/closed/);
    });
  });

  describe("that breaks", () => {
    test("rejects what was under way, comes back by itself, and sends nothing twice", async () => {
      // Given commands that have been sent over a wire that swallows them
      const { proxy, through } = await givenProxy();
      const server = await opened(through);
      const key = givenKey(server);
      await server.call("rpush", [key, "first"]);
      proxy.swallow();
      const sent = server.call("rpush", [key, "swallowed"]);
      sent.catch(() => undefined);
      await new Promise((later) => setTimeout(later, 20));
      // When it is cut
      const back = comesBack(server);
      proxy.cut();
      // Then they reject, those asked meanwhile wait, and none is carried out twice
      await expect(sent).rejects.toMatchObject({ kind: "lost", unsent: false, passing: true });
      expect(await server.call("rpush", [key, "second"])).toBe(2);
      await back;
      expect(await server.call("lrange", [key, 0, -1])).toEqual(["first", "second"]);
    });

    test("sends again what does no harm when it is carried out twice", async () => {
      const { proxy, through } = await givenProxy();
      const server = await opened(through);
      const key = givenKey(server);
      proxy.swallow();
      const sent = server.call("set", [key, "kept"], { idempotent: true });
      await new Promise((later) => setTimeout(later, 20));
      proxy.cut();
      expect(await sent).toBe("OK");
    });

    test("is noticed when it stays open but dead", async () => {
      const { proxy, through } = await givenProxy();
      const server = await opened(`${through}?health_check_interval=0.05`);
      const [broken, back] = [breaks(server), comesBack(server)];
      // Nothing is under way: it is the connection's own question that stays without an answer.
      proxy.swallow();
      await broken;
      await back;
      expect(await server.call("ping", [])).toBe("PONG");
    });

    test("lets no command wait beyond its deadline", async () => {
      const { proxy, through } = await givenProxy();
      const server = await opened(through);
      proxy.refuse(true);
      proxy.cut();
      await breaks(server).catch(() => undefined);
      const started = performance.now();
      await expect(server.call("ping", [], { timeout: 0.2 })).rejects.toMatchObject({ kind: "lost", unsent: true });
      expect(performance.now() - started).toBeLessThan(1000);
      // A command that gave up is never carried out after all.
      const key = givenKey(server);
      await expect(server.call("set", [key, "late"], { timeout: 0.05 })).rejects.toMatchObject({ unsent: true });
      proxy.refuse(false);
      expect(await server.call("exists", [key])).toBe(0);
    });

    test("lets no command wait beyond its deadline for an answer", async () => {
      const { proxy, through } = await givenProxy();
      const server = await opened(through);
      proxy.swallow();
      await expect(server.call("ping", [], { timeout: 0.1 })).rejects.toMatchObject({ kind: "lost", unsent: false });
    });

    test("can be opened after a first try that failed, and tells where it tried", async () => {
      const { proxy, through } = await givenProxy();
      proxy.refuse(true);
      const server = unopened(through);
      await expect(server.open()).rejects.toThrow(String(proxy.port));
      proxy.refuse(false);
      await server.open();
      expect(await server.call("ping", [])).toBe("PONG");
    });

    test("goes to the next server of the list", async () => {
      const { proxy, through } = await givenProxy();
      const second = await givenProxy();
      const server = await opened(`${through};${second.through}`);
      proxy.refuse(true);
      const back = comesBack(server);
      proxy.cut();
      await back;
      expect(await server.call("ping", [])).toBe("PONG");
      // The first is given up: it takes no part any more.
      second.proxy.cut();
      await breaks(server);
    });
  });

  describe("for listening", () => {
    test("hears what is published to channels and patterns, until it is told to stop", async () => {
      const server = await opened(url);
      const channel = `test:${newId()}`;
      const heard: string[] = [];
      const stop = await server.subscriber.subscribe(channel, (payload) => heard.push(`channel ${String(payload)}`));
      const stopToo = await server.subscriber.subscribe(channel, (payload) => heard.push(`again ${String(payload)}`));
      await server.subscriber.psubscribe(`${channel}*`, (payload, name) =>
        heard.push(`pattern ${name === channel} ${String(payload)}`),
      );
      await server.call("publish", [channel, "1"]);
      await expect.poll(() => heard).toEqual(["channel 1", "again 1", "pattern true 1"]);
      stop();
      stop();
      await server.call("publish", [channel, "2"]);
      await expect.poll(() => heard.slice(3)).toEqual(["again 2", "pattern true 2"]);
      stopToo();
      expect(await server.call("pubsub", ["numsub", channel])).toEqual([channel, expect.any(Number)]);
      await expect.poll(() => server.call("pubsub", ["numsub", channel])).toEqual([channel, 0]);
    });

    test("listens again after a break, and says so", async () => {
      // Given a listener whose connection breaks
      const { proxy, through } = await givenProxy();
      const server = await opened(through);
      const direct = await opened(url);
      const channel = `test:${newId()}`;
      const heard: string[] = [];
      await server.subscriber.subscribe(channel, (payload) => heard.push(String(payload)));
      const firstId = server.subscriber.clientId;
      const caughtUp = new Promise<void>((resolve) => server.subscriber.onCaughtUp(resolve));
      proxy.cut();
      await caughtUp;
      // Then it hears what is published from then on, under another number
      await direct.call("publish", [channel, "after"]);
      await expect.poll(() => heard).toEqual(["after"]);
      expect(server.subscriber.clientId).not.toBe(firstId);
      expect(server.subscriber.clientId).toEqual(expect.any(Number));
    });

    test("hears which keys have changed, for a connection that tracks them", async () => {
      const server = await opened(url);
      const key = givenKey(server);
      const changed = new Promise<string>((resolve) => {
        void server.subscriber.subscribe("__redis__:invalidate", (keys) => resolve(String(keys)));
      });
      await expect.poll(() => server.subscriber.clientId).toEqual(expect.any(Number));
      const link = server.link({
        name: "tracking",
        prepare: async (call) => {
          await call("client", [
            "TRACKING",
            "ON",
            "REDIRECT",
            String(server.subscriber.clientId),
            "BCAST",
            "PREFIX",
            key,
          ]);
        },
      });
      await link.open();
      await server.call("set", [key, "x"]);
      expect(await changed).toBe(key);
    });
  });
});

describe.skipIf(!canStartRedis)("a connection to a Redis in trouble", () => {
  test("is refused with a wrong password, which is not shown", async () => {
    const redis = await OwnRedis.start(["--requirepass", "right"]);
    const attempt = unopened(redis.url.replace("//", "//:wrong-secret@")).open();
    await expect(attempt).rejects.toMatchObject({ kind: "refused", code: "WRONGPASS" });
    await expect(attempt).rejects.not.toThrow(/secret/);
    expect(await (await opened(redis.url.replace("//", "//:right@"))).call("ping", [])).toBe("PONG");
  });

  test("is refused when the server has no such database", async () => {
    const redis = await OwnRedis.start();
    await expect(unopened(redis.url.replace(/\/0$/, "/99")).open()).rejects.toMatchObject({ kind: "refused" });
  });

  test("warns of a server that drops keys when its memory is full", async () => {
    const redis = await OwnRedis.start(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    const logger = new RecordingLogger();
    await opened(redis.url, logger);
    expect(logger.lines).toMatchObject([{ level: "warn", message: expect.stringContaining("noeviction") }]);
  });

  test("says when the server's memory is full, as something that may pass", async () => {
    const redis = await OwnRedis.start(["--maxmemory", "1kb"]);
    const server = await opened(redis.url);
    await expect(server.call("set", ["k", "v"])).rejects.toMatchObject({ kind: "refused", code: "OOM", passing: true });
  });

  test("leaves a server that has become a replica for the one that takes writes", async () => {
    // Given a server and its replica, in the wrong order
    const master = await OwnRedis.start();
    const replica = await OwnRedis.start();
    const server = await opened(`${replica.url};${master.url}`);
    const direct = await opened(replica.url);
    await direct.call("replicaof", ["127.0.0.1", String(master.port)]);
    // When something is written, and the operator puts things right meanwhile
    const writing = server.call("set", ["k", "v"]);
    setTimeout(() => void direct.call("replicaof", ["NO", "ONE"]), 300);
    // Then it is written once the server takes it
    expect(await writing).toBe("OK");
  });

  test("outlives the server's death and restart", async () => {
    const redis = await OwnRedis.start();
    const server = await opened(redis.url);
    const script = defineScript("return redis.call('INCR', KEYS[1])");
    expect(await server.run(script, ["n"], [])).toBe(1);
    await redis.kill();
    const waiting = server.run(script, ["n"], []);
    await redis.start();
    // The server has forgotten its data and the script.
    expect(await waiting).toBe(1);
  });

  test("finds the master through sentinels, and the next one when it dies", async () => {
    const master = await OwnRedis.start();
    const replica = await OwnRedis.start(["--replicaof", "127.0.0.1", String(master.port)]);
    const sentinel = await OwnRedis.sentinel(master.port);
    const direct = await opened(sentinel.url);
    // It takes the sentinel a while to find the replica, and nobody is told when.
    const replicas = async (): Promise<string> =>
      JSON.stringify(await direct.call("sentinel", ["replicas", "mymaster"]));
    await expect.poll(replicas, { timeout: 20_000 }).toContain('"flags","slave"');
    const server = await opened(`redis+sentinel://127.0.0.1:${sentinel.port}/mymaster/0`);
    await server.call("set", ["k", "v"]);
    await server.call("wait", [1, 5000]);
    const back = comesBack(server);
    await master.kill();
    await back;
    expect(await server.call("set", ["k", "w"], { timeout: 20 })).toBe("OK");
    expect(await (await opened(replica.url)).call("get", ["k"])).toBe("w");
  }, 40_000);

  test.skipIf(!canMakeCertificates)(
    "is encrypted with rediss://, and made with whom the certificate names only",
    async () => {
      // Given a server that speaks TLS only, with a certificate of its own making
      const { certFile, keyFile } = givenCertificate();
      const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile];
      const tls = ["--tls-auth-clients", "optional", ...files];
      const redis = await OwnRedis.start(tls, { tls: true });
      const at = (host: string, query: string): string => `rediss://${host}:${redis.port}/0${query}`;
      // Then it is trusted by who knows the certificate, under the name in it
      expect(await (await opened(at("localhost", `?ssl_ca_certs=${certFile}`))).call("ping", [])).toBe("PONG");
      await expect(unopened(at("localhost", "")).open()).rejects.toMatchObject({ kind: "lost" });
      await expect(unopened(at("127.0.0.1", `?ssl_ca_certs=${certFile}`)).open()).rejects.toMatchObject({
        kind: "lost",
      });
      // And by who says not to look
      const unchecked = at("127.0.0.1", `?ssl_ca_certs=${certFile}&ssl_check_hostname=false`);
      expect(await (await opened(unchecked)).call("ping", [])).toBe("PONG");
      expect(await (await opened(at("127.0.0.1", "?ssl_cert_reqs=none"))).call("ping", [])).toBe("PONG");
      await expect(unopened(at("localhost", "?ssl_ca_certs=/nowhere.pem")).open()).rejects.toThrow(ConfigurationError);
    },
  );

  test("may be a socket of the file system", async () => {
    const redis = await OwnRedis.start(["--unixsocket", "redis.sock"]);
    const server = await opened(`redis+socket://${redis.folder}/redis.sock?virtual_host=2`);
    expect(await server.call("client", ["INFO"])).toMatch(/ db=2 /);
  });

  test("is refused by a server that is too old", () => {
    const info = parseInfo("# Server\r\nredis_version:6.0.16\r\n");
    expect(() => checkVersion(info, "at h:1")).toThrow(ConfigurationError);
    expect(() => checkVersion(parseInfo("redis_version:6.2.0"), "at h:1")).not.toThrow();
    expect(() => checkVersion(parseInfo("redis_version:7.0.15"), "at h:1")).not.toThrow();
    expect(() => checkVersion(parseInfo("redis_version:10.1.0"), "at h:1")).not.toThrow();
  });
});
