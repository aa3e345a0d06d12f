import type { Call, Client, Ending, Fields } from "./client.js";
import { Feed } from "./feed.js";
import { decodeJson, encodeJson } from "./json.js";
import { SuiteProcess } from "./process.js";

/** A step of a chain as `client.py` takes it. */
export interface PythonSignature {
  readonly task: string;
  readonly args?: readonly unknown[];
}

/** Celery's client in a Python process of its own; see `python/client.py`. It takes one order after the other. */
export class PythonClient implements Client {
  readonly events = new Feed<Fields>("an event");
  readonly #process: SuiteProcess;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #orders = 0;

  private constructor(python: string, cwd: string, env: NodeJS.ProcessEnv) {
    const onLine = (line: string): void => this.#read(line);
    const options = { env, cwd, readyWhen: /^{"ready"/, onLine };
    this.#process = new SuiteProcess("the Python client", [python, "client.py"], options);
    void this.#process.ended.then(() => {
      for (const { reject } of this.#pending.values()) reject(new Error(`the client has ended:\n${this.output}`));
    });
  }

  static async start(python: string, cwd: string, env: NodeJS.ProcessEnv): Promise<PythonClient> {
    const client = new PythonClient(python, cwd, env);
    await client.#process.ready();
    return client;
  }

  /** What it wrote that was no answer. */
  get output(): string {
    return this.#process.output;
  }

  async send(call: Call): Promise<string> {
    return text(await this.#order("send", { ...call }));
  }
  /** With Celery's `compression`. */
  async sendCompressed(call: Call, compression: string): Promise<string> {
    return text(await this.#order("send", { ...call, compression }));
  }
  async sendMany(calls: readonly Call[]): Promise<readonly string[]> {
    return list(await this.#order("send_many", { calls })).map(text);
  }
  async get(id: string, timeout = 20): Promise<Ending> {
    return ending(await this.#order("get", { id, timeout }));
  }
  async getMany(ids: readonly string[]): Promise<readonly Ending[]> {
    return list(await this.#order("get_many", { ids })).map(ending);
  }
  async call(call: Call): Promise<Ending> {
    return await this.get(await this.send(call));
  }
  async state(id: string): Promise<string> {
    return text(await this.#order("state", { id }));
  }
  async children(id: string): Promise<readonly string[]> {
    return list(await this.#order("children", { id })).map(text);
  }
  async revoke(id: string, node: string, { terminate }: { readonly terminate: boolean }): Promise<void> {
    const replies = await this.control("revoke", { task_id: id, terminate, signal: "SIGTERM" }, [node]);
    if (!(node in replies)) throw new Error(`${node} did not answer`);
  }
  /** Values that did not come back equal. */
  async roundTrip(name: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    return list(await this.#order("round_trip", { name, values }));
  }
  /** Ids of the steps, in order. */
  async sendChain(steps: readonly PythonSignature[]): Promise<readonly string[]> {
    return list(await this.#order("send_chain", { steps })).map(text);
  }
  async publish(message: {
    readonly queue: string;
    readonly body: string;
    readonly content_type: string;
    readonly content_encoding: string;
    readonly headers?: Fields;
    readonly properties?: Fields;
  }): Promise<void> {
    await this.#order("publish", message);
  }
  async publishPickle(queue: string, task: string, id: string, path: string): Promise<void> {
    await this.#order("publish_pickle", { queue, task, id, path });
  }
  async sendProtocol1(queue: string, task: string, args: readonly unknown[]): Promise<string> {
    return text(await this.#order("send_protocol_1", { queue, task, args }));
  }
  /** `{node: reply}`. Waits until all of `destination` have replied. */
  async control(method: string, args: Fields, destination: readonly string[], timeout = 10): Promise<Fields> {
    return fields(await this.#order("control", { method, arguments: args, destination, timeout }));
  }
  /** Celery's command line: `["inspect", "ping"]`. */
  async command(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
    const { code, out, err } = fields(await this.#order("command", { args }));
    return { code: Number(code), out: text(out), err: text(err) };
  }
  /** From now on all events arrive in `events`. */
  async listen(): Promise<void> {
    await this.#order("listen", {});
  }

  async stop(): Promise<void> {
    this.#process.child.stdin?.end();
    await this.#process.stop();
  }

  #order(op: string, args: Fields): Promise<unknown> {
    const n = ++this.#orders;
    return new Promise((resolve, reject) => {
      this.#pending.set(n, { resolve, reject });
      this.#process.child.stdin?.write(`${encodeJson({ ...args, n, op })}\n`);
    });
  }

  #read(line: string): void {
    if (!line.startsWith("{")) return;
    const message = fields(decodeJson(line));
    if (message.event !== undefined) return this.events.push(fields(message.event));
    const waiting = this.#pending.get(Number(message.n));
    this.#pending.delete(Number(message.n));
    if (message.error !== undefined) waiting?.reject(new Error(JSON.stringify(message.error, null, 2)));
    else waiting?.resolve(message.ok);
  }
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError(`expected a text, got ${String(value)}`);
}
function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`expected a list, got ${String(value)}`);
}
function fields(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new TypeError(`expected an object, got ${String(value)}`);
}
function ending(value: unknown): Ending {
  const { state, value: result, error, traceback } = fields(value);
  if (error === undefined) return { state: text(state), value: result };
  const { type, module, args } = fields(error);
  return {
    state: text(state),
    error: { type: text(type), module: text(module), args: list(args) },
    traceback: typeof traceback === "string" ? traceback : null,
  };
}
