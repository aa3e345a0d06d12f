import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Feed } from "./feed.js";

export interface ProcessOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Resolves `ready` when it appears in the output. */
  readonly readyWhen: RegExp;
  /** Hears every line too. */
  readonly onLine?: (line: string) => void;
}

/** A process of a suite. What it writes, to either of its streams, is kept by lines. */
export class SuiteProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly lines = new Feed<string>("a line of output");
  /** Those of standard output. */
  readonly out: string[] = [];
  readonly ended: Promise<void>;
  readonly #readyWhen: RegExp;
  readonly #onLine: (line: string) => void;

  constructor(name: string, [command = "", ...args]: readonly string[], options: ProcessOptions) {
    const { env, cwd, readyWhen, onLine = () => undefined } = options;
    this.name = name;
    this.#readyWhen = readyWhen;
    this.#onLine = onLine;
    this.child = spawn(command, args, { env, ...(cwd !== undefined && { cwd }), stdio: ["pipe", "pipe", "pipe"] });
    // Writing to one that has died is told by `ended`.
    this.child.stdin?.on("error", () => undefined);
    if (this.child.stdout) this.#readLines(this.child.stdout, (line) => this.out.push(line));
    if (this.child.stderr) this.#readLines(this.child.stderr, () => undefined);
    this.ended = once(this.child, "close").then(([code, signal]) => {
      this.lines.end(new Error(`${name} has ended (${String(code ?? signal)}):\n${this.output}`));
    });
  }

  get output(): string {
    return this.lines.all.join("\n");
  }

  /** Resolves when it has said that it is ready; rejects when it ends before. */
  async ready(): Promise<this> {
    await this.lines.until((line) => this.#readyWhen.test(line), { seconds: 60, what: `${this.name} getting ready` });
    return this;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends the signal and waits for the end; one that does not end within `seconds` is killed. */
  async stop(signal: NodeJS.Signals = "SIGTERM", seconds = 10): Promise<void> {
    if (!this.running) return;
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill("SIGKILL"), seconds * 1000);
    await this.ended;
    clearTimeout(timer);
  }

  #readLines(stream: NodeJS.ReadableStream, keep: (line: string) => void): void {
    const hear = (line: string): void => {
      keep(line);
      this.lines.push(line);
      this.#onLine(line);
    };
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) hear(line);
    });
    stream.on("end", () => {
      if (rest) hear(rest);
    });
  }
}
