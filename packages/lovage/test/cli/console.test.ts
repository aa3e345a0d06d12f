import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CommandProcess, type CommandProcessOptions } from "../support/command-process.js";
import { describeWithServer } from "../support/servers.js";

// Built, as `npm test` does first: the console is another package, which finds this one by name.
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const MODULES = join(PACKAGE, "../../node_modules");
const main = join(PACKAGE, "bin/lovage.js");

let folder: string;
const running: CommandProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lovage-console-"));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  writeTasks();
});
afterEach(async () => {
  for (const each of running) each.process.kill("SIGTERM");
  await Promise.all(running.splice(0).map(({ ended }) => ended));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

function writeTasks(...names: readonly string[]): void {
  writeFileSync(
    join(folder, "tasks.js"),
    `import { Lovage } from ${JSON.stringify(join(PACKAGE, "dist/index.js"))};
     export const app = new Lovage("shop", { brokerUrl: "sqlite:shop.db", resultBackend: "sqlite:shop.db" });
     for (const name of ${JSON.stringify(["shop.add", ...names])}) app.task(name, (x, y) => x + y);`,
  );
}

function start(args: readonly string[], options: CommandProcessOptions = {}): CommandProcess {
  const started = new CommandProcess(args, folder, { main, ...options });
  running.push(started);
  return started;
}

/** Starts the console on a free port; resolves with its address. */
async function startConsole(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<[CommandProcess, string]> {
  const started = start(["console", "--port", "0", "--log-format", "text", ...args], { env });
  await started.says("the console is at ");
  return [started, addressIn(started.err)];
}

function addressIn(text: string): string {
  return /the console(?: is at|:) (http\S+)/.exec(text)?.[1] ?? "no address";
}

async function me(url: string, headers: Readonly<Record<string, string>> = {}): Promise<[number, unknown]> {
  const response = await fetch(new URL("api/v1/me", url), { headers });
  const body: unknown = await response.json();
  return [response.status, body];
}

describe("lovage console", { timeout: 120_000 }, () => {
  test("serves the console of the app, says where, and ends at a signal", async () => {
    const [console, url] = await startConsole(["--app", "./tasks.js"]);
    expect(await me(url)).toEqual([200, expect.objectContaining({ role: "admin" })]);
    expect(await (await fetch(new URL("api/v1/task-types", url))).text()).toContain("shop.add");
    console.process.kill("SIGINT");
    expect((await console.ended).code).toBe(0);
    expect(console.err).toContain("the console has stopped");
  });

  test("needs no app: a broker will do", async () => {
    rmSync(join(folder, "tasks.js"));
    const [, url] = await startConsole(["--broker", "sqlite:other.db", "--read-only", "--url-prefix", "/lovage"]);
    expect(new URL(url).pathname).toMatch(/^\/lovage\/?$/);
    expect(await me(url.replace(/\/?$/, "/"))).toEqual([200, expect.objectContaining({ role: "viewer" })]);
  });

  test("lets in whom consoleUsers lists, with entries that hash-password has made of standard input", async () => {
    const hashing = start(["console", "hash-password", "--name", "ann", "--role", "operator"], {
      input: "open sesame\n",
    });
    const { out, code } = await hashing.ended;
    expect([code, out]).toEqual([0, expect.stringMatching(/^ann:operator:scrypt\$\d+\$\d+\$\d+\$[\w-]+\$[\w-]+\n$/)]);
    expect(out).not.toContain("sesame");

    const [, url] = await startConsole([], { LOVAGE_CONSOLE_USERS: out.trim() });
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`ann:${password}`).toString("base64")}`,
    });
    expect((await me(url))[0]).toBe(401);
    expect((await me(url, basic("open the door")))[0]).toBe(401);
    expect(await me(url, basic("open sesame"))).toEqual([200, expect.objectContaining({ role: "operator" })]);
  });

  test("refuses to let the network in without asking who it is", async () => {
    const { code, err } = await start(["console", "--host", "0.0.0.0", "--port", "0"]).ended;
    expect([code, err]).toEqual([78, expect.stringContaining("--auth")]);
  });

  test.each([
    [["hash-password"], "", "the password is empty"],
    [["hash-password", "--name", "a:b"], "x", "a name has no colon"],
    [["hash-password"], "x".repeat(2000), "more than 1024 characters"],
  ])("%j refuses what makes no user", async (args, input, text) => {
    const { code, err } = await start(["console", ...args], { input }).ended;
    expect([code, err]).toEqual([64, expect.stringContaining(text)]);
  });

  test("says how to get the console where it is not installed", async () => {
    // The package as somebody has it who installed no other.
    const alone = join(folder, "node_modules/lovage");
    for (const part of ["bin", "dist", "package.json"])
      cpSync(join(PACKAGE, part), join(alone, part), { recursive: true });
    for (const name of ["commander", "pino", "pino-pretty", "tinyglobby"]) {
      const at = join(folder, "node_modules", name);
      mkdirSync(dirname(at), { recursive: true });
      symlinkSync(join(MODULES, name), at);
    }
    const { code, err } = await start(["console"], { main: join(alone, "bin/lovage.js") }).ended;
    expect([code, err]).toEqual([78, expect.stringContaining("npm install @lovage/console")]);
    expect(err).toContain("the console needs the package @lovage/console, which is not installed");
  });
});

describeWithServer("python", "a password typed on a terminal", (python) => {
  test("is asked for twice, never shown, and may be corrected", { timeout: 120_000 }, async () => {
    const typing = fileURLToPath(new URL("../support/type_password.py", import.meta.url));
    const command = [process.execPath, main, "console", "hash-password", "--name", "bob"];
    const shown = execFileSync(python, [typing, "pässwort", ...command], { encoding: "utf8" });
    const entry = /^bob:admin:scrypt\S+$/m.exec(shown)?.[0] ?? "";
    expect(shown.replaceAll("\r", "")).toBe(`Password: \nAgain: \n${entry}\n`);
    const [, url] = await startConsole([], { LOVAGE_CONSOLE_USERS: entry });
    const authorization = `Basic ${Buffer.from("bob:pässwort").toString("base64")}`;
    expect((await me(url, { authorization }))[0]).toBe(200);
  });
});

describe("lovage dev with its console", { timeout: 120_000 }, () => {
  test("says where it is, and has it there again after a change", async () => {
    const dev = start(["dev", "--port", "0", "-P", "solo"]);
    await dev.says("dev     | the console: ");
    await dev.says("is ready");
    const url = addressIn(dev.err);
    writeTasks("shop.new");
    await dev.says("the console is at ", 2);
    expect(await (await fetch(new URL("api/v1/task-types", url))).text()).toContain("shop.new");
    // It is where it was, so that is not said again.
    expect(dev.err.split("| the console: ")).toHaveLength(2);
    dev.process.kill("SIGINT");
    expect((await dev.ended).code).toBe(0);
  });
});
