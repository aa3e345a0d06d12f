import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

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
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** A folder with a database and a record, and the processes that work on it. `dispose` ends and removes everything. */
export class Fleet {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #processes = new Set<ChildProcess>();
  #started = 0;

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    const url = `sqlite:${join(folder, "faults.db")}`;
    this.env = {
      ...process.env,
      LOVAGE_BROKER_URL: url,
      LOVAGE_RESULT_BACKEND: url,
      FAULTS_RECORD: join(folder, "record"),
      FAULTS_CONFIRMED: join(folder, "confirmed"),
      ...env,
    };
  }

  static async create(env: Readonly<Record<string, string>> = {}): Promise<Fleet> {
    return new Fleet(await mkdtemp(join(tmpdir(), "lovage-faults-")), env);
  }

  get url(): string {
    return `sqlite:${join(this.folder, "faults.db")}`;
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
      kill: async (signal) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit");
        child.kill(signal);
        await ended;
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

  async dispose(): Promise<void> {
    const running = [...this.#processes].filter((child) => child.exitCode === null && child.signalCode === null);
    await Promise.all(
      running.map(async (child) => {
        const ended = once(child, "exit");
        child.kill("SIGCONT");
        child.kill("SIGKILL");
        await ended;
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
