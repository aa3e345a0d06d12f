import type { QueueSpec, Route } from "../../src/brokers/broker.js";
import type { Gateway, TransactionPlace } from "../../src/gateway.js";
import type { Message } from "../../src/protocol/message.js";
import { isReady } from "../../src/protocol/states.js";
import type { TaskMeta } from "../../src/protocol/task-meta.js";

export interface Sent {
  readonly message: Message;
  readonly route: Route;
  readonly queue: QueueSpec | undefined;
}

/** A gateway that keeps in this process what passes through it. */
export class RecordingGateway implements Gateway {
  readonly sent: Sent[] = [];
  readonly results = new Map<string, TaskMeta>();
  readonly controls: { readonly method: string; readonly args: unknown }[] = [];
  /** Task ids that somebody waits for now. */
  readonly waiting = new Set<string>();
  /** What `prepareTransaction` resolves with. */
  place: TransactionPlace = { databaseId: "", replyTo: null };
  /** When set, `send` rejects with it. */
  refusal: Error | undefined;
  readonly #wakers = new Set<() => void>();

  async send(message: Message, route: Route, queue: QueueSpec | undefined): Promise<void> {
    if (this.refusal) throw this.refusal;
    this.sent.push({ message, route, queue });
  }
  async prepareTransaction(): Promise<TransactionPlace> {
    return this.place;
  }
  async getResult(id: string): Promise<TaskMeta | undefined> {
    return this.results.get(id);
  }
  async waitResult(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.waiting.add(id);
    try {
      for (;;) {
        const meta = this.results.get(id);
        if (meta && isReady(meta.status)) return meta;
        await this.#next(signal);
      }
    } finally {
      this.waiting.delete(id);
    }
  }
  async storeResult(meta: TaskMeta): Promise<void> {
    this.results.set(meta.taskId, meta);
    for (const wake of this.#wakers) wake();
  }
  async forgetResult(id: string): Promise<void> {
    this.results.delete(id);
  }
  async control(method: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    this.controls.push({ method, args });
  }
  async close(): Promise<void> {}

  /** Forgets what has passed. */
  clear(): void {
    this.sent.length = 0;
    this.controls.length = 0;
    this.results.clear();
    this.refusal = undefined;
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => () => {
        this.#wakers.delete(wake);
        signal.removeEventListener("abort", stop);
        then();
      };
      const wake = settle(resolve);
      const stop = settle(() => reject(signal.reason));
      this.#wakers.add(wake);
      signal.addEventListener("abort", stop, { once: true });
    });
  }
}
