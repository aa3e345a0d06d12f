import type { Logger } from "lovage";
import { withDeadline } from "lovage/internal";
import { Registry } from "prom-client";
import type { Fleet, Ingest, Jobs, LiveHub } from "../parts.js";
import { errorText } from "../queues/broker-access.js";
import type { QueueSampler } from "../queues/queue-sampler.js";
import type { Database } from "../store/database.js";
import { EventMetrics } from "./event-metrics.js";
import { StateMetrics } from "./state-metrics.js";

export interface ConsoleMetricsOptions {
  readonly ingest: Pick<Ingest, "onEvent" | "onTasks" | "status">;
  readonly fleet: Pick<Fleet, "list" | "get">;
  readonly queues: Pick<QueueSampler, "current" | "totals" | "deadLetters" | "state">;
  readonly jobs: Pick<Jobs, "counts">;
  readonly live: Pick<LiveHub, "clientCount">;
  readonly database: Pick<Database, "size">;
  readonly logger: Logger;
  readonly now?: () => Date;
}

/** Seconds that the store is given for an answer: a scrape must not hang because it is locked. */
const STORE_SECONDS = 2;
/** Milliseconds for which the size of the store is as good as new. */
const SIZE_MS = 60_000;

/** The figures of `GET /metrics`, in a registry of its own: the program around the console may have one too. */
export class ConsoleMetrics {
  /** Of the reply. */
  readonly contentType: string;
  readonly #options: ConsoleMetricsOptions;
  readonly #registry = new Registry();
  readonly #events: EventMetrics;
  readonly #state: StateMetrics;
  #forget: readonly (() => void)[] = [];
  #size: { readonly bytes: number | null; readonly atMs: number } = { bytes: null, atMs: Number.NEGATIVE_INFINITY };

  constructor(options: ConsoleMetricsOptions) {
    this.#options = options;
    this.#events = new EventMetrics(this.#registry);
    this.#state = new StateMetrics(this.#registry);
    this.contentType = this.#registry.contentType;
  }

  /** Begins to count. */
  async start(): Promise<void> {
    if (this.#forget.length > 0) return;
    const { ingest } = this.#options;
    this.#forget = [
      ingest.onEvent((event) => this.#events.note(event)),
      ingest.onTasks((records) => this.#events.noteRecords(records)),
    ];
  }

  async stop(): Promise<void> {
    for (const forget of this.#forget) forget();
    this.#forget = [];
  }

  /** All figures as Prometheus reads them. Never rejects: what cannot be asked is left out. */
  async metricsText(): Promise<string> {
    const { fleet, queues, live, ingest, now = () => new Date() } = this.#options;
    const nowMs = now().getTime();
    this.#events.sweep((worker) => isThere(fleet, worker), nowMs);
    this.#state.setWorkers(fleet.list({ offline: true }), this.#events.workers);
    this.#state.setQueues(
      queues.current().filter(({ internal }) => !internal),
      (queue) => queues.totals(queue),
    );
    this.#state.setDeadLetters(queues.state.reachable ? queues.deadLetters.counts : []);
    this.#state.setJobs((await this.#ask("the jobs", () => this.#options.jobs.counts())) ?? []);
    this.#state.setConsole({
      lag: ingest.status.lag,
      clients: live.clientCount,
      storeBytes: await this.#storeBytes(nowMs),
    });
    return await this.#registry.metrics();
  }

  async #storeBytes(nowMs: number): Promise<number | null> {
    if (nowMs - this.#size.atMs >= SIZE_MS) {
      const bytes = await this.#ask("the size of the store", () => this.#options.database.size());
      this.#size = { bytes: bytes ?? null, atMs: nowMs };
    }
    return this.#size.bytes;
  }

  /** Undefined when there is no answer in time. */
  async #ask<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await withDeadline(ask(), STORE_SECONDS, () => new Error(`no answer within ${STORE_SECONDS} s`));
    } catch (error) {
      this.#options.logger.warn(`metrics are without ${what}`, { error: errorText(error) });
      return undefined;
    }
  }
}

function isThere(fleet: Pick<Fleet, "get">, worker: string): boolean {
  const found = fleet.get(worker);
  return found !== undefined && found.status !== "offline";
}
