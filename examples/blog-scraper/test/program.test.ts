import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type StartedProgram, startProgram } from "../../../test/support/started-program.js";
import { SAMPLE_POSTS } from "../src/sample-blog/sample-posts.js";
import { bloggerPage, dayPosts } from "./support/blogger-markup.js";
import { startSite } from "./support/scripted-site.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const MAIN = new URL("../src/main.ts", import.meta.url);
const READABLE = SAMPLE_POSTS.filter(({ ownPage }) => ownPage === undefined).length;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let running: Set<ChildProcess>;

beforeEach(async () => {
  folder = await temporaryFolder();
  running = new Set();
});
afterEach(async () => {
  for (const child of running) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await folder[Symbol.asyncDispose]();
});

function start(...args: string[]): StartedProgram {
  const program = startProgram(MAIN, args, { BLOG_SCRAPER_DATA: folder.path });
  running.add(program.child);
  void program.exit.then(() => running.delete(program.child));
  return program;
}

describe("npm start", { timeout: 60_000 }, () => {
  test("with --once scrapes the sample blog, shows its posts and ends with 0; a second time it updates them", async () => {
    const first = await start("--once").exit;
    expect(first.output).toContain(
      `SUCCESS: ${SAMPLE_POSTS.length} found, ${READABLE} extracted (${READABLE} new, 0 updated)`,
    );
    expect(first.output).toMatch(/2024-11-24 16:05 +Putting the garden to bed +Marta Ellingsen/);
    expect(first.code).toBe(0);
    const second = await start("--once", "--limit", "1000").exit;
    expect(second.code).toBe(0);
  });

  test("scrapes the address of --blog with the numbers and dates asked for", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage(dayPosts(30, 16), "/?2"));
    site.page("/?2", bloggerPage(dayPosts(15, 1)));
    const args = [
      "--blog",
      `${site.origin}/`,
      "--skip",
      "2",
      "--limit",
      "5",
      "--since",
      "2024-01-02",
      "--until",
      "2024-01-28",
      "--once",
    ];
    const { code, output } = await start(...args).exit;
    expect(output).toContain("SUCCESS: 7 found, 2 skipped, 5 extracted (5 new, 0 updated)");
    expect(output).toContain("Post 26");
    expect(output).not.toContain("Post 21 ");
    expect(code).toBe(0);
  });

  test("ends with 1 and the reason when the blog cannot be read", async () => {
    await using site = await startSite();
    const { code, output } = await start("--blog", `${site.origin}/gone`, "--once").exit;
    expect(output).toContain(
      `FAILURE: BlogUnreadableError: the blog cannot be read: ${site.origin}/gone answered HTTP 404`,
    );
    expect(code).toBe(1);
  });

  test("tries a blog that cannot be reached once more, then fails with the reason", async () => {
    const { code, output } = await start("--blog", `http://127.0.0.1:${await freePort()}/`, "--once").exit;
    expect(output).toContain("The task will be tried again: BlogUnavailableError");
    expect(output).toMatch(
      /FAILURE: BlogUnavailableError: the blog cannot be read: could not connect to 127\.0\.0\.1:\d+ \(connection refused, ECONNREFUSED\)/,
    );
    expect(code).toBe(1);
  });

  test("opens the console, answers at once to who runs the job there, and ends with 0 on Ctrl-C", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage(dayPosts(3, 1)));
    const program = start("--blog", `${site.origin}/`, "--port", "0");
    const page = new URL((await program.says(/The console is at (\S+)/))[1] ?? "");
    expect((await fetch(page)).status).toBe(200);
    const api = (path: string, init?: RequestInit) => fetch(new URL(`/api/v1/${path}`, page), init);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ parameters: { blog: `${site.origin}/`, number: 2 } });
    const response = await api("jobs/scrape-blog/runs", { method: "POST", headers, body });
    expect(response.status).toBe(201);
    const { id } = z.object({ id: z.string() }).parse(await response.json());
    await expect
      .poll(async () => (await api(`runs/${id}`)).json(), { timeout: 20_000 })
      .toMatchObject({ state: "SUCCESS", counters: { extracted: 2, updated: 2 } });
    const posts = (await program.says(/The posts are at (\S+)/))[1] ?? "";
    expect(await (await fetch(`${posts}?run=${id}`)).text()).toContain("Posts of a run");
    program.child.kill("SIGINT");
    expect((await program.exit).code).toBe(0);
  });

  test("lets a running task finish when it is told to stop, and says so by its exit code", async () => {
    await using site = await startSite();
    let release = (): void => {};
    const asked = new Promise<void>((resolve) => {
      site.page("/", (_, response) => {
        release = () => response.end(bloggerPage(dayPosts(2, 1)));
        resolve();
      });
    });
    const program = start("--blog", `${site.origin}/`, "--once");
    await asked;
    program.child.kill("SIGTERM");
    await program.says(/Stopping: a running task may finish/);
    release();
    const { code, output } = await program.exit;
    expect(output).toContain("SUCCESS: 2 found, 2 extracted");
    expect(code).toBe(143);
  });

  test("shows help, and explains what is wrong with the command line with exit code 2", async () => {
    expect(await start("--help").exit).toMatchObject({ code: 0, output: expect.stringContaining("--limit N") });
    expect(await start("--onec").exit).toMatchObject({
      code: 2,
      output: expect.stringContaining("did you mean --once?"),
    });
  });

  test("says that a port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, output } = await start("--port", String(port)).exit;
    expect(output).toContain(`port ${port} is taken; choose another by --port`);
    expect(code).toBe(1);
    server.close();
    await once(server, "close");
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
