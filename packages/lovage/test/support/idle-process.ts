import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const PROGRAM = fileURLToPath(new URL("./idle-program.ts", import.meta.url));

/** A process that waits for one thing, prints it, and ends by itself. It is gone when the test is over. */
export class IdleProcess {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #exit: Promise<unknown>;
  readonly lines: string[] = [];

  /** Resolves when the process has nothing left to do but wait. */
  static async start(kind: "wait" | "consume" | "listen", url: string): Promise<IdleProcess> {
    const idle = new IdleProcess(kind, url);
    await once(
      createInterface(idle.#child.stdout).on("line", (line) => idle.lines.push(line)),
      "line",
    );
    return idle;
  }

  private constructor(kind: string, url: string) {
    this.#child = spawn(process.execPath, ["--import", "tsx", PROGRAM, kind, url], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#exit = once(this.#child, "close");
    onTestFinished(async () => {
      this.#child.kill("SIGKILL");
      await this.#exit;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the exit code when the process has ended by itself. */
  async end(): Promise<number | null> {
    await this.#exit;
    return this.#child.exitCode;
  }
}
