import type { Lovage } from "../app.js";
import type { Broadcast } from "../brokers/broker.js";
import { type ControlTarget, collectReplies, sendControlRequest } from "./collect-replies.js";
import { Inspect } from "./inspect.js";
import { gatherReplies, type Replies, readOk } from "./replies.js";

/** Who is asked, and for how long. */
export interface ControlOptions extends ControlTarget {
  /** Seconds to wait for replies. The wait ends early when all of `destination` have replied. @default 1 */
  readonly timeout?: number;
  /** Replies after which it ends early too. */
  readonly limit?: number;
  /** Node names: the wait ends early too when these have all replied, though everybody is asked. */
  readonly expected?: readonly string[];
  /** Ends the wait with what has come so far. */
  readonly signal?: AbortSignal;
}

/**
 * Remote control of workers, ours and Celery's. Every method broadcasts one request and gathers the replies until its timeout;
 * workers that do not answer in time are simply not among them. Throws a `BrokerConnectionError` when the broker is away.
 */
export class Control {
  /** What workers are doing. Changes nothing. */
  readonly inspect: Inspect;
  readonly #app: Lovage;
  readonly #defaults: ControlOptions;

  constructor(app: Lovage, defaults: ControlOptions = {}) {
    this.#app = app;
    this.#defaults = defaults;
    this.inspect = new Inspect(this);
  }

  /** The replies to any command, as they came, by node name. */
  async ask(
    method: string,
    args: Readonly<Record<string, unknown>> = {},
    options: ControlOptions = {},
  ): Promise<ReadonlyMap<string, unknown>> {
    const { timeout = 1, ...target } = { ...this.#defaults, ...options };
    return await collectReplies(await this.#broadcast(), { method, arguments: args, timeout, ...target });
  }

  /** Sends a command that nobody is to answer. Resolves when the broker has it. */
  async broadcast(
    method: string,
    args: Readonly<Record<string, unknown>> = {},
    target: ControlTarget = {},
  ): Promise<void> {
    const { destination, pattern, matcher } = { ...this.#defaults, ...target };
    await sendControlRequest(await this.#broadcast(), {
      method,
      arguments: args,
      ...(destination && { destination }),
      ...(pattern !== undefined && { pattern }),
      ...(matcher && { matcher }),
    });
  }

  /** Node names of the workers that are there. */
  async ping(options?: ControlOptions): Promise<readonly string[]> {
    return [...(await this.ask("ping", {}, options)).keys()].sort();
  }

  /** Keeps tasks from running; with `terminate` ends those that run, by `signal`. Waits for no answer. */
  async revoke(ids: string | readonly string[], how: { terminate?: boolean; signal?: string } = {}): Promise<void> {
    const { terminate = false, signal = "SIGTERM" } = how;
    await this.broadcast("revoke", { task_id: ids, terminate, signal });
  }

  /**
   * Asks running tasks to stop by aborting their signal; they may tidy up, and end REVOKED when they throw in answer. Each worker says
   * which of them it runs. Celery's workers know no such command, and say so.
   */
  async abort(ids: string | readonly string[], options?: ControlOptions): Promise<Replies<string>> {
    return await this.#order("abort", { task_id: ids }, options);
  }

  /** `10/s`, `100/m`, `1000/h`, or a number a second; 0 lifts the limit. On each worker, until it ends. */
  async rateLimit(task: string, rate: string | number, options?: ControlOptions): Promise<Replies<string>> {
    return await this.#order("rate_limit", { task_name: task, rate_limit: rate }, options);
  }
  /** Seconds; null or left out for no limit. On each worker, until it ends. */
  async timeLimit(
    task: string,
    limits: { readonly hard?: number | null; readonly soft?: number | null },
    options?: ControlOptions,
  ): Promise<Replies<string>> {
    const { hard = null, soft = null } = limits;
    return await this.#order("time_limit", { task_name: task, hard, soft }, options);
  }

  async poolGrow(slots = 1, options?: ControlOptions): Promise<Replies<string>> {
    return await this.#order("pool_grow", { n: slots }, options);
  }
  async poolShrink(slots = 1, options?: ControlOptions): Promise<Replies<string>> {
    return await this.#order("pool_shrink", { n: slots }, options);
  }
  /** Replaces every process or thread of the pools, each when its task ends; they load the app's code anew. */
  async poolRestart(options?: ControlOptions): Promise<Replies<string>> {
    return await this.#order("pool_restart", { modules: null, reload: false, reloader: null }, options);
  }
  async autoscale(
    range: { readonly max: number; readonly min: number },
    options?: ControlOptions,
  ): Promise<Replies<string>> {
    return await this.#order("autoscale", { max: range.max, min: range.min }, options);
  }

  /** Has workers consume a queue; one that is not configured is made. */
  async addConsumer(queue: string, how: AddConsumer = {}, options?: ControlOptions): Promise<Replies<string>> {
    const { exchange = null, exchangeType = "direct", routingKey = null } = how;
    const args = { queue, exchange, exchange_type: exchangeType, routing_key: routingKey };
    return await this.#order("add_consumer", args, options);
  }
  async cancelConsumer(queue: string, options?: ControlOptions): Promise<Replies<string>> {
    return await this.#order("cancel_consumer", { queue }, options);
  }

  async enableEvents(options?: ControlOptions): Promise<Replies<string>> {
    return await this.#order("enable_events", {}, options);
  }
  async disableEvents(options?: ControlOptions): Promise<Replies<string>> {
    return await this.#order("disable_events", {}, options);
  }
  /** Asks for a heartbeat event at once. */
  async heartbeat(target?: ControlTarget): Promise<void> {
    await this.broadcast("heartbeat", {}, target);
  }

  /** Warm unless `cold`. Nobody answers; watch for `worker-offline`, or ping. */
  async shutdown(options: ControlTarget & { readonly cold?: boolean } = {}): Promise<void> {
    const { cold = false, ...target } = options;
    // An argument that a Celery worker does not know would be refused by it.
    await this.broadcast("shutdown", cold ? { cold } : {}, target);
  }

  async #order(
    method: string,
    args: Readonly<Record<string, unknown>>,
    options?: ControlOptions,
  ): Promise<Replies<string>> {
    return gatherReplies(await this.ask(method, args, options), readOk);
  }

  async #broadcast(): Promise<Broadcast> {
    return (await this.#app.direct.broker()).broadcast;
  }
}

/** How `addConsumer` makes a queue. Left out: the queue's name, and a direct exchange. */
export interface AddConsumer {
  readonly exchange?: string;
  readonly exchangeType?: "direct" | "topic" | "fanout";
  readonly routingKey?: string;
}
