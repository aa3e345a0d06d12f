import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export type BackendCommand =
  | { readonly kind: "store"; readonly id: string; readonly result: unknown }
  | { readonly kind: "count"; readonly groupId: string; readonly parts: readonly string[] }
  | { readonly kind: "wait"; readonly id: string };

export type BackendReport =
  | { readonly kind: "ready" }
  | { readonly kind: "stored"; readonly kept: boolean }
  | { readonly kind: "counted"; readonly counts: readonly number[] }
  | { readonly kind: "waited"; readonly result: unknown }
  | { readonly kind: "failed"; readonly error: string };

const PROGRAM = fileURLToPath(new URL("./backend-peer.ts", import.meta.url));

/** Another process on the same result backend, for one command at a time. It is gone when the test is over. */
export class BackendProcess {
  readonly #child: ChildProcess;

  /** Resolves when the process has connected. */
  static async start(url: string): Promise<BackendProcess> {
    const peer = new BackendProcess(url);
    await peer.#report("ready");
    return peer;
  }

  private constructor(url: string) {
    this.#child = fork(PROGRAM, [url], { execArgv: ["--import", "tsx"] });
    onTestFinished(() => this.kill());
  }

  async store(id: string, result: unknown): Promise<boolean> {
    return (await this.#ask({ kind: "store", id, result }, "stored")).kept;
  }
  async count(groupId: string, parts: readonly string[]): Promise<readonly number[]> {
    return (await this.#ask({ kind: "count", groupId, parts }, "counted")).counts;
  }
  /** Resolves with the result that the other process waited for. */
  async wait(id: string): Promise<unknown> {
    return (await this.#ask({ kind: "wait", id }, "waited")).result;
  }

  /** kill -9. Resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  async #ask<K extends BackendReport["kind"]>(
    command: BackendCommand,
    answer: K,
  ): Promise<Extract<BackendReport, { kind: K }>> {
    const answered = this.#report(answer);
    this.#child.send(command);
    return await answered;
  }

  /** The next report, which must be of this kind. Rejects when the process ends first. */
  async #report<K extends BackendReport["kind"]>(kind: K): Promise<Extract<BackendReport, { kind: K }>> {
    const done = new AbortController();
    try {
      const [report]: unknown[] = await Promise.race([
        once(this.#child, "message", { signal: done.signal }),
        once(this.#child, "exit", { signal: done.signal }),
      ]);
      if (isReport(report, kind)) return report;
      throw new Error(`the other process was to report ${kind}; instead: ${JSON.stringify(report)}`);
    } finally {
      done.abort();
    }
  }
}

function isReport<K extends BackendReport["kind"]>(
  report: unknown,
  kind: K,
): report is Extract<BackendReport, { kind: K }> {
  return typeof report === "object" && report !== null && "kind" in report && report.kind === kind;
}
