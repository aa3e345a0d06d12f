import { type ChildProcess, spawn } from "node:child_process";
import { type BackoffPolicy, backoffDelay } from "../../util/backoff.js";
import { EXIT } from "../exit-codes.js";
import type { DevOutput, DevSource } from "./dev-output.js";
import { processEnd } from "./process-end.js";

export interface DevProcessOptions {
  readonly name: DevSource;
  /** The command line of `lovage`, without its name. */
  readonly args: readonly string[];
  readonly output: DevOutput;
  /** Called with each line it writes. */
  readonly heard?: (line: string) => void;
  /** Seconds that it may take to finish what it does. */
  readonly grace: number;
}

/** Seconds after which what was told to end at once is killed. */
const KILL_AFTER = 5;
/** Before a process that ended by itself is started again. */
const AGAIN: BackoffPolicy = { initial: 0.5, max: 15 };
/** Milliseconds after which a process counts as having run well. */
const RAN_WELL_MS = 10_000;

/**
 * One command of `lovage` as a process of its own. It is started again when it ends by itself, unless what it was told is wrong: then
 * only a change can help. In a group of its own, so that Ctrl-C reaches `lovage dev` alone, which then ends them in order; a channel
 * tells it when `lovage dev` has died (`--stop-with-parent`).
 */
export class DevProcess {
  readonly #options: DevProcessOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #again: NodeJS.Timeout | undefined;
  #failures = 0;
  #wanted = false;

  constructor(options: DevProcessOptions) {
    this.#options = options;
  }

  start(): void {
    this.#wanted = true;
    this.#failures = 0;
    this.#spawn();
  }

  /** Lets it finish what it does, for `grace` seconds at most; then what it does is ended and given back. */
  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#again);
    const child = this.#child;
    if (!child) return;
    const { name, output, grace } = this.#options;
    const hurry = setTimeout(() => {
      output.line("dev", `the ${name} did not finish within ${grace} s: ending what it does`);
      this.hurry();
    }, grace * 1000);
    child.kill("SIGTERM");
    await this.#exited;
    clearTimeout(hurry);
  }

  /** Ends what it does at once. */
  hurry(): void {
    const child = this.#child;
    if (!child) return;
    child.kill("SIGQUIT");
    const kill = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER * 1000);
    child.once("exit", () => clearTimeout(kill));
  }

  #spawn(): void {
    const { args, name, output, heard } = this.#options;
    const startedMs = performance.now();
    const child = spawn(process.execPath, commandLine([...args, "--stop-with-parent"]), {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true,
      windowsHide: true,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) if (stream) output.take(name, stream, heard);
    child.on("error", (error) => output.line("dev", `the ${name} could not be started: ${error.message}`));
    this.#exited = processEnd(child).then(() => this.#ended(child, performance.now() - startedMs));
  }

  #ended({ exitCode, signalCode }: ChildProcess, ranMs: number): void {
    this.#child = undefined;
    if (!this.#wanted) return;
    const { name, output } = this.#options;
    const how = signalCode === null ? `with code ${exitCode}` : `by ${signalCode}`;
    if (exitCode === EXIT.configuration || exitCode === EXIT.usage) {
      output.line("dev", `the ${name} ended ${how}: it starts again after the next change`);
      return;
    }
    this.#failures = ranMs > RAN_WELL_MS ? 0 : this.#failures + 1;
    const delay = backoffDelay(AGAIN, this.#failures);
    output.line("dev", `the ${name} ended ${how}: starting it again in ${delay.toFixed(1)} s`);
    this.#again = setTimeout(() => this.#spawn(), delay * 1000);
  }
}

/** Arguments of Node that run another command of this very program, loaders and all. */
export function commandLine(args: readonly string[]): readonly string[] {
  const [, main = ""] = process.argv;
  return [...process.execArgv, main, ...args];
}
