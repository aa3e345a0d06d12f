import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CommandProcess, type Ended, TSX } from "../support/command-process.js";
import { array, object } from "../support/vectors.js";

const LIBRARY = new URL("../../src/index.ts", import.meta.url).href;

let folder: string;
const running: CommandProcess[] = [];

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = folder): CommandProcess {
  const started = new CommandProcess(args, cwd, { env });
  running.push(started);
  return started;
}
async function run(...args: readonly string[]): Promise<Ended> {
  return await start(args).ended;
}
async function json(...args: readonly string[]): Promise<unknown> {
  const { out, err, code } = await run(...args, "--json");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${err}`);
  return JSON.parse(out);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lovage-cli-"));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  writeFileSync(
    join(folder, "tasks.ts"),
    `import { Lovage } from ${JSON.stringify(LIBRARY)};
     export const app = new Lovage("shop", { brokerUrl: "sqlite:shop.db?synchronous=normal", resultBackend: "sqlite:shop.db?synchronous=normal" });
     app.task("shop.add", (x: number, y: number) => x + y);
     app.task("shop.fail", (message: string) => { throw new Error(message); });
     app.task("shop.sleep", (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)));`,
  );
});
afterEach(async () => {
  for (const each of running) each.process.kill("SIGKILL");
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("lovage", { timeout: 60_000 }, () => {
  test("explains itself", async () => {
    const help = await run("--help");
    expect(help.code).toBe(0);
    for (const command of [
      "worker",
      "console",
      "dev",
      "call",
      "result",
      "inspect",
      "control",
      "events",
      "status",
      "purge",
      "queues",
      "dead-letters",
      "report",
    ])
      expect(help.out).toMatch(new RegExp(`^  ${command} `, "m"));
    expect(help.out).toContain("Exit codes");
    const { version } = object(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")));
    expect((await run("--version")).out).toBe(`${String(version)}\n`);
    expect((await run("worker", "--help")).out).toContain("--max-tasks-per-child");
  });

  test.each([
    [["frob"], 64, "unknown command 'frob'"],
    [["inspect", "actve"], 64, "Did you mean active?"],
    [["worker", "--pool", "cloud"], 64, "Allowed choices are processes, threads, async, solo"],
    [["worker", "--health-port", "65536"], 64, "a port from 0 to 65535"],
    [["console", "--url-prefix", "/a b"], 64, "a path such as /console"],
    [["console", "--auth", "oidc"], 64, "Allowed choices are none, basic, header"],
    [["console", "--user-header", "a b"], 64, "the name of an HTTP header"],
    [["dev", "-A", "./nope.ts"], 78, "there is no app at"],
    [["worker", "--autoscale", "3,10"], 64, "max,min"],
    [["worker", "--autoscale", "3,1", "-c", "2"], 64, "not both"],
    [["call", "shop.add", "--args", "{"], 64, "It is no JSON"],
    [["call", "shop.add", "--args", "{}"], 64, "It is a JSON array"],
    [["control", "pool_grow", "many"], 64, "whole number"],
    [["purge"], 64, "--force"],
    [["status", "-A", "./nope.ts"], 78, "there is no app at"],
    [["status", "-b", "carrier-pigeon://x"], 78, "carrier-pigeon"],
    [["status", "-b", "sqlite:/nonexistent/x.db"], 69, "/nonexistent/x.db"],
    [["status", "--timeout", "0.2"], 69, "no worker answered within 0.2 s"],
    [
      ["call", "shop.add", "--args", "[1,2]", "--queue", "nobodys", "--wait", "--timeout", "0.2"],
      75,
      "did not end within 0.2 s",
    ],
    [["dead-letters", "show", "nope"], 1, "there is no dead letter"],
    [["queues", "nope"], 1, "there is no queue"],
  ])("%j ends with %i in one clear line", async (args, code, text) => {
    const { code: ended, err } = await run(...args);
    expect(ended, err).toBe(code);
    expect(err).toContain(text);
    expect(err).not.toMatch(/^ {4}at /m);
  });

  test("says what to do where there is no app, and shows the stack only for debugging", async () => {
    const nowhere = start(["status"], {}, tmpdir());
    expect(await nowhere.ended).toMatchObject({ code: 78, err: expect.stringContaining("--app ./tasks.ts") });
    expect((await run("status", "-A", "./nope.ts", "--loglevel", "debug")).err).toMatch(/^ {4}at /m);
  });

  test("masks the password of a broker that it cannot use", async () => {
    const { err } = await run("status", "-b", "nothing://me:hunter2@host", "--loglevel", "debug");
    expect(err).not.toContain("hunter2");
  });

  test("works with a broker alone", async () => {
    const broker = `sqlite:${join(folder, "alone.db")}`;
    const { id } = object(await json("call", "anything", "-b", broker, "--args", "[1]"));
    expect(await json("queues", "celery", "-b", broker)).toMatchObject({
      ready: 1,
      messages: [{ id, task: "anything" }],
    });
    const fromEnvironment = start(["queues", "--json"], { LOVAGE_BROKER_URL: broker }, tmpdir());
    expect(JSON.parse((await fromEnvironment.ended).out)).toMatchObject([{ name: "celery", ready: 1 }]);
    expect(await json("purge", "-f", "-b", broker)).toEqual({ purged: { celery: 1 } });
  });

  test("brings the tables of broker and result backend up to date", async () => {
    const store = `sqlite:${join(folder, "new.db")}`;
    expect(await json("migrate", "-b", store, "--result-backend", store)).toEqual({
      upToDate: ["broker", "result backend"],
    });
    expect(await json("migrate", "-b", store, "--result-backend", "none")).toEqual({ upToDate: ["broker"] });
  });
});

describe("lovage worker", { timeout: 60_000 }, () => {
  test("runs what is called, answers, and stops when told to", async () => {
    const worker = start(["worker", "-P", "solo", "-n", "w1@test", "-E", "-Q", "celery"]);
    await worker.says("is ready");

    const done = await run("call", "shop.add", "--args", "[2, 3]", "--wait", "--timeout", "20");
    expect(done).toMatchObject({ code: 0, out: "5\n" });
    const { id } = object(await json("call", "shop.fail", "--args", '["no luck"]'));
    const failed = await run("result", String(id), "--wait", "--timeout", "20", "--traceback");
    expect(failed).toMatchObject({ code: 1, out: expect.stringContaining("FAILURE: Error: no luck\n") });
    expect(failed.out).toContain("tasks.ts");

    expect(await json("status", "-d", "w1@test", "--timeout", "10")).toEqual({ online: ["w1@test"] });
    const stats = object(object(await json("inspect", "stats", "-d", "w1@test", "--timeout", "10"))["w1@test"]);
    expect(stats.total).toEqual({ "shop.add": 1, "shop.fail": 1 });
    const refused = await run("control", "rate_limit", "no.such", "1/s", "-d", "w1@test", "--timeout", "10");
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining("unknown task") });
    expect(await json("control", "shutdown")).toEqual({ sent: "shutdown" });

    const { code, err } = await worker.ended;
    expect(code).toBe(0);
    const records = err
      .trim()
      .split("\n")
      .map((line) => object(JSON.parse(line)));
    expect(records[0]).toMatchObject({
      msg: "worker w1@test starts",
      app: "shop (./tasks.ts)",
      pool: "solo",
      queues: ["celery"],
      tasks: ["shop.add", "shop.fail", "shop.sleep"],
    });
  });

  test("shows a banner to people, without passwords", async () => {
    const worker = start([
      "worker",
      "-P",
      "solo",
      "--log-format",
      "text",
      "--result-backend",
      "memory://me:hunter2@there",
    ]);
    await worker.says("is ready");
    worker.process.kill("SIGTERM");
    const { code, err } = await worker.ended;
    expect(code).toBe(0);
    for (const text of ["shop (./tasks.ts)", "memory://me:********@there", ". celery", ". shop.add", "Ctrl-C"])
      expect(err).toContain(text);
    expect(err).toMatch(/^\[.*: INFO\] worker .* is ready$/m);
    expect(err).not.toContain("\u001b");
  });

  test("finishes what runs on the first signal, and gives it back on the second", async () => {
    const worker = start(["worker", "-P", "solo", "-n", "w2@test"]);
    await worker.says("is ready");
    const { id } = object(await json("call", "shop.sleep", "--args", "[600]"));
    await worker.says("shop.sleep received");
    worker.process.kill("SIGINT");
    await worker.says("warm shutdown");
    worker.process.kill("SIGINT");
    expect((await worker.ended).code).toBe(1);
    const { messages } = object(await json("queues", "celery"));
    expect(array(messages).map((each) => object(each).id)).toContain(id);
    await run("purge", "-f");
  });

  test("says why it cannot start", async () => {
    writeFileSync(join(folder, "broken.ts"), "throw new Error('no database');");
    const { code, err } = await run("worker", "-A", "./broken.ts");
    expect(code).toBe(78);
    expect(err).toContain("./broken.ts could not be loaded: no database");
  });
});

describe("lovage events", { timeout: 60_000 }, () => {
  test("shows them as JSON lines", async () => {
    const watcher = start(["events", "--json", "--count", "1"]);
    const worker = start(["worker", "-P", "solo", "-n", "w3@test"]);
    await worker.says("is ready");
    const { code, out } = await watcher.ended;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ hostname: "w3@test", type: expect.stringContaining("worker-") });
    worker.process.kill("SIGTERM");
    expect((await worker.ended).code).toBe(0);
  });
});

describe("lovage dead-letters", { timeout: 60_000 }, () => {
  test("lists, replays and deletes them", async () => {
    // A message that nobody can read becomes a dead letter when a worker takes it.
    writeFileSync(
      join(folder, "garbage.ts"),
      `import { app } from "./tasks.ts";
       const broker = await app.direct.broker();
       await app.direct.declare(app.router.queue("celery"));
       const message = { headers: { task: "shop.add", id: "bad-1" }, properties: {}, body: Buffer.from("{"), contentType: "application/json", contentEncoding: "utf-8" };
       await broker.publish(message, { exchange: "", routingKey: "celery" });
       await app.close();`,
    );
    const made = spawn(process.execPath, ["--import", TSX, "garbage.ts"], { cwd: folder, stdio: "inherit" });
    expect(await new Promise((resolve) => made.on("close", resolve))).toBe(0);
    const worker = start(["worker", "-P", "solo"]);
    await worker.says("dead letter");
    worker.process.kill("SIGTERM");
    await worker.ended;

    expect(await json("dead-letters", "list")).toMatchObject([
      { id: "bad-1", task: "shop.add", reason: "not_decodable", queue: "celery" },
    ]);
    expect((await run("dead-letters", "delete")).code).toBe(64);
    expect(await json("dead-letters", "replay", "bad-1", "--queue", "celery")).toEqual({ replayed: 1 });
    expect(await json("queues", "celery")).toMatchObject({ ready: 1 });
    expect(await json("dead-letters", "delete", "--all")).toEqual({ deleted: 0 });
  });
});
