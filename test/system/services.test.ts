import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connect as connectAmqp } from "amqplib";
import { Redis } from "ioredis";
import pg from "pg";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { imageOf } from "../support/services/docker.js";
import { SERVER_TYPES } from "../support/services/kinds.js";
import { needsOf } from "../support/services/needs.js";
import { findProgram } from "../support/services/programs.js";
import { startServer, type TestServer, whyNoServer } from "../support/services/server.js";
import { SERVER_KINDS, type ServerKind } from "../support/services/server-type.js";

const SERVICES = fileURLToPath(new URL("../../scripts/services", import.meta.url));
const FIXTURES = fileURLToPath(new URL("./fixtures", import.meta.url));

describe("a server of one's own", () => {
  testWith("redis", "keeps what Redis confirmed when it is killed, and serves on the same port again", async () => {
    const server = await given("redis");
    const client = new Redis(server.url, { lazyConnect: true });
    onTestFinished(() => client.disconnect());
    await client.set("kept", "yes");
    await server.kill();
    await expectRefused(server.port);
    await server.start();
    expect(await client.get("kept")).toBe("yes");
  });

  testWith(
    "postgres",
    "keeps what PostgreSQL committed when it is killed, and serves on the same port again",
    async () => {
      const server = await given("postgres");
      await query(server.url, "CREATE TABLE kept AS SELECT 'yes' AS word");
      await server.kill();
      await expectRefused(server.port);
      await server.start();
      expect(await query(server.url, "SELECT word FROM kept")).toEqual([{ word: "yes" }]);
      await server.stop();
      await server.start();
      expect(await query(server.url, "SHOW fsync")).toEqual([{ fsync: "on" }]);
    },
  );

  testWith("amqp", "keeps what RabbitMQ confirmed when it is killed, and serves on the same ports again", async () => {
    const server = await given("amqp");
    await usingChannel(server.url, async (channel) => void (await channel.assertQueue("kept", { durable: true })));
    // Messages are on disk when they are confirmed; a declaration, kept in Mnesia's log, some time later.
    await server.stop();
    await expectRefused(server.port);
    await server.start();
    await usingChannel(server.url, async (channel) => {
      channel.sendToQueue("kept", Buffer.from("yes"), { persistent: true });
      await channel.waitForConfirms();
    });
    await server.kill();
    await expectRefused(server.port);
    await server.start();
    await usingChannel(server.url, async (channel) => {
      const message = await channel.get("kept", { noAck: true });
      expect(message === false ? "" : message.content.toString()).toBe("yes");
    });
    const authorization = `Basic ${btoa("guest:guest")}`;
    const overview = new URL("/api/overview", server.managementUrl?.replace("guest:guest@", ""));
    expect((await fetch(overview, { headers: { authorization } })).status).toBe(200);
  });

  testWith("redis", "is one of several, each by itself", async () => {
    const [one, other] = await Promise.all([given("redis"), given("redis")]);
    expect(one.port).not.toBe(other.port);
    await one.kill();
    const client = new Redis(other.url);
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
  });

  testWith("redis", "has the settings it is given", async () => {
    const server = await given("redis", { maxmemory: "7mb" });
    const client = new Redis(server.url);
    expect(await client.config("GET", "maxmemory")).toEqual(["maxmemory", String(7 * 2 ** 20)]);
    client.disconnect();
  });

  testWith("redis", "that does not start says what it printed", async () => {
    await expect(startServer("redis", { settings: { "no-such-setting": "1" } })).rejects.toThrow(
      /Redis did not start: .*redis-server ended: code 1[\s\S]*no-such-setting/,
    );
  });

  testWith("redis", "is removed with its data, and may be removed again", async () => {
    const server = await given("redis");
    expect(existsSync(server.log)).toBe(true);
    await server.remove();
    await expectRefused(server.port);
    expect(existsSync(dirname(server.log))).toBe(false);
    await server.remove();
  });

  testWith("redis", "ends when its program is killed, and its data with it", async () => {
    const program = startProgram([join(FIXTURES, "has-a-server.ts")]);
    const { port, log }: { port: number; log: string } = JSON.parse(await firstLine(program));
    const client = connect(port, "127.0.0.1");
    const closed = once(client, "close");
    client.on("error", () => {});
    await once(client, "connect");
    program.kill("SIGKILL");
    await closed;
    // The last thing the keeper does before it ends.
    await vi.waitFor(() => expect(existsSync(dirname(log))).toBe(false), { timeout: 10_000 });
    await expectRefused(port);
  });
});

describe("scripts/services", () => {
  test("explains itself", async () => {
    const { code, stdout } = await services(["--help"]);
    expect(code).toBe(0);
    for (const word of ["check", "start", "run", "install", ...SERVER_KINDS, "python", "LOVAGE_TEST_REDIS"])
      expect(stdout).toContain(word);
  });

  test.each([
    [[], "no command given (commands: check, start, run, install; kinds: redis,"],
    [["begin"], 'no command "begin"'],
    [["constructor"], 'no command "constructor"'],
    [["start", "mysql"], 'no kind "mysql"'],
    [["run", "redis"], "run needs a command after --"],
  ])("answers %j with what is wrong", async (args, problem) => {
    const { code, stderr } = await services(args);
    expect(code).toBe(2);
    expect(stderr).toContain(problem);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("uses what it is given", async () => {
    const given = "redis://127.0.0.1:1";
    const script = ["run", "redis", "--", "sh", "-c", "echo $LOVAGE_TEST_REDIS"];
    const { stdout } = await services(script, { LOVAGE_TEST_REDIS: given });
    expect(stdout.trim()).toBe(given);
    expect((await services(["check", "redis"], { LOVAGE_TEST_REDIS: given })).stdout).toContain(
      "given by LOVAGE_TEST_REDIS",
    );
  });

  testWith("redis", "runs a command with servers, passes its exit code on, and leaves nothing", async () => {
    const script = ["run", "redis", "--", "sh", "-c", "echo $LOVAGE_TEST_REDIS; exit 7"];
    const { code, stdout } = await services(script, { LOVAGE_TEST_REDIS: undefined });
    expect(code).toBe(7);
    await expectRefused(Number(new URL(stdout.trim()).port));
  });

  testWith("redis", "keeps servers until Ctrl-C", async () => {
    const program = spawn(SERVICES, ["start", "redis"], {
      env: { ...process.env, LOVAGE_TEST_REDIS: undefined },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const url = /^export LOVAGE_TEST_REDIS=(\S+)$/.exec(await firstLine(program))?.[1] ?? "";
    const client = new Redis(url);
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
    program.kill("SIGINT");
    expect(await once(program, "exit")).toEqual([0, null]);
    await expectRefused(Number(new URL(url).port));
  });

  test("says in one line what to install where there is nothing", async () => {
    const bin = await folderWith({});
    const { code, stderr } = await services(["run", "redis", "--", "true"], {
      LOVAGE_TEST_REDIS: undefined,
      PATH: bin,
    });
    expect(code).toBe(1);
    expect(stderr.trim()).toBe(
      "services: Redis is missing: install redis-server (Debian), or start Docker, or set LOVAGE_TEST_REDIS",
    );
  });

  testWith("redis", "starts servers with Docker where nothing is installed", async () => {
    const bin = await folderWith({ docker: join(FIXTURES, "docker.sh") });
    const { code, stdout, stderr } = await services(
      ["run", "redis", "--", "/bin/sh", "-c", "echo $LOVAGE_TEST_REDIS"],
      {
        LOVAGE_TEST_REDIS: undefined,
        STAND_IN_REDIS: findProgram("redis-server"),
        STAND_IN_FOLDER: bin,
        PATH: bin,
      },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    await expectRefused(Number(new URL(stdout.trim()).port));
    const calls = (await readFile(join(bin, "calls"), "utf8")).split("\n");
    const name = (await readFile(join(bin, "name"), "utf8")).trim();
    expect(calls).toContainEqual(expect.stringMatching(`^create --name ${name} .*:6379 redis:\\d+ redis-server `));
    expect(calls.at(-2)).toBe(`rm --force --volumes ${name}`);
  });
});

describe("what a test file needs", () => {
  test("is read from its text and what it imports", async () => {
    const folder = join(await folderWith({}), "test");
    await mkdir(folder);
    const files = {
      "pure.test.ts": 'import { x } from "../src/x.js";',
      "redis.test.ts": 'describeWithServer("redis", "…", (url) => {});',
      "own.test.ts": 'import { rig } from "./rig.js";',
      "rig.ts": 'const server = await startServer("amqp");\nprocess.env.LOVAGE_TEST_PYTHON;',
      "any.test.ts": "describeWithServer(kind, name, body);",
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const needs = (...names: readonly string[]) => needsOf(names.map((name) => join(folder, name)));
    expect(needs("pure.test.ts")).toEqual({ shared: new Set(), own: new Set() });
    expect(needs("redis.test.ts")).toEqual({ shared: new Set(["redis"]), own: new Set() });
    expect(needs("own.test.ts", "pure.test.ts")).toEqual({ shared: new Set(["python"]), own: new Set(["amqp"]) });
    expect(needs("any.test.ts").shared).toEqual(new Set(SERVER_KINDS));
  });
});

test("deploy/compose.yaml names an image, with its major version, for each server", () => {
  for (const { service } of Object.values(SERVER_TYPES)) expect(imageOf(service)).toMatch(/^[a-z]+:\d+(-management)?$/);
});

/** A test that starts servers of a kind: skipped with its reason where there is none, a failure in CI. */
function testWith(kind: ServerKind, name: string, body: () => Promise<void>): void {
  const reason = whyNoServer(kind);
  // RabbitMQ takes seconds to start, and as long to stop: many of them on a loaded machine.
  if (reason === undefined || process.env.CI) test(name, body, 300_000);
  else test.skip(`${name} (${reason})`, body);
}

async function given(kind: ServerKind, settings: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const server = await startServer(kind, { settings });
  onTestFinished(() => server.remove());
  return server;
}

async function expectRefused(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const outcome: unknown = await once(socket, "connect").catch((error: unknown) => error);
  socket.on("error", () => {}).destroy();
  expect(outcome).toMatchObject({ code: "ECONNREFUSED" });
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}

type Channel = Awaited<ReturnType<Awaited<ReturnType<typeof connectAmqp>>["createConfirmChannel"]>>;

async function usingChannel(url: string, work: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = await connectAmqp(url);
  await work(await connection.createConfirmChannel());
  await connection.close();
}

/** An empty folder but for links to the programs. */
async function folderWith(programs: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lovage-services-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, target] of Object.entries(programs)) await symlink(target, join(folder, name));
  return folder;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs scripts/services. With a PATH of its own, without the shell script before it, which needs one. */
async function services(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const all = { ...process.env, ...env };
  const child = env.PATH
    ? startProgram([fileURLToPath(new URL("../support/services/cli.ts", import.meta.url)), ...args], all)
    : spawn(SERVICES, args, { env: all, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  await once(child, "close");
  return { code: child.exitCode, stdout: stdout(), stderr: stderr() };
}

function startProgram(args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

function text(stream: NodeJS.ReadableStream | null): () => string {
  let all = "";
  stream?.setEncoding("utf8").on("data", (part: string) => {
    all += part;
  });
  return () => all;
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error("the program's output is not read");
  for await (const line of createInterface(stdout)) return line;
  throw new Error("the program ended without a word");
}
