/**
 * Keeps one server for a program that uses it, and ends it when that program is gone, however it went: the channel between
 * the two closes even when the program is killed with SIGKILL. Started by keeper.ts, in a session of its own, so that Ctrl-C
 * in a terminal reaches the program and not the server.
 *
 * Messages in: { id, order: "keep" | "start" | "stop" | "kill" | "end", … }; out: { id, error? }, and { exited } when the
 * server ended by itself. Plain JavaScript: it is started by programs of every kind.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

/** A server that does not end on its own signal in this time is killed. */
const STOP_MS = 30_000;
/** The same at the end, when its data goes anyway. */
const END_MS = 5000;

/** What `keep` said: { folder, log, processes: [{ file, args, env, uid, gid, stopSignal, stays }], cleanUp: [[file, …args]] } */
let kept;
/** Those that run, by their place in `processes`. */
const running = new Map();
/** The end, once it has begun. */
let ending;

const ORDERS = {
  keep: (message) => {
    kept = message;
  },
  start: () => kept.processes.forEach(startProcess),
  stop: () => endAll("stop"),
  kill: () => endAll("kill"),
  end: () => end(),
};

function startProcess(description, place) {
  if (running.has(place)) return;
  const { file, args, env, uid, gid } = description;
  const log = openSync(kept.log, "a");
  // A group of its own each: what it starts is found by it.
  const child = spawn(file, args, { cwd: kept.folder, env, uid, gid, stdio: ["ignore", log, log], detached: true });
  closeSync(log);
  const exit = new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `code ${code}`));
    child.once("error", (error) => resolve(error.message));
  });
  const entry = { child, exit, expected: false };
  running.set(place, entry);
  void exit.then((how) => {
    running.delete(place);
    if (!entry.expected && !ending) process.send?.({ exited: `${file} ended: ${how}` }, () => {});
  });
}

/** Ends all, but for what stays while its server is away, such as the port mapper beside RabbitMQ. */
async function endAll(how) {
  const entries = [...running].filter(([place]) => !kept.processes[place].stays);
  await Promise.all(entries.map(([place, entry]) => endProcess(kept.processes[place], entry, how)));
}

async function endProcess({ stopSignal, endSignal, commands }, entry, how) {
  entry.expected = true;
  const { child } = entry;
  if (child.pid === undefined) return;
  if (commands) {
    run(commands[how === "stop" ? "stop" : "kill"]);
    await entry.exit;
    return;
  }
  // Some servers put what they start into groups of its own: the family tree finds them.
  const family = descendants(child.pid);
  if (how === "stop") await sendAndWait(entry, stopSignal ?? "SIGTERM", STOP_MS);
  if (how === "end" && endSignal) await sendAndWait(entry, endSignal, END_MS);
  // First the one that would notice, and clean up, when the others die.
  for (const pid of [child.pid, ...descendants(child.pid), ...family]) kill(pid);
  await entry.exit;
  while (family.some(isAlive)) await wait(10);
}

async function sendAndWait({ child, exit }, signal, atMostMs) {
  child.kill(signal);
  await Promise.race([exit, wait(atMostMs, undefined, { ref: false })]);
}

/** Everything: the processes, what is to be called, the folder. The keeper ends with it. */
function end() {
  ending ??= endEverything();
  return ending;
}

async function endEverything() {
  await Promise.all([...running].map(([place, entry]) => endProcess(kept.processes[place], entry, "end")));
  kept?.cleanUp.forEach(run);
  if (kept) rmSync(kept.folder, { recursive: true, force: true, maxRetries: 5 });
}

function run([file, ...args]) {
  spawnSync(file, args, { stdio: "ignore", timeout: 2 * STOP_MS });
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

/** Where nobody collects the dead, they stay in the list for ever: those do not count. */
function isAlive(pid) {
  return processes().some((other) => other.pid === pid && !other.dead);
}

function descendants(root) {
  const all = processes();
  const found = [];
  const look = (parent) => {
    for (const { pid } of all.filter((other) => other.parent === parent)) {
      found.push(pid);
      look(pid);
    }
  };
  look(root);
  return found;
}

/** All processes of this machine: { pid, parent, dead }. */
function processes() {
  return existsSync("/proc/self/stat") ? processesOfProc() : processesOfPs();
}

// Small Debian images have no `ps`.
function processesOfProc() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // proc(5): pid (name) state parent …; the name may hold anything, so count from its end. Field 20 is the number of
        // threads: the first may be dead while others still hold the sockets.
        const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        const dead = /[ZX]/.test(fields[0]) && Number(fields[17]) <= 1;
        return [{ pid: Number(pid), parent: Number(fields[1]), dead }];
      } catch {
        return [];
      }
    });
}

function processesOfPs() {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state]) => ({ pid: Number(pid), parent: Number(parent), dead: state?.startsWith("Z") }));
}

process.on("message", async ({ id, order, ...message }) => {
  let error;
  try {
    await ORDERS[order](message);
  } catch (cause) {
    error = String(cause);
  }
  if (process.connected) process.send({ id, error }, () => {});
  if (order === "end") process.disconnect();
});
process.on("disconnect", async () => {
  await end();
  process.exit(0);
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => process.disconnect());
