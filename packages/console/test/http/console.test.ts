import { type AddressInfo, createServer } from "node:net";
import { Lovage, silentLogger } from "lovage";
import { describe, expect, onTestFinished, test } from "vitest";
import { LovageConsole } from "../../src/server/console.js";
import { describeDatabases, sqlitePlace } from "../support/console-database.js";
import { OPTIONS } from "../support/console-http.js";
import { StreamListener } from "../support/event-stream.js";
import { startConsole } from "../support/running-console.js";

describeDatabases("a console", (place) => {
  test("starts, answers, ends its streams when it stops, and begins again with what it had", async () => {
    const { url: store } = await place();
    const first = await startConsole({ options: { store } });
    expect((await first.ask("/readyz")).status).toBe(200);
    const made = await first.ask("/api/v1/views", {
      method: "POST",
      body: { page: "tasks", name: "mine", search: "?q=a" },
    });
    expect(made.status).toBe(201);
    const stream = await StreamListener.open(first.url, "stats,tasks");
    await first.console.stop();
    await stream.untilEnded();
    await expect(first.ask("/healthz")).rejects.toThrow();
    const second = await startConsole({ options: { store } });
    expect((await second.ask("/api/v1/me")).json).toMatchObject({ views: [{ name: "mine" }] });
    expect((await second.ask("/api/v1/audit")).json).toMatchObject({ items: [{ action: "save view", user: "local" }] });
    const system = await second.ask("/api/v1/system");
    expect(system.json).toMatchObject({
      broker: { reachable: true },
      store: { trouble: null },
      retention: { taskDays: 7 },
    });
  });
});

describe("a console whose broker is away", () => {
  test("starts, serves its pages, and says what is wrong", async () => {
    const port = await freePort();
    const { ask, console } = await startConsole({
      settings: { brokerUrl: `redis://user:hush@127.0.0.1:${port}/0`, resultBackend: null },
    });
    await console.parts.queues.refresh();
    expect(await ask("/readyz")).toMatchObject({ status: 503, json: { store: "ok", broker: "unavailable" } });
    const system = await ask("/api/v1/system");
    expect(system).toMatchObject({ status: 200, json: { broker: { reachable: false } } });
    expect(system.text).not.toContain("hush");
    expect((await ask("/api/v1/tasks")).status).toBe(200);
    expect(await ask("/api/v1/tasks", { method: "POST", body: { name: "a" } })).toMatchObject({
      status: 503,
      json: { code: "broker_connection" },
    });
  });
});

describe("starting and stopping", () => {
  async function unstarted() {
    const app = new Lovage("unstarted", { brokerUrl: "memory:", resultBackend: "memory:" });
    onTestFinished(() => app.close());
    const { url: store } = await sqlitePlace();
    return new LovageConsole({ app, hasApp: true, options: { ...OPTIONS, store }, logger: silentLogger });
  }

  test("a console that cannot have its address says so, and leaves nothing running", async () => {
    const { origin } = await startConsole();
    const port = Number(new URL(origin).port);
    await expect(startConsole({ options: { port } })).rejects.toMatchObject({ code: "console_cannot_listen" });
  });

  test("a console that was never started can be stopped, and a stopped one again", async () => {
    const never = await unstarted();
    await never.stop();
    await never.stop();
    const { console } = await startConsole();
    await Promise.all([console.stop(), console.stop()]);
    await console.stop();
  });

  test("a console that is stopped while it starts ends all the same", async () => {
    const hurried = await unstarted();
    const started = hurried.start();
    const refused = expect(started).rejects.toMatchObject({ code: "console_stopped" });
    await hurried.stop();
    await refused;
  });
});

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
