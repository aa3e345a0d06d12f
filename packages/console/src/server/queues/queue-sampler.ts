import type { Logger, Lovage } from "lovage";
import { DEAD_LETTER_QUEUE, type QueueCounts, sleep } from "lovage/internal";
import type { ActionOutcome } from "../../api/common.js";
import type { QueueSummary } from "../../api/queues.js";
import type { Fleet, Ingest, LiveHub, QueueWatch } from "../parts.js";
import type { User } from "../route.js";
import type { Database } from "../store/database.js";
import type { SeriesStore } from "../store/series-store.js";
import { errorText } from "./broker-access.js";
import { type BrokerLook, lookInTime } from "./broker-look.js";
import { DeadLetterBook } from "./dead-letter-book.js";
import { isInternalQueue } from "./internal-queues.js";
import { PausedQueues } from "./paused-queues.js";
import { figuresOf, staled, unknown } from "./queue-figures.js";
import { QueueHistory, SPARK_POINTS, SPARK_STEP_MS } from "./queue-history.js";
import { ratesOf } from "./queue-rates.js";
import { QueueSeriesRecorder, type QueueTotals, recallDepths } from "./queue-series.js";
import { QueueTraffic } from "./queue-traffic.js";

/** Seconds between two looks at the broker. */
const SAMPLE_SECONDS = 5;
/** Seconds that rates are of. */
const RATE_SECONDS = 60;

export interface QueueSamplerOptions {
  readonly app: Lovage;
  readonly fleet: Fleet;
  readonly ingest: Pick<Ingest, "onEvent" | "status">;
  readonly series: SeriesStore;
  readonly database: Database;
  readonly live: LiveHub;
  readonly logger: Logger;
  readonly now?: () => Date;
  /** Seconds between two looks. @default 5 */
  readonly every?: number;
}

/** Whether the broker answered last time; `error` says what happened, and `since` when it began. */
export interface BrokerState {
  readonly reachable: boolean;
  readonly error: string | null;
  readonly since: Date;
}

/**
 * Looks at the broker's queues every five seconds, once for all who want to know. A broker that does not answer leaves the figures as
 * they were, each with the reason and, in `sampledAt`, from when it is.
 */
export class QueueSampler implements QueueWatch {
  readonly deadLetters: DeadLetterBook;
  readonly traffic = new QueueTraffic();
  readonly #options: QueueSamplerOptions;
  readonly #now: () => Date;
  readonly #paused: PausedQueues;
  readonly #recorder: QueueSeriesRecorder;
  readonly #histories = new Map<string, QueueHistory>();
  /** Of each queue, what was last counted and when. */
  readonly #counts = new Map<string, { readonly counts: QueueCounts; readonly atMs: number }>();
  #look: BrokerLook | undefined;
  #state: BrokerState;
  #heardSinceMs: number;
  #sampling: Promise<void> | undefined;
  #running: AbortController | undefined;
  #loop: Promise<void> | undefined;
  #forget: (() => void) | undefined;

  constructor(options: QueueSamplerOptions) {
    const { app, fleet, database, logger, now = () => new Date() } = options;
    this.#options = options;
    this.#now = now;
    const isLeader = (): boolean => options.ingest.status.leader;
    this.#paused = new PausedQueues({ fleet, database, logger, now, isLeader });
    this.deadLetters = new DeadLetterBook({ app, logger, now });
    this.#recorder = new QueueSeriesRecorder({ series: options.series, isLeader });
    this.#state = { reachable: true, error: null, since: now() };
    this.#heardSinceMs = now().getTime();
  }

  /** Rejects with a `StoreError` when the store cannot be read. A broker that is away is no reason not to start. */
  async start(): Promise<void> {
    if (this.#running) return;
    const running = new AbortController();
    this.#running = running;
    await this.#paused.start();
    await this.#recall();
    this.#heardSinceMs = this.#now().getTime();
    this.#forget = this.#options.ingest.onEvent((event) =>
      this.traffic.note(event, this.#now().getTime(), (worker) => this.#options.fleet.get(worker)?.queues ?? []),
    );
    this.#loop = this.#sampleOnAndOn(running.signal);
  }

  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    this.#forget?.();
    await this.#paused.stop();
    await this.#loop;
    await this.#sampling;
  }

  async list({ internal = false }: { readonly internal?: boolean } = {}): Promise<readonly QueueSummary[]> {
    if (!this.#look) await this.refresh();
    const all = this.current();
    return internal ? all : all.filter((queue) => !queue.internal);
  }

  /** What is known now, without asking anybody. Sorted by name. */
  current(): readonly QueueSummary[] {
    return [...this.#names()].sort().map((name) => this.#summary(name));
  }

  async get(name: string): Promise<QueueSummary | undefined> {
    if (!this.#names().has(name)) await this.refresh();
    return this.#names().has(name) ? this.#summary(name) : undefined;
  }

  /** Looks now. Everybody who asks meanwhile waits for the same look. Never rejects: `state` says what went wrong. */
  refresh(): Promise<void> {
    this.#sampling ??= this.#sample().finally(() => {
      this.#sampling = undefined;
    });
    return this.#sampling;
  }

  /** Whether the broker answers. */
  get state(): BrokerState {
    return this.#state;
  }
  /** What the broker can tell; undefined before it was reached. */
  get capabilities(): BrokerLook["capabilities"] | undefined {
    return this.#look?.capabilities;
  }

  paused(): readonly string[] {
    return this.#paused.names;
  }
  async pause(queue: string, by: User): Promise<readonly ActionOutcome[]> {
    const outcomes = await this.#paused.pause(queue, by);
    await this.refresh();
    return outcomes;
  }
  async resume(queue: string, by: User): Promise<readonly ActionOutcome[]> {
    const outcomes = await this.#paused.resume(queue, by);
    await this.refresh();
    return outcomes;
  }

  /** What went through a queue since the console started, as far as it was told. */
  totals(queue: string): QueueTotals {
    return this.#recorder.totals(queue);
  }

  async #sampleOnAndOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.refresh();
      await sleep(this.#options.every ?? SAMPLE_SECONDS, signal).catch(() => undefined);
    }
  }

  async #sample(): Promise<void> {
    const { app, logger } = this.#options;
    // Beside the look: a store that is away must not hold it up.
    const reread = this.#paused.reread();
    try {
      const look = await lookInTime(app, this.#candidates(), this.#now);
      this.#look = look;
      if (!this.#state.reachable) this.#state = { reachable: true, error: null, since: this.#now() };
      this.#take(look);
      await this.deadLetters.follow(look.counts.get(DEAD_LETTER_QUEUE.name)?.ready ?? 0, look.capabilities.peek);
      this.#recorder.recordDeadLetters(this.deadLetters.byQueue, this.deadLetters.total, look.atMs);
    } catch (error) {
      const text = errorText(error);
      if (this.#state.reachable) {
        this.#state = { reachable: false, error: text, since: this.#now() };
        logger.warn("the broker's queues cannot be counted", { error: text });
      } else this.#state = { ...this.#state, error: text };
    }
    await reread;
    this.#publish();
  }

  #take(look: BrokerLook): void {
    for (const [name, counts] of look.counts) {
      this.#counts.set(name, { counts, atMs: look.atMs });
      const { ready, unacked, scheduled } = counts;
      this.#history(name).add({ atMs: look.atMs, ready, total: ready + unacked + scheduled });
    }
    for (const name of look.missing) {
      this.#counts.delete(name);
      this.traffic.forget(name);
    }
    // Queues that were deleted are neither counted nor missing where the broker lists all of its own.
    for (const name of this.#counts.keys())
      if (!look.counts.has(name) && !look.failed.has(name)) this.#counts.delete(name);
    for (const name of this.#histories.keys()) if (!this.#names().has(name)) this.#histories.delete(name);
    this.traffic.prune(look.atMs);
    this.#record(look);
  }

  #record({ counts, capabilities, atMs }: BrokerLook): void {
    const looks = [...counts]
      .filter(([name]) => !isInternalQueue(name))
      .map(([queue, found]) => ({ queue, counts: found, traffic: this.traffic.total(queue) }));
    this.#recorder.record(looks, capabilities.inspection, atMs);
  }

  #publish(): void {
    const { live } = this.#options;
    if (!live.hasListeners("queues")) return;
    for (const queue of this.current()) live.publish("queues", "queue", queue, queue.name);
  }

  /** Queues to ask for besides those that the broker lists. */
  #candidates(): Set<string> {
    return new Set([
      ...this.#workerQueues(),
      ...this.traffic.queues,
      ...this.#paused.names,
      ...this.#configured(),
      DEAD_LETTER_QUEUE.name,
    ]);
  }
  #workerQueues(): string[] {
    return this.#options.fleet.list().flatMap(({ status, queues }) => (status === "offline" ? [] : queues));
  }
  #configured(): string[] {
    const { settings } = this.#options.app;
    return [settings.taskDefaultQueue, ...(settings.taskQueues ?? []).map(({ name }) => name), ...this.#counts.keys()];
  }

  /** Queues to show: those that are there, and those that workers say they consume. */
  #names(): Set<string> {
    return new Set([...this.#counts.keys(), ...this.#workerQueues(), ...this.#paused.names]);
  }

  #history(name: string): QueueHistory {
    const known = this.#histories.get(name);
    if (known) return known;
    const made = new QueueHistory();
    this.#histories.set(name, made);
    return made;
  }

  #summary(name: string): QueueSummary {
    const nowMs = this.#now().getTime();
    const known = this.#counts.get(name);
    const workers = this.#options.fleet
      .list()
      .filter((worker) => worker.status !== "offline" && worker.queues.includes(name));
    const figures = this.#figures(name, workers.length, nowMs);
    const consumers = figures.consumers.value ?? workers.length;
    return {
      name,
      internal: isInternalQueue(name),
      state: this.#paused.has(name) ? "paused" : consumers === 0 ? "no-consumer" : "running",
      ...figures,
      dead: this.deadLetters.countOf(name),
      sparkline: this.#histories.get(name)?.sparkline(nowMs) ?? Array.from({ length: SPARK_POINTS }, () => null),
      sampledAt: known ? new Date(known.atMs).toISOString() : null,
    };
  }

  #figures(
    name: string,
    knownConsumers: number,
    nowMs: number,
  ): ReturnType<typeof figuresOf> & ReturnType<typeof ratesOf> {
    const look = this.#look;
    const known = this.#counts.get(name);
    if (!look) {
      const none = unknown(this.#state.error ?? "the broker has not been asked yet");
      return {
        ...{ ready: none, unacked: none, scheduled: none, total: none, oldestAge: none, consumers: none },
        ...{ inRate: none, deliverRate: none, ackRate: none, redeliverRate: none },
      };
    }
    const { capabilities } = look;
    const atMs = known?.atMs ?? nowMs;
    const figures = {
      // Of the instant of the look: a broker that is silent does not make messages older than they are known to be.
      ...figuresOf({ capabilities, counts: known?.counts, knownConsumers, nowMs: atMs }),
      ...this.#rates(name, look, nowMs),
    };
    const trouble = this.#state.reachable ? look.failed.get(name) : this.#state.error;
    return trouble
      ? staled(figures, `the broker does not answer since ${this.#state.since.toISOString()}: ${trouble}`)
      : figures;
  }

  #rates(name: string, { capabilities }: BrokerLook, nowMs: number): ReturnType<typeof ratesOf> {
    const heard = Math.min(RATE_SECONDS, Math.max(0.001, (nowMs - this.#heardSinceMs) / 1000));
    const workers = this.#options.fleet
      .list()
      .filter((worker) => worker.status === "online" && worker.queues.includes(name));
    return ratesOf({
      inspection: capabilities.inspection,
      heard,
      traffic: this.traffic.within(name, nowMs, RATE_SECONDS),
      change: this.#histories.get(name)?.change(nowMs, RATE_SECONDS),
      consumers: workers.map(({ name: worker, kind, events }) => ({
        name: worker,
        kind,
        events,
        leavesOpen: this.traffic.leavesOpen(worker),
      })),
      brokerConsumers: this.#counts.get(name)?.counts.consumers,
    });
  }

  /** Sparklines go on where the console that ran before left them. */
  async #recall(): Promise<void> {
    const { series, logger } = this.#options;
    const toMs = this.#now().getTime();
    try {
      const kept = await recallDepths(series, {
        fromMs: toMs - SPARK_POINTS * SPARK_STEP_MS,
        toMs,
        stepMs: SPARK_STEP_MS,
      });
      for (const { queue, atMs, ready } of kept) this.#history(queue).recall(atMs, ready);
    } catch (error) {
      logger.warn("the depths of the queues before the start cannot be read", { error: errorText(error) });
    }
  }
}
