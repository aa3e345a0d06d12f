import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { currentTask, Lovage, type LovageOptions } from "../../src/index.js";
import { deferred } from "../../src/util/deferred.js";
import { Worker } from "../../src/worker/index.js";
import { amqpVhost } from "../support/amqp-vhost.js";
import { until } from "../support/control-worker.js";
import { postgresSchema } from "../support/postgres-schema.js";
import { redisKeys } from "../support/redis-database.js";
import { describeWithServer } from "../support/servers.js";
import { StallProxy } from "../support/stall-proxy.js";

function makeApp(options: LovageOptions = {}): Lovage {
  const app = new Lovage("health", {
    brokerUrl: "memory://",
    resultBackend: null,
    workerHealthPort: 0,
    ...options,
  });
  onTestFinished(() => app.close());
  return app;
}

async function startWorker(app: Lovage): Promise<Worker> {
  const worker = new Worker({ app, pool: "solo", hostname: "w@test" });
  await worker.start();
  onTestFinished(() => worker.abort());
  return worker;
}

async function ask(worker: Worker, path: string, method = "GET"): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${worker.healthUrl}${path}`, { method });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

async function isReady(worker: Worker): Promise<boolean> {
  return (await ask(worker, "/readyz")).status === 200;
}

describe("a worker's health", () => {
  test("is told over HTTP while it runs: alive, and ready once it consumes", async () => {
    const worker = await startWorker(makeApp());
    expect(await ask(worker, "/healthz")).toEqual({ status: 200, body: { status: "alive", worker: "w@test" } });
    expect(await ask(worker, "/readyz")).toEqual({ status: 200, body: { status: "ready", worker: "w@test" } });
    expect(await ask(worker, "/readyz?from=probe", "HEAD")).toEqual({ status: 200, body: undefined });
  });

  test("is told nowhere unless a port is named, and no more after its end", async () => {
    const quiet = await startWorker(makeApp({ workerHealthPort: null }));
    expect(quiet.healthUrl).toBeUndefined();
    const worker = await startWorker(makeApp());
    const url = `${worker.healthUrl}/healthz`;
    await worker.stop();
    expect(worker.healthUrl).toBeUndefined();
    await expect(fetch(url)).rejects.toThrow();
  });

  test("is alive but not ready while the worker finishes what runs", async () => {
    const app = makeApp();
    const running = deferred<void>();
    const mayEnd = deferred<void>();
    const wait = app.task("wait", async () => {
      currentTask();
      running.resolve();
      await mayEnd.promise;
    });
    const worker = await startWorker(app);
    await wait.delay();
    await running.promise;
    const stopped = worker.stop();
    expect(await ask(worker, "/readyz")).toEqual({
      status: 503,
      body: { status: "not ready", reasons: ["the worker is shutting down"], worker: "w@test" },
    });
    expect(await ask(worker, "/healthz")).toMatchObject({ status: 200 });
    mayEnd.resolve();
    await stopped;
  });

  test("is not ready when no queue is left to consume, and ready again when there is one", async () => {
    const app = makeApp();
    const worker = await startWorker(app);
    await worker.parts.consumer.remove("celery");
    expect(await ask(worker, "/readyz")).toMatchObject({
      status: 503,
      body: { reasons: ["it has no queue to consume: all were cancelled by remote control"] },
    });
    await worker.parts.consumer.add(app.router.queue("other"));
    expect(await isReady(worker)).toBe(true);
  });

  test("answers nothing but these two pages, and only to who asks", async () => {
    const worker = await startWorker(makeApp());
    expect(await ask(worker, "/")).toMatchObject({ status: 404 });
    expect(await ask(worker, "/healthz/../x")).toMatchObject({ status: 404 });
    expect(await ask(worker, "/healthz", "POST")).toMatchObject({ status: 405 });
    expect(await ask(worker, "/readyz", "DELETE")).toMatchObject({ status: 405 });
  });

  test("outlives bytes that are no HTTP, and drops who never ends a request", async () => {
    const worker = await startWorker(makeApp());
    const noise = await dial(worker);
    noise.end("\0\0\0 no HTTP at all\r\n\r\n");
    await once(noise, "close");
    const slow = await dial(worker);
    slow.write("GET /healthz HTTP/1.1\r\nhost: x\r\n");
    await once(slow, "close");
    const long = await dial(worker);
    long.write(`GET /${"x".repeat(100_000)} HTTP/1.1\r\n\r\n`);
    await once(long, "close");
    expect(await ask(worker, "/healthz")).toMatchObject({ status: 200 });
  });

  test("fails the start when its port is taken, and leaves nothing running", async () => {
    const first = await startWorker(makeApp());
    const port = Number(new URL(`${first.healthUrl}`).port);
    const second = new Worker({ app: makeApp({ workerHealthPort: port }), pool: "solo" });
    await expect(second.start()).rejects.toMatchObject({ code: "health_port_taken" });
    await second.stop();
    expect(await isReady(first)).toBe(true);
  });
});

async function dial(worker: Worker): Promise<Socket> {
  const socket = connect(Number(new URL(`${worker.healthUrl}`).port), "127.0.0.1");
  // Being cut off is what is waited for.
  socket.on("error", () => undefined);
  socket.resume();
  await once(socket, "connect");
  return socket;
}

/** What every broker with a connection must bear: `url` is opened through a proxy. */
function tellsOfItsBroker(fixture: () => Promise<{ readonly url: string; remove(): Promise<void> }>): void {
  async function given(): Promise<{ worker: Worker; proxy: StallProxy }> {
    const { url, remove } = await fixture();
    onTestFinished(remove);
    const proxy = await StallProxy.to(url);
    const through = new URL(url);
    through.hostname = "127.0.0.1";
    through.port = String(proxy.port);
    const worker = await startWorker(makeApp({ brokerUrl: through.href }));
    expect(await isReady(worker)).toBe(true);
    return { worker, proxy };
  }

  test("is not ready while the broker cannot be reached, and ready when it is back", async () => {
    const { worker, proxy } = await given();
    proxy.refuse(true);
    proxy.cut();
    await until(async () => !(await isReady(worker)));
    expect(await ask(worker, "/healthz")).toMatchObject({ status: 200 });
    expect(JSON.stringify(await ask(worker, "/readyz"))).not.toContain("guest:guest");
    proxy.refuse(false);
    await until(() => isReady(worker));
  });

  test("is not ready while connections are open and dead, though nothing has said so, and ready when they were made anew", async () => {
    const { worker, proxy } = await given();
    // New ones too: a broker that finds out by itself and connects anew before anybody asks was ready all the time.
    proxy.hang(true);
    await until(async () => !(await isReady(worker)));
    // As when the server's machine is restarted: until it says so, nobody can know.
    proxy.hang(false);
    proxy.cut();
    await until(() => isReady(worker));
  });
}

describeWithServer("redis", "a worker's health on Redis", (url) => tellsOfItsBroker(() => redisKeys(url)));
describeWithServer("amqp", "a worker's health on RabbitMQ", () => tellsOfItsBroker(() => amqpVhost()));
describeWithServer("postgres", "a worker's health on PostgreSQL", (url) => tellsOfItsBroker(() => postgresSchema(url)));
