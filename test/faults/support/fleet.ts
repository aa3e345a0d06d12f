import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseRuns, type Run } from "./runs.js";

const CLI = fileURLToPath(new URL("../../../packages/lovage/dist/cli/main.js", import.meta.url));
const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));
const TASKS = join(FIXTURES, "tasks.mjs");

/** A worker as a process of its own, as a user starts it. */
export interface WorkerProcess {
  readonly name: string;
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly output: () => string;
  /** Resolves when it has said it is ready. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** SIGTERM; resolves with its exit code, or undefined when it had to be killed because it had not ended within `seconds`. */
  stop(seconds: number): Promise<number | undefined>;
}

export interface FleetOptions {
  /** @default a SQLite file in the fleet's folder */
  readonly brokerUrl?: string;
  /** @default the brokerUrl */
  readonly resultBackend?: string;
  /** More of the environment of all processes. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder with a record of every run, and the processes that work on one broker. `dispose` ends and removes everything. */
export class Fleet {
  readonly folder: string;
  readonly url: string;
  readonly resultBackend: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #processes = new Set<ChildProcess>();
  #started = 0;

  private constructor(folder: string, options: FleetOptions) {
    this.folder = folder;
    this.url = options.brokerUrl ?? `sqlite:${join(folder, "faults.db")}`;
    this.resultBackend = options.resultBackend ?? this.url;
    this.env = {
      ...process.env,
      LOVAGE_BROKER_URL: this.url,
      LOVAGE_RESULT_BACKEND: this.resultBackend,
      FAULTS_RECORD: join(folder, "record"),
      FAULTS_CONFIRMED: join(folder, "confirmed"),
      ...options.env,
    };
  }

  static async create(options: FleetOptions = {}): Promise<Fleet> {
    return new Fleet(await mkdtemp(join(tmpdir(), "lovage-faults-")), options);
  }

  /** Starts `lovage worker` under a name never used before. */
  worker(...options: readonly string[]): WorkerProcess {
    const name = `w${++this.#started}@faults`;
    const child = this.#spawn([CLI, "worker", "--app", TASKS, "--hostname", name, "--loglevel", "info", ...options]);
    let output = "";
    const ready = new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        if (/\bready\b/.test(output)) resolve();
      };
      child.stdout?.on("data", read);
      child.stderr?.on("data", read);
      child.once("exit", (code, signal) =>
        reject(new Error(`${name} ended (${code ?? signal}) before it was ready:\n${output}`)),
      );
    });
    ready.catch(() => undefined);
    return {
      name,
      child,
      output: () => output,
      ready,
      kill: (signal) => end(child, signal),
      stop: async (seconds) => {
        let late = false;
        const timer = setTimeout(() => {
          late = true;
          child.kill("SIGKILL");
        }, seconds * 1000);
        await end(child, "SIGTERM");
        clearTimeout(timer);
        return late ? undefined : (child.exitCode ?? undefined);
      },
    };
  }

  /** Starts a script of the fixtures. */
  script(name: string, ...args: readonly string[]): ChildProcess {
    return this.#spawn([join(FIXTURES, name), ...args]);
  }

  /** Lines of a file of this fleet; none while it does not exist. */
  lines(name: "record" | "confirmed"): string[] {
    const path = join(this.folder, name);
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
  }

  /** Every run of `faults.append` so far, by task. */
  runs(): Map<string, Run[]> {
    return parseRuns(this.lines("record"));
  }

  async dispose(): Promise<void> {
    await Promise.all(
      [...this.#processes].map(async (child) => {
        // One that was stopped (SIGSTOP) takes no other signal but this; on others it does nothing.
        child.kill("SIGCONT");
        await end(child, "SIGKILL");
      }),
    );
    await rm(this.folder, { recursive: true, force: true });
  }

  #spawn(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, args, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    this.#processes.add(child);
    return child;
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
