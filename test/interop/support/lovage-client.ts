import { type ApplyOptions, type AsyncResult, type Callback, Control, type Lovage, TaskFailedError } from "lovage";
import type { Call, CallSignature, Client, Ending } from "./client.js";

/** Lovage's client, behind the face that Python's has here too. */
export class LovageClient implements Client {
  readonly #app: Lovage;
  readonly #handles = new Map<string, AsyncResult<unknown>>();

  constructor(app: Lovage) {
    this.#app = app;
  }

  async send({ name, args = [], kwargs = {}, ...options }: Call): Promise<string> {
    const result = await this.#app.sendTask(name, args, { kwargs, ...this.#optionsOf(options) });
    this.#handles.set(result.id, result);
    return result.id;
  }
  async sendMany(calls: readonly Call[]): Promise<readonly string[]> {
    return await Promise.all(calls.map((call) => this.send(call)));
  }

  async get(id: string, timeout = 20): Promise<Ending> {
    const result = this.#handle(id);
    try {
      return { state: "SUCCESS", value: await result.get({ timeout }) };
    } catch (error) {
      // An error that both sides know comes as its own class, with what was stored as its cause.
      const stored = error instanceof TaskFailedError ? error : error instanceof Error ? error.cause : undefined;
      if (!(stored instanceof TaskFailedError)) throw error;
      return {
        state: stored.excType === "TaskRevokedError" ? "REVOKED" : "FAILURE",
        error: { type: stored.excType, module: stored.excModule, args: stored.excMessage },
        traceback: stored.traceback,
      };
    }
  }
  async getMany(ids: readonly string[]): Promise<readonly Ending[]> {
    return await Promise.all(ids.map((id) => this.get(id, 60)));
  }
  async call(call: Call): Promise<Ending> {
    return await this.get(await this.send(call));
  }
  async state(id: string): Promise<string> {
    return await this.#handle(id).status();
  }
  async children(id: string): Promise<readonly string[]> {
    return (await this.#handle(id).children()).map((child) => child.id);
  }

  async revoke(id: string, node: string, { terminate }: { readonly terminate: boolean }): Promise<void> {
    // `AsyncResult.revoke` says the same and waits for no answer.
    const options = { destination: [node], timeout: 10 };
    const args = { task_id: id, terminate, signal: "SIGTERM" };
    const replies = await new Control(this.#app).ask("revoke", args, options);
    if (!replies.has(node)) throw new Error(`${node} did not answer`);
  }

  #handle(id: string): AsyncResult<unknown> {
    return this.#handles.get(id) ?? this.#app.asyncResult(id);
  }

  #optionsOf(options: Omit<Call, "name" | "args" | "kwargs">): ApplyOptions {
    const { task_id, eta, time_limit, soft_time_limit, ignore_result, link, link_error, ...same } = options;
    return {
      ...same,
      ...(task_id !== undefined && { taskId: task_id }),
      ...(eta !== undefined && { eta: new Date(eta) }),
      ...(time_limit !== undefined && { timeLimit: time_limit }),
      ...(soft_time_limit !== undefined && { softTimeLimit: soft_time_limit }),
      ...(ignore_result !== undefined && { ignoreResult: ignore_result }),
      ...(link && { link: link.map((each) => this.#signature(each)) }),
      ...(link_error && { linkError: link_error.map((each) => this.#signature(each)) }),
    };
  }

  #signature({ task, args = [] }: CallSignature): Callback<unknown> {
    const [argument] = args;
    if (argument === undefined) return this.#app.remote<(given: unknown) => unknown>(task).s();
    return this.#app.remote<(given: unknown, argument: unknown) => unknown>(task).s(argument);
  }
}
