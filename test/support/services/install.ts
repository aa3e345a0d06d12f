import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { findProgram, isRoot } from "./programs.js";

const QUIET = ["-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"];
const POLICY = "/usr/sbin/policy-rc.d";
const LIST_TRIES = 5;

/** Whether Debian's packages can be installed here. */
export function canInstall(): boolean {
  return isRoot() && findProgram("apt-get") !== undefined;
}

/** Installs packages of Debian's. @throws an Error with what apt-get said. */
export async function installPackages(packages: readonly string[], say: (line: string) => void): Promise<void> {
  const started = performance.now();
  say(`installing ${packages.join(" ")} with apt-get`);
  await updateLists(say);
  await withoutStarts(() => aptGet("install", "--yes", "--no-install-recommends", ...packages));
  say(`installed in ${Math.round((performance.now() - started) / 1000)} s`);
}

/** For the lists, apt-get does not wait for another one that is at them. Old lists will often do. */
async function updateLists(say: (line: string) => void): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await aptGet("update");
    } catch (error) {
      if (tries === LIST_TRIES) return say(`going on with old package lists: ${String(error)}`);
      await wait(3000);
    }
  }
}

/**
 * Debian's servers start when they are installed; ours are started by the tests, elsewhere, and the machine's own are none of
 * our business. Its way to say so is a policy, ours for as long as this process lives.
 */
async function withoutStarts(work: () => Promise<void>): Promise<void> {
  const text = `#!/bin/sh\n# Lovage's tests install packages.\nkill -0 ${process.pid} 2>/dev/null && exit 101\nexit 0\n`;
  const isOurs = await writeFile(POLICY, text, { flag: "wx", mode: 0o755 }).then(
    () => true,
    // Somebody has a policy already, which is likely to say the same.
    () => false,
  );
  try {
    await work();
  } finally {
    if (isOurs) await rm(POLICY, { force: true });
  }
}

async function aptGet(...args: readonly string[]): Promise<void> {
  const child = spawn("apt-get", [...QUIET, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const [code]: unknown[] = await once(child, "close");
  if (code !== 0) throw new Error(`apt-get ${args.join(" ")} failed: ${said.trim().split("\n").slice(-10).join("\n")}`);
}
