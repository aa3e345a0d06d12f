import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** Loads TypeScript in the processes that tests start. */
export const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CommandProcessOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Written to its standard input, which then ends. @default nothing */
  readonly input?: string;
  /** The program. @default the library's sources; the built `bin/lovage.js` where a built package must find itself */
  readonly main?: string;
}

/** The command line in a process of its own. */
export class CommandProcess {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  out = "";
  err = "";
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], folder: string, { env = {}, input = "", main }: CommandProcessOptions = {}) {
    // What the test runner's own environment says must not colour or configure what is tested.
    const { FORCE_COLOR: _, NO_COLOR: __, NODE_OPTIONS: ___, ...inherited } = process.env;
    const program = main === undefined ? ["--import", TSX, MAIN] : [main];
    this.process = spawn(process.execPath, [...program, ...args], {
      cwd: folder,
      env: { ...inherited, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    // One that ends without reading is no failure of the test.
    this.process.stdin?.on("error", () => undefined).end(input);
    this.process.stdout?.on("data", (chunk) => this.#take("out", chunk));
    this.process.stderr?.on("data", (chunk) => this.#take("err", chunk));
    this.ended = new Promise((resolve) => {
      this.process.on("close", (code) => resolve({ code, out: this.out, err: this.err }));
    });
  }

  /** Resolves when standard error holds the text `times` times; rejects when the process ends before. */
  async says(text: string, times = 1): Promise<void> {
    const holds = (): boolean => this.err.split(text).length > times;
    const said = new Promise<void>((resolve) => {
      const look = (): void => {
        if (holds()) resolve();
      };
      this.#watchers.add(look);
      look();
    });
    const ended = this.ended.then(({ err }) => {
      if (!holds()) throw new Error(`ended without saying ${text}: ${err}`);
    });
    await Promise.race([said, ended]);
  }

  #take(stream: "out" | "err", chunk: unknown): void {
    this[stream] += String(chunk);
    for (const look of this.#watchers) look();
  }
}
