import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./keeper.mjs", import.meta.url));

/** A process of a server, as the keeper starts it. */
export interface KeptProcess {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whose process it is; the current user's without. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** What its operator would send to stop it. @default SIGTERM */
  readonly stopSignal?: NodeJS.Signals;
  /** What ends it at once and lets it clean up what is not in its folder. @default SIGKILL */
  readonly endSignal?: NodeJS.Signals;
  /** For what signals do not reach: commands that stop and kill it, each a file and its arguments. */
  readonly commands?: { readonly stop: readonly string[]; readonly kill: readonly string[] };
  /** Whether it goes on while the server is stopped or killed. */
  readonly stays?: boolean;
}

/** What a keeper keeps. */
export interface Kept {
  /** Removed at the end. */
  readonly folder: string;
  /** A file in that folder that gets what the processes print. */
  readonly log: string;
  readonly processes: readonly KeptProcess[];
  /** Commands to run at the end, each a file and its arguments. */
  readonly cleanUp: readonly (readonly string[])[];
}

/**
 * A process beside ours that has a server as its child (keeper.mjs). It ends the server and removes its folder when this
 * process ends in whatever way. It does not keep this process alive.
 */
export class Keeper {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (error: string | undefined) => void>();
  readonly #exits = new Set<(how: string) => void>();
  readonly #exited: Promise<void>;
  #orders = 0;
  #end: Promise<void> | undefined;

  constructor() {
    // Without our own flags: a test runner's loaders are nothing for it.
    this.#child = fork(PROGRAM, { execArgv: [], detached: true, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (message) => this.#receive(message));
    this.#exited = new Promise((resolve) => {
      const lost = (): void => {
        for (const settle of [...this.#waiting.values()]) settle("it is gone");
        resolve();
      };
      this.#child.once("exit", lost);
      this.#child.once("error", lost);
    });
    this.#release();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  keep(kept: Kept): Promise<void> {
    return this.#order("keep", kept);
  }

  /** Starts what does not run. Resolves when the processes are there, not when they answer. */
  start(): Promise<void> {
    return this.#order("start");
  }

  /** Stops or kills the server. Resolves when all its processes are gone. */
  async halt(how: "stop" | "kill"): Promise<void> {
    await this.#order(how);
  }

  /** Kills all, removes the folder, and ends the keeper. Idempotent. */
  end(): Promise<void> {
    this.#end ??= this.#child.connected ? this.#order("end").then(() => this.#exited) : this.#exited;
    return this.#end;
  }

  /** Has `listener` called when a process ends that nobody stopped; returns the way to stop listening. */
  onExit(listener: (how: string) => void): () => void {
    this.#exits.add(listener);
    return () => void this.#exits.delete(listener);
  }

  #order(order: string, details: object = {}): Promise<void> {
    const id = ++this.#orders;
    return new Promise((resolve, reject) => {
      this.#child.ref();
      this.#child.channel?.ref();
      this.#waiting.set(id, (error) => {
        this.#waiting.delete(id);
        if (this.#waiting.size === 0) this.#release();
        if (error === undefined) resolve();
        else reject(new Error(`the keeper could not ${order}: ${error}`));
      });
      this.#child.send({ id, order, ...details }, (error) => {
        if (error) this.#waiting.get(id)?.(error.message);
      });
    });
  }

  #receive(message: unknown): void {
    if (typeof message !== "object" || message === null) return;
    if ("exited" in message) for (const listener of this.#exits) listener(String(message.exited));
    if (!("id" in message)) return;
    this.#waiting.get(Number(message.id))?.("error" in message ? String(message.error) : undefined);
  }

  /** A program that only has a server may end, but not before it has removed it, if it began to. */
  #release(): void {
    if (this.#end !== undefined) return;
    this.#child.unref();
    this.#child.channel?.unref();
  }
}
