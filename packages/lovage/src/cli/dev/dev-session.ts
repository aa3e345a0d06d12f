import type { Service } from "../../util/service.js";
import { appLoads } from "./app-check.js";
import type { DevOutput } from "./dev-output.js";
import { DevProcess } from "./dev-process.js";
import { SourceWatch } from "./source-watch.js";

export interface DevSessionOptions {
  /** Arguments that every command is given: the app, the broker, the log level. */
  readonly globals: readonly string[];
  /** Command lines of the two. */
  readonly worker: readonly string[];
  readonly console: readonly string[] | undefined;
  /** Absolute folders whose sources are watched. */
  readonly folders: readonly string[];
  /** Seconds that tasks may take to finish when the worker is restarted or stopped. */
  readonly grace: number;
  readonly output: DevOutput;
}

/** Seconds for open pages of the console. */
const CONSOLE_GRACE = 5;

/**
 * Worker and console, restarted when sources change: first the changed app is loaded on trial, and only when that works are the two
 * stopped (the worker finishes its tasks) and started anew. Until then the last state goes on.
 */
export class DevSession implements Service {
  readonly #options: DevSessionOptions;
  readonly #processes: readonly DevProcess[];
  readonly #watch: SourceWatch;
  /** Aborts the trial under way. */
  #trial: AbortController | undefined;
  #changed = false;
  #reloading: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #url: string | undefined;

  constructor(options: DevSessionOptions) {
    const { worker, console, output, grace, folders } = options;
    this.#options = options;
    this.#processes = [
      new DevProcess({ name: "worker", args: worker, output, grace }),
      ...(console
        ? [
            new DevProcess({
              name: "console",
              args: console,
              output,
              grace: CONSOLE_GRACE,
              heard: (line) => this.#hear(line),
            }),
          ]
        : []),
    ];
    this.#watch = new SourceWatch({
      folders,
      onChange: (file) => this.#onChange(file),
      onTrouble: (message) => output.line("dev", message),
    });
  }

  async start(): Promise<void> {
    await this.#watch.start();
    for (const each of this.#processes) each.start();
    this.#options.output.line("dev", `watching ${this.#options.folders.join(", ")}; Ctrl-C ends it all`);
  }

  /** Lets the worker finish what runs, for `grace` seconds at most; what is left goes back to its queue. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends what runs at once, also while `stop` waits. */
  hurry(): void {
    for (const each of this.#processes) each.hurry();
  }

  async #stop(): Promise<void> {
    await this.#watch.stop();
    this.#trial?.abort();
    await this.#reloading;
    await Promise.all(this.#processes.map((each) => each.stop()));
  }

  #onChange(file: string): void {
    this.#options.output.line("dev", `${file} has changed`);
    this.#changed = true;
    // A trial of what is no longer there tells nothing.
    this.#trial?.abort();
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined;
    });
  }

  async #reload(): Promise<void> {
    const { output, globals } = this.#options;
    while (this.#changed && !this.#stopping) {
      this.#changed = false;
      this.#trial = new AbortController();
      const loads = await appLoads(globals, output, this.#trial.signal);
      this.#trial = undefined;
      if (this.#stopping || this.#changed) continue;
      if (!loads) {
        output.line("dev", "the app cannot be loaded: the last state goes on until the next change");
        continue;
      }
      output.line("dev", "restarting");
      await Promise.all(this.#processes.map((each) => this.#restart(each)));
    }
  }

  async #restart(process: DevProcess): Promise<void> {
    await process.stop();
    if (!this.#stopping) process.start();
  }

  #hear(line: string): void {
    const url = /the console is at (https?:\/\/\S+)/.exec(line)?.[1];
    if (url === undefined || url === this.#url) return;
    this.#url = url;
    this.#options.output.line("dev", `the console: ${url}`);
  }
}
