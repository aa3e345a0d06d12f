import type { QueueSpec, Route } from "../../brokers/broker.js";
import type { Gateway, TransactionPlace } from "../../gateway.js";
import type { Message } from "../../protocol/message.js";
import type { TaskMeta } from "../../protocol/task-meta.js";
import { type Deferred, deferred } from "../../util/deferred.js";
import { errorFrom } from "./error-data.js";
import { messageData, metaData, metaFrom, placeFrom, routeData } from "./gateway-calls.js";
import type { ChildMessage, ErrorData } from "./messages.js";

/** The gateway of a pool's process or thread: every call crosses to the worker, which answers it with its own. */
export class PortGateway implements Gateway {
  readonly #post: (message: ChildMessage) => void;
  readonly #waiting = new Map<number, Deferred<unknown>>();
  #calls = 0;

  constructor(post: (message: ChildMessage) => void) {
    this.#post = post;
  }

  async send(message: Message, route: Route, queue: QueueSpec | undefined): Promise<void> {
    await this.#call("send", [messageData(message), routeData(route), queue ?? null]);
  }
  /** The statements themselves run here, through the task's own client. */
  async prepareTransaction(queue: QueueSpec | undefined): Promise<TransactionPlace> {
    return placeFrom(await this.#call("prepareTransaction", [queue ?? null]));
  }
  async getResult(id: string): Promise<TaskMeta | undefined> {
    const meta = await this.#call("getResult", [id]);
    return meta === null ? undefined : metaFrom(meta);
  }
  async waitResult(id: string, signal: AbortSignal): Promise<TaskMeta> {
    return metaFrom(await this.#call("waitResult", [id], signal));
  }
  async storeResult(meta: TaskMeta): Promise<void> {
    await this.#call("storeResult", [metaData(meta)]);
  }
  async forgetResult(id: string): Promise<void> {
    await this.#call("forgetResult", [id]);
  }
  async control(method: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#call("control", [method, args]);
  }
  /** Nothing is open here: the worker's connections are its own to close. */
  async close(): Promise<void> {}

  /** The worker's answer to a call. Answers to calls nobody waits for any more are dropped. */
  settle(call: number, answer: { readonly value: unknown } | { readonly error: ErrorData }): void {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if ("error" in answer) waiting?.reject(errorFrom(answer.error));
    else waiting?.resolve(answer.value);
  }

  async #call(method: keyof Gateway, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    const call = ++this.#calls;
    const answer = deferred<unknown>();
    this.#waiting.set(call, answer);
    const cancel = (): void => {
      this.#waiting.delete(call);
      this.#post({ kind: "cancel", call });
      answer.reject(signal?.reason);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      this.#post({ kind: "call", call, method, args });
      return await answer.promise;
    } finally {
      this.#waiting.delete(call);
      signal?.removeEventListener("abort", cancel);
    }
  }
}
