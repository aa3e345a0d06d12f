import { DecodeError } from "../errors.js";
import { isFields, readArray, readObject, textOrNull } from "../protocol/read-fields.js";
import type { ControlOptions } from "./control.js";
import { gatherReplies, type Replies, readOk, readTexts } from "./replies.js";

/** A task in a worker's hands. Times are instants; arguments as the worker showed them. */
export interface InspectedTask {
  readonly id: string;
  /** The shadow name, when it has one. */
  readonly name: string;
  readonly type: string;
  readonly args: unknown;
  readonly kwargs: unknown;
  /** Node name of the worker. */
  readonly hostname: string;
  /** When it began; undefined while it waits. */
  readonly started: Date | undefined;
  readonly acknowledged: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  readonly priority: number | null;
  readonly redelivered: boolean;
  /** Process that runs it. */
  readonly workerPid: number | null;
}

export interface ScheduledTask {
  readonly eta: string | null;
  readonly priority: number | null;
  readonly request: InspectedTask;
}

/** `inspect stats`, with what every worker has; the rest is in `all`. */
export interface WorkerStats {
  readonly pid: number | null;
  /** Seconds since its start. */
  readonly uptime: number | null;
  /** Task name → how many began. */
  readonly total: Readonly<Record<string, unknown>>;
  readonly prefetchCount: number | null;
  readonly maxConcurrency: number | null;
  readonly all: Readonly<Record<string, unknown>>;
}

/** What `Inspect` needs of `Control`. */
export interface Asker {
  ask(
    method: string,
    args?: Readonly<Record<string, unknown>>,
    options?: ControlOptions,
  ): Promise<ReadonlyMap<string, unknown>>;
}

/** Questions to workers. Each resolves with the replies that came in time. Source of the forms: celery-protocol 9.3. */
export class Inspect {
  readonly #control: Asker;

  constructor(control: Asker) {
    this.#control = control;
  }

  /** Tasks that run. `safe`: their arguments as texts. */
  async active(options?: ControlOptions & { readonly safe?: boolean }): Promise<Replies<readonly InspectedTask[]>> {
    const { safe = false, ...rest } = options ?? {};
    return await this.#ask("active", { safe }, rest, readTasks);
  }
  /** Tasks that wait in the worker. */
  async reserved(options?: ControlOptions): Promise<Replies<readonly InspectedTask[]>> {
    return await this.#ask("reserved", {}, options, readTasks);
  }
  /** Tasks that wait for their ETA. With our workers they wait in the broker: every worker of a queue lists the same. */
  async scheduled(options?: ControlOptions): Promise<Replies<readonly ScheduledTask[]>> {
    return await this.#ask("scheduled", {}, options, (value) => readArray(value, "reply").map(readScheduled));
  }
  /** Task id → where it is; tasks that a worker does not have are not in its reply. */
  async queryTask(
    ids: readonly string[],
    options?: ControlOptions,
  ): Promise<Replies<ReadonlyMap<string, readonly [state: string, task: InspectedTask]>>> {
    return await this.#ask("query_task", { ids }, options, readQueried);
  }
  /** Ids of tasks that the workers will not run. */
  async revoked(options?: ControlOptions): Promise<Replies<readonly string[]>> {
    return await this.#ask("revoked", {}, options, readTexts);
  }
  /** Task names, with the asked attributes behind them: `name [rate_limit=1/m]`. */
  async registered(attributes: readonly string[] = [], options?: ControlOptions): Promise<Replies<readonly string[]>> {
    return await this.#ask("registered", { taskinfoitems: attributes }, options, readTexts);
  }
  async stats(options?: ControlOptions): Promise<Replies<WorkerStats>> {
    return await this.#ask("stats", {}, options, readStats);
  }
  /** Queues that the workers consume, in Celery's form. */
  async activeQueues(options?: ControlOptions): Promise<Replies<readonly Readonly<Record<string, unknown>>[]>> {
    return await this.#ask("active_queues", {}, options, (value) =>
      readArray(value, "reply").map((each) => readObject(each, "queue")),
    );
  }
  /** Settings under Celery's names, secrets masked. */
  async conf(
    options?: ControlOptions & { readonly withDefaults?: boolean },
  ): Promise<Replies<Readonly<Record<string, unknown>>>> {
    const { withDefaults = false, ...rest } = options ?? {};
    return await this.#ask("conf", { with_defaults: withDefaults }, rest, (value) => readObject(value, "reply"));
  }
  async report(options?: ControlOptions): Promise<Replies<string>> {
    return await this.#ask("report", {}, options, readOk);
  }
  /** The workers' logical clocks. */
  async clock(options?: ControlOptions): Promise<Replies<number>> {
    return await this.#ask("clock", {}, options, (value) => {
      const { clock } = readObject(value, "reply");
      if (typeof clock === "number") return clock;
      throw new DecodeError("reply.clock is not a number");
    });
  }

  async #ask<T>(
    method: string,
    args: Readonly<Record<string, unknown>>,
    options: ControlOptions | undefined,
    read: (value: unknown) => T,
  ): Promise<Replies<T>> {
    return gatherReplies(await this.#control.ask(method, args, options), read);
  }
}

function readTasks(value: unknown): readonly InspectedTask[] {
  return readArray(value, "reply").map(readTask);
}

function readTask(value: unknown): InspectedTask {
  const task = readObject(value, "task");
  const delivery = isFields(task.delivery_info) ? task.delivery_info : {};
  return {
    id: String(task.id),
    name: textOrNull(task.name) ?? "",
    type: textOrNull(task.type) ?? textOrNull(task.name) ?? "",
    args: task.args ?? [],
    kwargs: task.kwargs ?? {},
    hostname: textOrNull(task.hostname) ?? "",
    started: typeof task.time_start === "number" ? new Date(task.time_start * 1000) : undefined,
    acknowledged: task.acknowledged === true,
    exchange: textOrNull(delivery.exchange) ?? "",
    routingKey: textOrNull(delivery.routing_key) ?? "",
    priority: numberOrNull(delivery.priority),
    redelivered: delivery.redelivered === true,
    workerPid: numberOrNull(task.worker_pid),
  };
}

function readScheduled(value: unknown): ScheduledTask {
  const entry = readObject(value, "entry");
  return { eta: textOrNull(entry.eta), priority: numberOrNull(entry.priority), request: readTask(entry.request) };
}

function readQueried(value: unknown): ReadonlyMap<string, readonly [string, InspectedTask]> {
  const entries = Object.entries(readObject(value, "reply"));
  return new Map(
    entries.map(([id, found]): [string, readonly [string, InspectedTask]] => {
      const [state, task] = readArray(found, id);
      return [id, [String(state), readTask(task)]];
    }),
  );
}

function readStats(value: unknown): WorkerStats {
  const all = readObject(value, "reply");
  const pool = isFields(all.pool) ? all.pool : {};
  return {
    pid: numberOrNull(all.pid),
    uptime: numberOrNull(all.uptime),
    total: isFields(all.total) ? all.total : {},
    prefetchCount: numberOrNull(all.prefetch_count),
    maxConcurrency: numberOrNull(pool["max-concurrency"]),
    all,
  };
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
