import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type StartedProgram, startProgram } from "../../../test/support/started-program.js";
import { LiveTasks } from "./support/live-tasks.js";

const MAIN = new URL("../src/main.ts", import.meta.url);
let folder: string;
const running = new Set<ChildProcess>();
const streams: LiveTasks[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "handson-"));
});
afterEach(async () => {
  for (const live of streams.splice(0)) live.close();
  for (const child of running) {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Started {
  readonly program: StartedProgram;
  /** The address of its page. */
  readonly page: string;
}

async function start(env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const program = startProgram(MAIN, ["--port", "0"], { HANDSON_DATA: folder, ...env });
  running.add(program.child);
  void program.exit.then(() => running.delete(program.child));
  const [, page = ""] = await program.says(/Open (\S+)/);
  return { program, page };
}

async function listen(page: string): Promise<LiveTasks> {
  const live = await LiveTasks.open(page);
  streams.push(live);
  return live;
}

async function post(url: string, body: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function idsOf(response: Response): Promise<readonly string[]> {
  expect(response.status).toBe(202);
  return z.object({ ids: z.array(z.string()) }).parse(await response.json()).ids;
}

async function send(page: string, order: { count?: number; fails?: boolean } = {}): Promise<readonly string[]> {
  return await idsOf(await post(`${page}api/tasks`, order));
}

/** Processes that the program has started, by Linux' own account of them. */
function childrenOf({ child }: StartedProgram): readonly string[] {
  const found = execFileSync("ps", ["-o", "pid=", "--ppid", String(child.pid)], { encoding: "utf8" });
  return found
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

/** How much slower than usual this machine is now, at least 1: a start of Node takes a tenth of a second on an idle one. */
function slowness(): number {
  const startedMs = performance.now();
  execFileSync(process.execPath, ["-e", "0"]);
  return Math.max(1, (performance.now() - startedMs) / 100);
}

describe("the four steps", { timeout: 60_000 }, () => {
  test("1: a request that does the work itself is answered when that is done", async () => {
    const { page } = await start({ HANDSON_SECONDS: "2" });
    const startedMs = performance.now();
    const response = await post(`${page}api/report`);
    expect(performance.now() - startedMs).toBeGreaterThan(1900);
    expect(await response.json()).toEqual({ text: expect.stringMatching(/^\w+: \d+ lines$/) });
  });

  test("2 and 3: a request that sends the work is answered at once, and the task's states are told live", async () => {
    const { page } = await start({ HANDSON_SECONDS: "2" });
    const live = await listen(page);
    const startedMs = performance.now();
    const ids = await send(page, { count: 3 });
    expect(performance.now() - startedMs).toBeLessThan(1500 * slowness());
    expect(ids).toHaveLength(3);

    await live.allAre("SUCCESS", ids);
    for (const id of ids) expect(live.seen.get(id)).toEqual(["PENDING", "STARTED", "SUCCESS"]);
    await live.until(() => ids.every((id) => /^\w+: \d+ lines$/.test(live.tasks.get(id)?.text ?? "")));
    expect(ids.map((id) => live.tasks.get(id)?.step)).toEqual([10, 10, 10]);
    // Two processes: the third waited for one of the others to end.
    const startsMs = ids.map((id) => Date.parse(live.tasks.get(id)?.startedAt ?? "")).sort((one, other) => one - other);
    expect((startsMs[2] ?? 0) - (startsMs[0] ?? 0)).toBeGreaterThan(1500);
  });

  test("3: a task that fails says why, and one page that opens later is told what was before", async () => {
    const { page } = await start({ HANDSON_SECONDS: "0.5" });
    const live = await listen(page);
    const [id = ""] = await send(page, { fails: true });
    await live.allAre("FAILURE", [id]);
    await live.until(() => live.tasks.get(id)?.text !== null);
    expect(live.seen.get(id)).toEqual(["PENDING", "STARTED", "FAILURE"]);
    const later = await listen(page);
    expect(later.tasks.get(id)).toMatchObject({
      state: "FAILURE",
      step: 3,
      text: expect.stringContaining("no figures from"),
    });
  });

  test("4: all that run end REVOKED within a second of Stop, really stop, and the worker goes on", async () => {
    const { program, page } = await start({ HANDSON_SECONDS: "30" });
    const live = await listen(page);
    const ids = await send(page, { count: 6 });
    await live.until(() => ids.filter((id) => (live.tasks.get(id)?.step ?? 0) > 0).length === 2);
    const runningThen = ids.filter((id) => live.tasks.get(id)?.state === "STARTED");
    expect(runningThen).toHaveLength(2);
    const processes = childrenOf(program);

    const stopMs = performance.now();
    expect([...(await idsOf(await post(`${page}api/stop-all`)))].sort()).toEqual([...ids].sort());
    await live.allAre("REVOKED", runningThen);
    const tookMs = performance.now() - stopMs;
    expect(tookMs).toBeLessThan(1000 * slowness());
    await live.allAre("REVOKED", ids);

    // The processes that ran them are gone, so nothing of the tasks goes on.
    const left = childrenOf(program);
    expect(processes.filter((pid) => left.includes(pid))).toEqual([]);
    const steps = runningThen.map((id) => live.tasks.get(id)?.step);
    const [after = ""] = await send(page);
    await live.until(() => (live.tasks.get(after)?.step ?? 0) > 0);
    expect(runningThen.map((id) => live.tasks.get(id)?.step)).toEqual(steps);
    expect(ids.map((id) => live.tasks.get(id)?.state)).toEqual(ids.map(() => "REVOKED"));
  });

  test("a task outlives the program: ended in the middle of it, the next start takes it up again", async () => {
    const first = await start({ HANDSON_SECONDS: "3" });
    const live = await listen(first.page);
    const [id = ""] = await send(first.page);
    await live.allAre("STARTED", [id]);
    first.program.child.kill("SIGINT");
    expect((await first.program.exit).code).toBe(0);

    const second = await start({ HANDSON_SECONDS: "1" });
    const again = await listen(second.page);
    await again.allAre("SUCCESS", [id]);
  });
});

describe("the page", { timeout: 60_000 }, () => {
  test("has the four steps, and all it needs comes from here", async () => {
    const { page } = await start();
    const response = await fetch(page);
    const text = await response.text();
    expect(text.match(/<h2 id="step-\d">[^<]+/g)).toEqual([
      '<h2 id="step-1">Wait for it',
      '<h2 id="step-2">Send it to the queue',
      '<h2 id="step-3">Watch the tasks',
      '<h2 id="step-4">Stop them all',
    ]);
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    for (const asset of ["style.css", "page.js", "leaf.svg"]) {
      expect((await fetch(`${page}assets/${asset}`)).status).toBe(200);
    }
    expect((await fetch(`${page}assets/..%2fpackage.json`)).status).toBe(404);
    expect((await fetch(`${page}nope`)).status).toBe(404);
  });

  test("takes orders from itself only, and not more than it can show", async () => {
    const { page } = await start({ HANDSON_SECONDS: "30" });
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    for (const path of ["api/report", "api/tasks", "api/stop-all"]) {
      expect((await post(page + path, {}, foreign)).status).toBe(403);
    }
    expect(await send(page, { count: 1000 })).toHaveLength(20);
    expect(await idsOf(await fetch(`${page}api/tasks`, { method: "POST", body: "no JSON" }))).toHaveLength(1);
    for (let each = 0; each < 3; each++) await send(page, { count: 20 });
    const refused = await post(`${page}api/tasks`, { count: 20 });
    expect([refused.status, await refused.json()]).toEqual([429, { error: expect.stringContaining("100 tasks") }]);
  });

  test("is refused a port that is taken, and a wrong command line, with a reason", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const taken = await startProgram(MAIN, ["--port", String(port)], { HANDSON_DATA: folder }).exit;
    expect([taken.code, taken.output]).toEqual([1, expect.stringContaining(`port ${port} is taken`)]);
    server.close();
    const wrong = await startProgram(MAIN, ["--port", "many"], { HANDSON_DATA: folder }).exit;
    expect([wrong.code, wrong.output]).toEqual([2, expect.stringContaining("--port many: a port is a number")]);
    const help = await startProgram(MAIN, ["--help"], { HANDSON_DATA: folder }).exit;
    expect([help.code, help.output]).toEqual([0, expect.stringContaining("npm start")]);
  });
});
