import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { BroadcastChannel } from "../../src/brokers/broker.js";

export type PeerCommand =
  | { readonly kind: "publish"; readonly queue: string; readonly text: string }
  /** Publishes "0", "1", … without end. */
  | { readonly kind: "burst"; readonly queue: string; readonly inFlight: number }
  /** Takes messages and keeps them. */
  | { readonly kind: "hold"; readonly queue: string; readonly prefetch: number }
  /** Takes messages and acknowledges them. */
  | { readonly kind: "consume"; readonly queue: string; readonly prefetch: number }
  /** Acknowledges what it holds. */
  | { readonly kind: "ack" }
  | {
      readonly kind: "broadcast";
      readonly channel: BroadcastChannel;
      readonly routingKey: string;
      readonly text: string;
    }
  | { readonly kind: "close" };

export type PeerReport =
  | { readonly kind: "ready" }
  | { readonly kind: "consuming" }
  | { readonly kind: "confirmed"; readonly text: string }
  | { readonly kind: "holding"; readonly text: string; readonly deliveries: number }
  | { readonly kind: "consumed"; readonly text: string; readonly receivedMs: number }
  /** `error` is the error's class. */
  | { readonly kind: "acked"; readonly text: string; readonly error: string | undefined }
  | { readonly kind: "failed"; readonly error: string };

const PROGRAM = fileURLToPath(new URL("./broker-peer.ts", import.meta.url));

/** Another process on the same broker. It is gone when the test is over. */
export class PeerProcess {
  readonly #child: ChildProcess;
  readonly reports: PeerReport[] = [];
  readonly #waiting = new Set<() => void>();

  /** Resolves when the process has connected. */
  static async start(url: string, leaseSeconds: number): Promise<PeerProcess> {
    const peer = new PeerProcess(url, leaseSeconds);
    await peer.heard("ready");
    return peer;
  }

  private constructor(url: string, leaseSeconds: number) {
    this.#child = fork(PROGRAM, [url, String(leaseSeconds)], { execArgv: ["--import", "tsx"] });
    this.#child.on("message", (report: PeerReport) => {
      this.reports.push(report);
      for (const look of [...this.#waiting]) look();
    });
    this.#child.on("exit", () => {
      for (const look of [...this.#waiting]) look();
    });
    onTestFinished(() => this.kill());
  }

  tell(command: PeerCommand): void {
    this.#child.send(command);
  }

  /** The texts it reported in this way so far. */
  texts(kind: "confirmed" | "holding" | "consumed" | "acked"): string[] {
    return this.reports.flatMap((report) => (report.kind === kind ? [report.text] : []));
  }

  /** Resolves with the first `count` reports of a kind, and rejects when the process ends or fails before. */
  heard<K extends PeerReport["kind"]>(kind: K, count = 1): Promise<Extract<PeerReport, { kind: K }>[]> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.reports.filter((report): report is Extract<PeerReport, { kind: K }> => report.kind === kind);
        const failure = this.reports.find((report) => report.kind === "failed");
        const ended = this.#child.exitCode !== null || this.#child.signalCode !== null;
        if (found.length < count && !failure && !ended) return;
        this.#waiting.delete(look);
        if (found.length >= count) resolve(found.slice(0, count));
        else reject(new Error(failure ? failure.error : `the peer ended before it reported ${kind}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }
  thaw(): void {
    this.#child.kill("SIGCONT");
  }
  /** kill -9. Resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
  /** Lets it end by itself. */
  async close(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.tell({ kind: "close" });
    await gone;
  }
}
