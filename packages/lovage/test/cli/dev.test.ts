import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CommandProcess } from "../support/command-process.js";
import { until } from "../support/control-worker.js";

const LIBRARY = new URL("../../src/index.ts", import.meta.url).href;

let folder: string;
const running: CommandProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lovage-dev-"));
  write("package.json", '{"type": "module"}');
  writeTasks("first");
});
afterEach(async () => {
  for (const each of running) each.process.kill("SIGQUIT");
  await Promise.all(running.splice(0).map(({ ended }) => ended));
  rmSync(folder, { recursive: true, force: true });
});

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), text);
}

/** An app whose only task says which version of the source it comes from. */
function writeTasks(version: string): void {
  write(
    "tasks.ts",
    `import { Lovage } from ${JSON.stringify(LIBRARY)};
     import { spawn } from "node:child_process";
     import { appendFileSync } from "node:fs";
     export const app = new Lovage("dev", { brokerUrl: "sqlite:dev.db?synchronous=normal", resultBackend: "sqlite:dev.db?synchronous=normal" });
     app.task("version", () => ${JSON.stringify(version)});
     app.task("outlive", () => spawn("sleep", ["60"], { stdio: "inherit", detached: true }).pid);
     app.task("sleep", async (ms: number) => {
       appendFileSync("runs.log", "begun\\n");
       await new Promise((resolve) => setTimeout(resolve, ms));
       return ${JSON.stringify(version)};
     });`,
  );
}

function start(...args: readonly string[]): CommandProcess {
  const started = new CommandProcess(args, folder);
  running.push(started);
  return started;
}

async function call(task: string, ...args: readonly unknown[]): Promise<unknown> {
  const { out, err, code } = await start("call", task, "--args", JSON.stringify(args), "--wait", "--json").ended;
  if (code !== 0) throw new Error(`${task} ended with ${code}: ${err}`);
  return Reflect.get(Object(JSON.parse(out)), "result");
}

async function startDev(...args: readonly string[]): Promise<CommandProcess> {
  const dev = start("dev", "--no-console", "-P", "solo", "-c", "1", ...args);
  await dev.says("is ready");
  return dev;
}

describe("lovage dev", { timeout: 120_000 }, () => {
  test("runs a worker that sends events, each line with who writes it, and ends it at a signal", async () => {
    const dev = await startDev();
    expect(dev.err).toMatch(/^worker {2}\| .*task events {2}on$/m);
    expect(dev.err).toMatch(/^dev {5}\| watching /m);
    expect(await call("version")).toBe("first");
    dev.process.kill("SIGINT");
    expect((await dev.ended).code).toBe(0);
    expect(dev.err).toMatch(/^worker {2}\| .*has stopped$/m);
  });

  test("restarts the worker when a source changes, a new file in a new folder too", async () => {
    const dev = await startDev();
    writeTasks("second");
    await dev.says("is ready", 2);
    expect(await call("version")).toBe("second");

    mkdirSync(join(folder, "lib"));
    write("lib/more.ts", "export const more = 1;");
    await dev.says("more.ts has changed");
    await dev.says("is ready", 3);
    write("lib/more.ts", "export const more = 2;");
    await dev.says("is ready", 4);
  });

  test("shows what is wrong with a change, and goes on with the last state until the next one", async () => {
    const dev = await startDev();
    write("tasks.ts", "export const = 3;");
    await dev.says("the last state goes on until the next change");
    expect(dev.err).toMatch(/^dev {5}\| .*tasks\.ts:1:13: ERROR/m);
    writeTasks("third");
    await dev.says("is ready", 2);
    expect(await call("version")).toBe("third");
    expect(dev.err.split("shutdown").length - 1).toBe(1);
  });

  test("lets a task finish before the worker is restarted", async () => {
    const dev = await startDev();
    const slept = call("sleep", 1500);
    // The task leaves a mark when it begins; its events would need a listener of their own.
    const marks = join(folder, "runs.log");
    await until(() => existsSync(marks));
    writeTasks("second");
    expect(await slept).toBe("first");
    await dev.says("is ready", 2);
  });

  test("ends what a task does after its grace, and gives it back to the next worker", async () => {
    const dev = await startDev("--grace", "0.2");
    const slept = call("sleep", 3000);
    const marks = join(folder, "runs.log");
    await until(() => existsSync(marks));
    writeTasks("second");
    await dev.says("did not finish within 0.2 s");
    await dev.says("is ready", 2);
    expect(await slept).toBe("second");
  });

  test("waits for its worker, not for what a task has started and left behind", async () => {
    const dev = await startDev();
    const pid = Number(await call("outlive"));
    try {
      writeTasks("second");
      await dev.says("is ready", 2);
      dev.process.kill("SIGINT");
      expect((await dev.ended).code).toBe(0);
      expect(dev.err).not.toContain("did not finish");
      expect(isAlive(pid)).toBe(true);
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });

  test("leaves databases, logs, hidden files and other people's folders alone", async () => {
    mkdirSync(join(folder, "node_modules/x"), { recursive: true });
    mkdirSync(join(folder, "dist"));
    const dev = await startDev();
    const all = ["some.db", "a.log", ".hidden.ts", "node_modules/x/index.js", "dist/tasks.js", "out.json"];
    for (const file of all) write(file, "x");
    write("last.ts", "export {};");
    await dev.says("last.ts has changed");
    expect(dev.err.match(/\S+ has changed/g)).toEqual([`${join(folder, "last.ts")} has changed`]);
  });

  test("starts a worker again that was killed, and not one that cannot be right", async () => {
    const dev = await startDev();
    const pid = Number(/kill (\d+)/.exec(dev.err)?.[1]);
    process.kill(pid, "SIGKILL");
    await dev.says("the worker ended by SIGKILL: starting it again");
    await dev.says("is ready", 2);

    const wrong = start("dev", "--no-console", "-b", "carrier-pigeon://x");
    await wrong.says("the worker ended with code 78: it starts again after the next change");
  });

  test("takes its processes along when it is killed itself", async () => {
    const dev = await startDev();
    const pid = Number(/kill (\d+)/.exec(dev.err)?.[1]);
    dev.process.kill("SIGKILL");
    await dev.ended.catch(() => undefined);
    await until(() => !isAlive(pid));
  });

  test("wants an app", async () => {
    rmSync(join(folder, "tasks.ts"));
    const { code, err } = await start("dev").ended;
    expect([code, err]).toEqual([78, expect.stringContaining("no app: give its module with --app")]);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
