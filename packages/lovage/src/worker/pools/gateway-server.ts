import { DecodeError } from "../../errors.js";
import type { Gateway } from "../../gateway.js";
import { errorData } from "./error-data.js";
import { fieldsOf } from "./fields.js";
import { messageFrom, metaData, metaFrom, queueFrom, routeFrom } from "./gateway-calls.js";
import type { ChildMessage, ParentMessage } from "./messages.js";

type Call = Extract<ChildMessage, { kind: "call" }>;

/** Answers one child's gateway calls with the worker's own gateway. */
export class GatewayServer {
  readonly #gateway: Gateway;
  readonly #post: (message: ParentMessage) => void;
  readonly #open = new Map<number, AbortController>();

  constructor(gateway: Gateway, post: (message: ParentMessage) => void) {
    this.#gateway = gateway;
    this.#post = post;
  }

  /** Answers with a `reply`, or with a `refusal` that carries the error; never rejects. */
  async answer({ call, method, args }: Call): Promise<void> {
    const controller = new AbortController();
    this.#open.set(call, controller);
    try {
      const value = await this.#perform(method, args, controller.signal);
      this.#post({ kind: "reply", call, value });
    } catch (error) {
      this.#post({ kind: "refusal", call, error: errorData(error) });
    } finally {
      this.#open.delete(call);
    }
  }

  cancel(call: number): void {
    this.#open.get(call)?.abort();
  }

  /** The child is gone: nobody waits any more. What it sent goes out all the same. */
  close(): void {
    for (const controller of this.#open.values()) controller.abort();
  }

  async #perform(method: string, args: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    const gateway = this.#gateway;
    const [first, second, third] = args;
    switch (method) {
      case "send":
        await gateway.send(messageFrom(first), routeFrom(second), queueFrom(third));
        return null;
      case "prepareTransaction":
        return await gateway.prepareTransaction(queueFrom(first));
      case "getResult": {
        const meta = await gateway.getResult(textOf(first));
        return meta ? metaData(meta) : null;
      }
      case "waitResult":
        return metaData(await gateway.waitResult(textOf(first), signal));
      case "storeResult":
        await gateway.storeResult(metaFrom(first));
        return null;
      case "forgetResult":
        await gateway.forgetResult(textOf(first));
        return null;
      case "control":
        await gateway.control(textOf(first), fieldsOf(second, "arguments"));
        return null;
      default:
        throw new DecodeError(`a task asked its worker for ${JSON.stringify(method)}, which it does not do`);
    }
  }
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new DecodeError(`expected a text, got ${typeof value}`);
}
