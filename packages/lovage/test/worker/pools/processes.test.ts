import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { openPool } from "../../../src/worker/pools/open-pool.js";
import { describePool } from "../../contract/pool.contract.js";

describePool("processes", {
  capabilities: { terminatesOne: true, isolates: true, isolatesNativeCrashes: true, resizable: true },
  largestSize: 16,
  sharedLoop: false,
  open: (options) => openPool("processes", options),
});

describe("child processes and the worker's end", () => {
  test("kill -9 of the worker leaves no process behind, idle or in while (true) {}", async () => {
    const worker = await startHost("spin-for-ever", "stubborn");
    const { pids } = await worker.next();
    worker.process.kill("SIGKILL");
    await Promise.all(pidsIn(pids).map(gone));
    expect(pidsIn(pids)).toHaveLength(3);
  });

  test("a Ctrl-C, which reaches the whole process group, is the worker's to heed", async () => {
    const worker = await startHost("sleep");
    await worker.next();
    process.kill(-worker.pid, "SIGINT");
    expect(await worker.next()).toEqual({ signal: "SIGINT" });
    expect(await worker.next()).toMatchObject({ outcome: { kind: "success", result: '"slept"' } });
  });
});

interface Host {
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it prints next. */
  next(): Promise<Record<string, unknown>>;
}

async function startHost(...tasks: readonly string[]): Promise<Host> {
  const script = fileURLToPath(new URL("../../support/pool-host.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, ...tasks], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { pid } = child;
  if (pid === undefined) throw new Error("the host did not start");
  return {
    process: child,
    pid,
    async next() {
      const { value, done } = await lines.next();
      if (done) throw new Error("the host ended");
      return JSON.parse(value);
    },
  };
}

function pidsIn(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

/** Nobody tells when a process that is not our child ends. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** Where nobody reaps orphans, as in some containers, a dead one stays listed. */
function isZombie(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && /\) Z /.test(readFileSync(stat, "utf8"));
}
