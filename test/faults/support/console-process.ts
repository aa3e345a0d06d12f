import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Fleet } from "./fleet.js";

const CLI = fileURLToPath(new URL("../../../packages/lovage/dist/cli/main.js", import.meta.url));
const TASKS = fileURLToPath(new URL("../fixtures/tasks.mjs", import.meta.url));

/** Seconds within which everything is answered, also by a console in trouble. */
const ANSWERS_WITHIN = 20;

const System = z.object({
  store: z.object({ trouble: z.string().nullable() }),
  ingest: z.object({
    leader: z.boolean(),
    dropped: z.number(),
    waiting: z.number(),
    gaps: z.array(z.object({ from: z.iso.datetime(), to: z.iso.datetime(), reason: z.string() })),
  }),
});
const TaskPage = z.object({
  items: z.array(z.object({ id: z.string(), state: z.string() })),
  states: z.record(z.string(), z.number()),
});
const Attention = z.object({ items: z.array(z.object({ kind: z.string(), detail: z.string() })) });

/** What a console answered, in JSON or not. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A console as a process of its own, as a user starts it, and what it tells who asks. */
export class ConsoleProcess {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #output: () => string;

  private constructor(child: ChildProcess, url: string, output: () => string) {
    this.#child = child;
    this.#url = url;
    this.#output = output;
  }

  /** Starts `lovage console` on the fleet's broker; resolves when it serves. */
  static async start(fleet: Fleet, store: string): Promise<ConsoleProcess> {
    const args = [CLI, "console", "--app", TASKS, "--port", "0", "--store", store];
    const child = spawn(process.execPath, args, { env: fleet.env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const url = await new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        const found = /the console is at (http:\/\/[^\s"]+)/.exec(output)?.[1];
        if (found) resolve(found.replace(/\/$/, ""));
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("exit", (code, signal) =>
        reject(new Error(`the console ended (${code ?? signal}) before it served:\n${output}`)),
      );
    });
    return new ConsoleProcess(child, url, () => output);
  }

  /** What it has written so far. */
  get output(): string {
    return this.#output();
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Bytes of memory that the process has resident, as Linux counts them. */
  get memory(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Rejects when there is no answer in time: a console that hangs fails the test. */
  async ask(path: string): Promise<Answer> {
    const response = await fetch(this.#url + path, { signal: AbortSignal.timeout(ANSWERS_WITHIN * 1000) });
    return { status: response.status, text: await response.text() };
  }

  async system(): Promise<z.infer<typeof System>> {
    return System.parse(await this.#json("/api/v1/system"));
  }

  /** How many tasks it has seen, by state. */
  async states(): Promise<Readonly<Record<string, number>>> {
    const { states } = TaskPage.parse(await this.#json("/api/v1/tasks?limit=1"));
    return Object.fromEntries(Object.entries(states).filter(([, count]) => count > 0));
  }

  /** Ids of the last tasks that it shows as succeeded, at most 200. */
  async succeeded(): Promise<readonly string[]> {
    const { items } = TaskPage.parse(await this.#json("/api/v1/tasks?state=SUCCESS&limit=200"));
    return items.map(({ id }) => id);
  }

  /** Of a task; undefined for one that it knows nothing of. */
  async stateOf(id: string): Promise<string | undefined> {
    const { status, text } = await this.ask(`/api/v1/tasks/${id}`);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`task ${id}: ${status} ${text}`);
    return z.object({ state: z.string() }).parse(JSON.parse(text)).state;
  }

  async attention(): Promise<readonly { readonly kind: string; readonly detail: string }[]> {
    return Attention.parse(await this.#json("/api/v1/attention")).items;
  }

  /** Resolves when it has ended. */
  async kill(): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  async #json(path: string): Promise<unknown> {
    const { status, text } = await this.ask(path);
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
    return JSON.parse(text);
  }
}
