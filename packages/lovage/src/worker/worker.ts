import { availableParallelism, hostname as machineName } from "node:os";
import type { Lovage } from "../app.js";
import type { ResultBackend } from "../backends/backend.js";
import type { Broker } from "../brokers/broker.js";
import { DeadLetters } from "../dead-letters.js";
import type { DirectGateway } from "../direct-gateway.js";
import { ConfigurationError } from "../errors.js";
import { EventSender } from "../event-sender.js";
import type { OutboxRelay } from "../outbox/relay.js";
import { transactionTarget } from "../outbox/transaction-target.js";
import { parseRate } from "../protocol/control.js";
import { LamportClock } from "../protocol/events.js";
import { type Clock, systemClock } from "../util/clock.js";
import { type Deferred, deferred } from "../util/deferred.js";
import type { Logger } from "../util/logger.js";
import type { Service } from "../util/service.js";
import { type AutoscaleRange, Autoscaler, checkRange } from "./autoscaler.js";
import { TaskConsumer } from "./consumer.js";
import { ControlListener } from "./control-listener.js";
import { Executor } from "./executor.js";
import { FollowUp } from "./follow-up.js";
import { HealthServer } from "./health-server.js";
import { Heartbeat } from "./heartbeat.js";
import { LeaseRenewer } from "./lease-renewer.js";
import { Ledger } from "./ledger.js";
import { openPool } from "./pools/open-pool.js";
import type { Pool, PoolKind } from "./pools/pool.js";
import { RateLimiter } from "./rate-limiter.js";
import { Readiness } from "./readiness.js";
import { ResultKeeper } from "./result-keeper.js";
import { ResultSweeper } from "./result-sweeper.js";
import { Revoked } from "./revoked.js";
import { TaskEvents } from "./task-events.js";
import { TaskRules } from "./task-rules.js";

export interface WorkerOptions {
  readonly app: Lovage;
  /** The module that exports the app: pools load it again where tasks run. Only `solo` does without. */
  readonly appPath?: string;
  /** Names of the queues to consume. @default `taskQueues`, else `taskDefaultQueue` */
  readonly queues?: readonly string[];
  /** @default `workerPool` */
  readonly pool?: PoolKind;
  /** Tasks at a time. @default `workerConcurrency`, else one a processor */
  readonly concurrency?: number;
  /** Keep the pool between two sizes instead of `concurrency`. */
  readonly autoscale?: AutoscaleRange;
  /** Node name, `name@host`; `%h` is the machine's name. @default "lovage@%h" */
  readonly hostname?: string;
  /** Send task events. @default `workerSendTaskEvents` */
  readonly events?: boolean;
  /** @default `workerMaxTasksPerChild` */
  readonly maxTasksPerChild?: number | null;
  /** KiB. @default `workerMaxMemoryPerChild` */
  readonly maxMemoryPerChild?: number | null;
  /** @default the app's */
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Seconds a pool's process may take to load the app. */
const POOL_START_TIMEOUT = 60;

/** The running parts of a worker: what remote control acts on. */
export interface WorkerParts {
  readonly broker: Broker;
  readonly backend: ResultBackend | undefined;
  readonly pool: Pool;
  readonly consumer: TaskConsumer;
  readonly executor: Executor;
  readonly ledger: Ledger;
  readonly revoked: Revoked;
  readonly rateLimiter: RateLimiter;
  /** Rate limits set by remote control, as they were written. */
  readonly orderedRates: Map<string, string>;
  readonly rules: TaskRules;
  readonly events: EventSender;
  readonly heartbeat: Heartbeat;
  readonly leases: LeaseRenewer;
  readonly autoscaler: Autoscaler | undefined;
  readonly control: ControlListener;
  readonly results: ResultKeeper;
  readonly sweeper: ResultSweeper;
  /** Undefined when there is no outbox to relay. */
  readonly relay: OutboxRelay | undefined;
}

/**
 * A worker: takes tasks from its queues and runs them in its pool. Its main thread runs no user code (but for `solo`), so
 * heartbeats, leases and remote control always answer.
 */
export class Worker implements Service {
  readonly app: Lovage;
  /** Node name. */
  readonly hostname: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly lamport = new LamportClock();
  readonly #options: WorkerOptions;
  #parts: WorkerParts | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** Ends writes that are being tried again while a store is away. */
  readonly #givingUp = new AbortController();
  readonly #stopped: Deferred<void> = deferred();
  readonly #health: HealthServer | undefined;
  startedAt: Date | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.app = options.app;
    this.hostname = (options.hostname ?? "lovage@%h").replace("%h", machineName());
    this.logger = options.logger ?? options.app.logger;
    this.clock = options.clock ?? systemClock;
    this.#health = this.#openHealth();
  }

  /** Resolves when the worker has stopped, on whoever's order. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  get poolKind(): PoolKind {
    return this.#options.pool ?? this.app.settings.workerPool;
  }
  /** Slots to start with. */
  get concurrency(): number {
    const { autoscale, concurrency } = this.#options;
    if (autoscale) return autoscale.min;
    if (this.poolKind === "solo") return 1;
    return concurrency ?? this.app.settings.workerConcurrency ?? availableParallelism();
  }

  /** Where it says how it is, as in `http://127.0.0.1:8081`; undefined while it does so nowhere. */
  get healthUrl(): string | undefined {
    return this.#health?.url;
  }

  /** The running parts. Throws when the worker does not run. */
  get parts(): WorkerParts {
    if (!this.#parts)
      throw new ConfigurationError(`worker ${this.hostname} is not running`, { code: "worker_not_running" });
    return this.#parts;
  }

  /** Resolves when the pool is up and the queues are consumed. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Warm shutdown: finishes what runs, gives back the rest. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop(async ({ executor }) => await executor.drain());
    return this.#stopping;
  }

  /** Cold shutdown: ends what runs and gives everything back, also when a warm one is under way. */
  async abort(): Promise<void> {
    const parts = this.#parts;
    this.#givingUp.abort();
    const stopping = this.stop();
    await parts?.pool.abort("cold shutdown");
    await stopping;
  }

  /** The sizes that the pool is kept between; undefined when it keeps its size. */
  get autoscale(): AutoscaleRange | undefined {
    return this.#options.autoscale;
  }
  /** Whether task events are sent from the start. */
  get sendsTaskEvents(): boolean {
    return this.#options.events ?? this.app.settings.workerSendTaskEvents;
  }
  /** The queues it begins with. */
  get queueNames(): readonly string[] {
    return this.#queues().map(({ name }) => name);
  }
  /** Tasks after which a process or thread is replaced; null for never. */
  get maxTasksPerChild(): number | null {
    return this.#options.maxTasksPerChild ?? this.app.settings.workerMaxTasksPerChild;
  }

  /** Slots the prefetch follows. */
  prefetchFor(slots: number): number {
    return slots * this.app.settings.workerPrefetchMultiplier;
  }

  async #start(): Promise<void> {
    // First of all: it tells that the worker is alive, and not ready yet.
    await this.#health?.start();
    try {
      await this.#startParts();
    } catch (error) {
      await this.#health?.stop();
      throw error;
    }
  }

  async #startParts(): Promise<void> {
    const parts = await this.#build();
    this.#parts = parts;
    try {
      await parts.pool.start();
      await parts.leases.start();
      if (this.app.settings.workerEnableRemoteControl) await parts.control.start();
      await parts.consumer.start();
      await parts.heartbeat.start();
      await parts.autoscaler?.start();
      await parts.sweeper.start();
      await parts.relay?.start();
      this.startedAt = this.clock.now();
    } catch (error) {
      await this.#takeDown(async () => undefined);
      throw error;
    }
  }

  async #build(): Promise<WorkerParts> {
    const { app, hostname, clock, logger, lamport } = this;
    const { settings } = app;
    const gateway = app.direct;
    const broker = await gateway.broker();
    const backend = settings.resultBackend === null ? undefined : await gateway.backend();
    const events = new EventSender({
      broadcast: broker.broadcast,
      hostname,
      lamport,
      clock,
      logger,
      taskEvents: this.sendsTaskEvents,
    });
    const ledger = new Ledger();
    const revoked = new Revoked(clock);
    const rateLimiter = new RateLimiter(clock);
    const rules = new TaskRules(settings);
    const leases = new LeaseRenewer({ leaseSeconds: settings.brokerLeaseSeconds, clock, logger });
    const pool = openPool(this.poolKind, {
      app,
      size: this.concurrency,
      appPath: this.#appPath(),
      maxTasksPerChild: this.maxTasksPerChild,
      maxMemoryPerChild: this.#options.maxMemoryPerChild ?? settings.workerMaxMemoryPerChild,
      startTimeout: POOL_START_TIMEOUT,
      onFree: () => executor.dispatch(),
      gateway,
      logger,
      hostname,
    });
    const results = new ResultKeeper({
      backend,
      extended: settings.resultExtended,
      rules,
      clock,
      logger,
      hostname,
      signal: this.#givingUp.signal,
    });
    const executor: Executor = new Executor({
      app,
      hostname,
      clock,
      logger,
      pool,
      leases,
      ledger,
      revoked,
      rateLimiter,
      rules,
      results,
      followUp: new FollowUp(app, broker),
      deadLetters: new DeadLetters(broker),
      events: new TaskEvents(events, rules, logger),
      sharedLog: broker.capabilities.log !== undefined && broker.capabilities.log === backend?.capabilities.log,
    });
    const consumer = new TaskConsumer({
      broker,
      declare: (queue) => gateway.declare(queue),
      queues: this.#queues(),
      prefetch: this.prefetchFor(this.concurrency),
      name: hostname,
      onDelivery: (delivery) => executor.receive(delivery),
    });
    const autoscaler =
      this.#options.autoscale &&
      new Autoscaler({
        pool,
        range: checkRange(this.#options.autoscale),
        load: () => ledger.all().length,
        onResize: (size) => void consumer.setPrefetch(this.prefetchFor(size)),
        clock,
        logger,
      });
    const heartbeat = new Heartbeat({ events, ledger, clock });
    const sweeper = new ResultSweeper({ backend, resultExpires: settings.resultExpires, clock, logger });
    const control = new ControlListener(this);
    this.#applyRateLimits(rateLimiter);
    return {
      broker,
      backend,
      pool,
      consumer,
      executor,
      ledger,
      revoked,
      rateLimiter,
      orderedRates: new Map(),
      rules,
      events,
      heartbeat,
      leases,
      autoscaler,
      control,
      results,
      sweeper,
      relay: await this.#openRelay(gateway),
    };
  }

  #openHealth(): HealthServer | undefined {
    const { workerHealthPort: port, workerHealthHost: host } = this.app.settings;
    if (port === null) return undefined;
    const readiness = new Readiness({
      parts: () => this.#parts,
      phase: () => (this.#stopping ? "stopping" : this.startedAt ? "running" : "starting"),
    });
    return new HealthServer({ host, port, hostname: this.hostname, logger: this.logger, readiness });
  }

  async #openRelay(gateway: DirectGateway): Promise<OutboxRelay | undefined> {
    const { kind, url } = transactionTarget(this.app.settings);
    if (kind !== "outbox") return undefined;
    const { OutboxRelay } = await import("../outbox/relay.js");
    return new OutboxRelay({ url, gateway, logger: this.logger, clock: this.clock });
  }

  #queues(): ReturnType<Lovage["router"]["defaultQueues"]> {
    const { queues } = this.#options;
    return queues ? queues.map((name) => this.app.router.queue(name)) : this.app.router.defaultQueues();
  }

  #appPath(): string {
    const { appPath } = this.#options;
    if (appPath !== undefined) return appPath;
    if (this.poolKind === "solo") return "";
    throw new ConfigurationError(
      `pool ${this.poolKind} loads the app in every process or thread: give the worker the app's module as appPath`,
      {
        code: "app_path_missing",
      },
    );
  }

  #applyRateLimits(limiter: RateLimiter): void {
    for (const name of this.app.taskNames) {
      const rate = this.app.findTask(name)?.options.rateLimit ?? this.app.settings.taskDefaultRateLimit;
      if (rate !== undefined && rate !== null) limiter.setRate(name, parseRate(rate));
    }
  }

  async #stop(finish: (parts: WorkerParts) => Promise<void>): Promise<void> {
    // A start under way is let finish, so that there is one known state to take down.
    await this.#starting?.catch(() => undefined);
    try {
      await this.#takeDown(finish);
    } finally {
      await this.#health?.stop();
      // Who waits for the end hears of it also when taking something down failed: nothing follows any more.
      this.#stopped.resolve();
    }
  }

  async #takeDown(finish: (parts: WorkerParts) => Promise<void>): Promise<void> {
    const parts = this.#parts;
    if (!parts) return;
    await parts.autoscaler?.stop();
    await parts.relay?.stop();
    await parts.sweeper.stop();
    await parts.consumer.stop();
    await finish(parts);
    parts.rateLimiter.stop();
    await parts.pool.stop();
    await parts.control.stop();
    await parts.heartbeat.stop();
    await parts.events.settled();
    await parts.leases.stop();
    this.#parts = undefined;
  }
}
