import { Control, type Logger, type Lovage } from "lovage";
import { type Service, sleep } from "lovage/internal";
import type { ActionOutcome } from "../../api/common.js";
import type { WorkerDetail, WorkerSummary } from "../../api/workers.js";
import { ContentsGuard } from "../ingest/contents-guard.js";
import { keptText } from "../ingest/narrow.js";
import type { Fleet, HeardEvent, Ingest, LiveHub } from "../parts.js";
import type { User } from "../route.js";
import type { Database } from "../store/database.js";
import { label, WHOLE } from "../store/series-names.js";
import type { SeriesStore } from "../store/series-store.js";
import { WorkerStore } from "../store/worker-store.js";
import { Inspection } from "./inspection.js";
import { type Instant, KnownWorker } from "./known-worker.js";
import { StatusHistory } from "./status-history.js";
import { WorkerOrders } from "./worker-orders.js";
import { ALL_QUESTIONS, DETAIL_QUESTIONS, QUICK_QUESTIONS, wordsOf } from "./worker-replies.js";

/** Seconds between two looks at who has fallen silent. */
const LOOK_EVERY = 0.25;
/** Workers asked at once when they appear. */
const WELCOMED_AT_ONCE = 200;
/** Seconds between two inspections while somebody looks. */
const INSPECT_EVERY = 5;
/** Seconds between two of all workers though nobody looks: it finds those that send no heartbeats. */
const INSPECT_ANYWAY = 30;
/** Seconds between two writes of what changed, and two points of the slots' series. */
const SAVE_EVERY = 10;
/** Workers known at most: anybody can make up names. */
const MAX_WORKERS = 5000;
const MAX_NAME = 300;

export type WorkerChange = Parameters<Parameters<Fleet["onChange"]>[0]>[1];

export interface WorkerFleetOptions {
  readonly app: Lovage;
  readonly database: Database;
  readonly ingest: Ingest;
  readonly live: LiveHub;
  readonly series: SeriesStore;
  readonly logger: Logger;
  /** Seconds that workers are given to answer. */
  readonly inspectTimeout: number;
  /** Whether workers that send no task events are told to. */
  readonly enableEvents: boolean;
  /** Seconds after which offline workers are forgotten. */
  readonly purgeOfflineWorkers: number;
  readonly now?: () => Instant;
}

/** Who did it, where the console acts by itself. */
const CONSOLE_USER = "console";

/**
 * The workers, ours and Celery's. Who is there is told by their heartbeats; the rest is asked of all at once by one broadcast that all who
 * look share: every five seconds while somebody does, and of each worker that appears.
 */
export class WorkerFleet implements Fleet, Service {
  readonly #options: WorkerFleetOptions;
  readonly #logger: Logger;
  readonly #store: WorkerStore;
  readonly #statuses: StatusHistory;
  readonly #control: Control;
  readonly #inspection: Inspection;
  readonly #orders: WorkerOrders;
  readonly #workers = new Map<string, KnownWorker>();
  readonly #listeners = new Set<(worker: WorkerSummary, change: WorkerChange) => void>();
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  /** Workers that came, and were not asked yet. */
  readonly #arrivals = new Set<string>();
  #welcoming = false;
  #unsubscribe: (() => void) | undefined;
  #loop: Promise<void> | undefined;
  #loaded = false;
  #inspectedAt = Number.NEGATIVE_INFINITY;
  #savedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WorkerFleetOptions) {
    const { app, database, logger, inspectTimeout } = options;
    this.#options = options;
    this.#logger = logger;
    this.#store = new WorkerStore(database);
    this.#statuses = new StatusHistory({ store: this.#store, isLeader: () => options.ingest.status.leader });
    this.#control = new Control(app);
    this.#inspection = new Inspection({
      control: this.#control,
      guard: new ContentsGuard({ redact: app.redact, logger }),
      timeout: inspectTimeout,
    });
    this.#orders = new WorkerOrders({
      control: this.#control,
      store: this.#store,
      workers: this.#workers,
      logger,
      inspectTimeout,
      now: () => this.#now(),
      sent: (method, names) => this.#outdate(method, names),
    });
  }

  /** Begins; waits for no server. */
  start(): Promise<void> {
    if (this.#loop || this.#stopping.signal.aborted) return Promise.resolve();
    this.#unsubscribe = this.#options.ingest.onEvent((event) => this.#hear(event));
    this.#loop = this.#keepWatch();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unsubscribe?.();
    await this.#loop;
    await Promise.allSettled([...this.#running]);
    if (this.#loaded) await this.#save().catch(() => undefined);
  }

  list(options: { readonly offline?: boolean } = {}): readonly WorkerSummary[] {
    const now = this.#now();
    const all = [...this.#workers.values()].map((worker) => worker.summaryAt(now));
    const shown = options.offline === true ? all : all.filter(({ status }) => status !== "offline");
    return shown.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): WorkerSummary | undefined {
    return this.#workers.get(name)?.summaryAt(this.#now());
  }

  async detail(name: string, { maxAge }: { readonly maxAge: number }): Promise<WorkerDetail | undefined> {
    const worker = this.#workers.get(name);
    if (!worker) return undefined;
    const now = this.#now();
    const age = (now.ms - (worker.figuresMs ?? 0)) / 1000;
    const isPart = worker.replies.conf_all === undefined;
    const isStale = age > maxAge || isPart || worker.hasNewOrder;
    if (worker.statusAt(now) !== "offline" && isStale) await this.#ask([name]).catch(this.#unheard);
    const history = await this.#store.history(name).catch(() => []);
    return worker.detailAt(this.#now(), history);
  }

  async refresh(name?: string): Promise<void> {
    await this.#ask(name === undefined ? undefined : [name]);
  }

  async control(
    method: string,
    args: Readonly<Record<string, unknown>>,
    { destination, by }: { readonly destination?: readonly string[]; readonly by: User },
  ): Promise<readonly ActionOutcome[]> {
    return await this.#order(method, args, destination, by.name);
  }

  async forget(name: string): Promise<boolean> {
    const worker = this.#workers.get(name);
    if (worker?.statusAt(this.#now()) !== "offline") return false;
    const summary = worker.summaryAt(this.#now());
    await this.#store.delete(name);
    this.#workers.delete(name);
    this.#options.live.publish("workers", "worker", { name, gone: true }, name);
    this.#tell(summary, "forgotten");
    return true;
  }

  registered(): ReadonlyMap<string, readonly { readonly worker: string; readonly kind: "lovage" | "celery" }[]> {
    const now = this.#now();
    const found = new Map<string, { worker: string; kind: "lovage" | "celery" }[]>();
    for (const worker of this.#workers.values()) {
      if (worker.statusAt(now) === "offline") continue;
      for (const task of worker.registered()) {
        const by = { worker: worker.name, kind: worker.kind };
        const others = found.get(task);
        if (others) others.push(by);
        else found.set(task, [by]);
      }
    }
    return found;
  }

  replies(
    name: string,
  ): { readonly at: Date | undefined; readonly replies: Readonly<Record<string, unknown>> } | undefined {
    const worker = this.#workers.get(name);
    if (!worker) return undefined;
    const known = ALL_QUESTIONS.map((question) => [question, worker.replies[question]] as const);
    const replies = Object.fromEntries(known.filter(([, reply]) => reply !== undefined));
    return { at: worker.figuresMs === null ? undefined : new Date(worker.figuresMs), replies };
  }

  onChange(listener: (worker: WorkerSummary, change: WorkerChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #hear({ type, hostname, timestamp, fields, before, after }: HeardEvent): void {
    if (type === "worker-online" || type === "worker-heartbeat" || type === "worker-offline") {
      const worker = this.#known(hostname);
      if (!worker) return;
      const now = this.#now();
      // What it answered before it went would have it back.
      if (type === "worker-offline") this.#inspection.outdate([hostname]);
      if (type === "worker-online") {
        worker.heardStart();
        // A restart so quick that it was never missed is one all the same: it is asked anew.
        worker.toldStatus = "offline";
      }
      worker.heardBeat(type, fields, timestamp, now);
      this.#noteStatus(worker, now);
      this.#publish(worker, now);
    } else if (type.startsWith("task-") && type !== "task-sent" && after) {
      const ended = after.finishedMs !== null && before?.finishedMs !== after.finishedMs;
      // Only of workers that are known: any event may name any node.
      this.#workers.get(hostname)?.heardTask(type, after.name, ended ? after.runtime : null);
    }
  }

  #known(name: string): KnownWorker | undefined {
    const there = this.#workers.get(name);
    if (there) return there;
    if (name === "" || name.length > MAX_NAME || this.#workers.size >= MAX_WORKERS) return undefined;
    if (keptText(name, MAX_NAME) !== name) return undefined;
    const worker = new KnownWorker(name);
    this.#workers.set(name, worker);
    return worker;
  }

  /** Tells when a worker has come or gone, and asks one that came. */
  #noteStatus(worker: KnownWorker, now: Instant): void {
    const status = worker.statusAt(now);
    if (status === worker.toldStatus) return;
    const wasOnline = worker.toldStatus === "online";
    worker.toldStatus = status;
    worker.isChanged = true;
    this.#background(this.#statuses.note(worker.name, status, now.ms));
    this.#tell(worker.summaryAt(now), status);
    this.#publish(worker, now);
    if (status === "online" && !wasOnline) this.#arrivals.add(worker.name);
  }

  /** Asks those that appeared, some hundreds at once, and has them send their tasks' events: a fleet that starts is one question, not many. */
  async #welcome(): Promise<void> {
    const names = [...this.#arrivals].slice(0, WELCOMED_AT_ONCE);
    for (const name of names) this.#arrivals.delete(name);
    await this.#ask(names);
    if (!this.#options.enableEvents) return;
    const quiet = names.filter((name) => {
      const worker = this.#workers.get(name);
      return worker?.figuresMs !== null && worker?.sendsEvents !== true;
    });
    if (quiet.length > 0) await this.#enableEvents(quiet);
  }

  async #enableEvents(destination: readonly string[]): Promise<void> {
    const replies = await this.#control.ask(
      "enable_events",
      {},
      { destination, timeout: this.#options.inspectTimeout },
    );
    for (const name of destination) {
      const worker = this.#workers.get(name);
      const reply = replies.get(name);
      if (!worker || reply === undefined) continue;
      const { refused, text } = wordsOf(reply);
      if (!refused) worker.setEvents(true);
      if (text.includes("already")) continue;
      this.#logger.info("switched on a worker's task events", { worker: name, reply: text });
      await this.#store.note(name, { atMs: this.#now().ms, what: "enable_events", by: CONSOLE_USER, outcome: text });
      this.#figuresChanged(worker);
    }
  }

  async #order(
    method: string,
    args: Readonly<Record<string, unknown>>,
    destination: readonly string[] | undefined,
    by: string,
  ): Promise<readonly ActionOutcome[]> {
    const outcomes = await this.#orders.give({ method, args, destination, by });
    const done = outcomes.filter(({ target, outcome }) => outcome === "done" && this.#workers.has(target));
    if (done.length === 0 || QUIET.has(method)) return outcomes;
    const asked = done.map(({ target }) => target);
    this.#background(this.#ask(asked));
    // Processes take their time to come and go: the answer said that they will.
    if (SLOW.has(method)) this.#background(sleep(1, this.#stopping.signal).then(() => this.#ask(asked)));
    return outcomes;
  }

  /** Figures from before an order are not true after it: whoever asks for them from now on has the workers asked anew. */
  #outdate(method: string, names: readonly string[]): void {
    if (QUIET.has(method)) return;
    this.#inspection.outdate(names);
    for (const name of names) {
      const worker = this.#workers.get(name);
      if (worker) worker.hasNewOrder = true;
    }
  }

  /** Asks these workers everything, or all of them. Who waits for the same shares the answer. */
  async #ask(names: readonly string[] | undefined): Promise<void> {
    const ours = [...this.#workers.values()].filter(
      ({ kind, name }) => kind === "lovage" && (names?.includes(name) ?? true),
    );
    const questions = names === undefined ? ALL_QUESTIONS : DETAIL_QUESTIONS;
    const answers = await this.#inspection.ask(questions, { destination: names });
    this.#take(answers, questions, names);
    if (ours.length === 0) return;
    const ourNames = ours.map(({ name }) => name);
    this.#take(await this.#inspection.ask(["limits"], { destination: ourNames }), ["limits"], ourNames);
  }

  #take(
    answers: Awaited<ReturnType<Inspection["ask"]>>,
    questions: Parameters<Inspection["ask"]>[0],
    asked: readonly string[] | undefined,
  ): void {
    const now = this.#now();
    const { byWorker, outdated } = answers;
    const names = asked ?? [...new Set([...this.#workers.keys(), ...byWorker.keys()])];
    for (const name of names) {
      if (outdated.has(name)) continue;
      const replies = byWorker.get(name);
      const worker = replies ? this.#known(name) : this.#workers.get(name);
      if (!worker?.answered(questions, replies ?? {}, now)) continue;
      this.#noteStatus(worker, now);
      this.#figuresChanged(worker);
    }
  }

  #figuresChanged(worker: KnownWorker): void {
    const now = this.#now();
    this.#tell(worker.summaryAt(now), "figures");
    this.#publish(worker, now);
  }

  #publish(worker: KnownWorker, now: Instant): void {
    const { live } = this.#options;
    if (live.hasListeners("workers")) live.publish("workers", "worker", worker.summaryAt(now), worker.name);
  }

  #tell(summary: WorkerSummary, change: WorkerChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(summary, change);
      } catch (error) {
        this.#logger.error("a listener to workers failed", { error: String(error) });
      }
    }
  }

  async #keepWatch(): Promise<void> {
    const { signal } = this.#stopping;
    let failed = false;
    while (!signal.aborted) {
      try {
        if (!this.#loaded) await this.#load();
        await this.#look();
        failed = false;
      } catch (error) {
        if (!failed) this.#logger.warn("workers could not be looked after; trying again", { error: String(error) });
        failed = true;
      }
      await sleep(LOOK_EVERY, signal).catch(() => undefined);
    }
  }

  async #load(): Promise<void> {
    for (const stored of await this.#store.all()) {
      if (this.#workers.has(stored.name) || this.#workers.size >= MAX_WORKERS) continue;
      this.#workers.set(stored.name, KnownWorker.fromStored(stored));
    }
    this.#loaded = true;
  }

  async #look(): Promise<void> {
    const now = this.#now();
    for (const worker of this.#workers.values()) this.#noteStatus(worker, now);
    this.#welcomeArrivals();
    this.#inspectWhenDue(now);
    // What needs the store comes last: one that is away keeps nobody from being asked.
    await this.#statuses.writeKept(now.ms);
    if (now.monotonic - this.#savedAt < SAVE_EVERY) return;
    this.#savedAt = now.monotonic;
    this.#gauge(now);
    await this.#save();
    await this.#purge(now);
  }

  #welcomeArrivals(): void {
    if (this.#welcoming || this.#arrivals.size === 0) return;
    this.#welcoming = true;
    const welcomed = this.#welcome().finally(() => {
      this.#welcoming = false;
    });
    this.#background(welcomed);
  }

  #inspectWhenDue(now: Instant): void {
    const every = this.#options.live.hasListeners("workers") ? INSPECT_EVERY : INSPECT_ANYWAY;
    if (now.monotonic - this.#inspectedAt < every) return;
    this.#inspectedAt = now.monotonic;
    const inspected = this.#inspection.ask(QUICK_QUESTIONS, { destination: undefined });
    this.#background(inspected.then((answers) => this.#take(answers, QUICK_QUESTIONS, undefined)));
  }

  #gauge(now: Instant): void {
    const { series } = this.#options;
    const online = this.list().filter(({ status }) => status === "online");
    let [slots, busy] = [0, 0];
    for (const worker of online) {
      if (worker.slots === null) continue;
      series.gauge("slots", label("worker", worker.name), worker.slots, now.ms);
      series.gauge("busy", label("worker", worker.name), worker.busy ?? 0, now.ms);
      slots += worker.slots;
      busy += worker.busy ?? 0;
    }
    series.gauge("slots", WHOLE, slots, now.ms);
    series.gauge("busy", WHOLE, busy, now.ms);
  }

  async #save(): Promise<void> {
    const changed = [...this.#workers.values()].filter(({ isChanged }) => isChanged);
    for (const worker of changed) worker.isChanged = false;
    try {
      await this.#store.put(changed.map((worker) => worker.toStored()));
    } catch (error) {
      for (const worker of changed) worker.isChanged = true;
      throw error;
    }
  }

  async #purge(now: Instant): Promise<void> {
    const oldestMs = now.ms - this.#options.purgeOfflineWorkers * 1000;
    for (const worker of [...this.#workers.values()]) {
      if (worker.statusAt(now) === "offline" && worker.lastSeenMs < oldestMs) await this.forget(worker.name);
    }
  }

  readonly #unheard = (error: unknown): void => {
    if (this.#stopping.signal.aborted) return;
    this.#logger.warn("workers could not be asked", { error: String(error) });
  };

  #background(work: Promise<unknown>): void {
    const settled = work.catch(this.#unheard).finally(() => this.#running.delete(settled));
    this.#running.add(settled);
  }

  #now(): Instant {
    return this.#options.now?.() ?? { monotonic: performance.now() / 1000, ms: Date.now() };
  }
}

/** Commands that change nothing of what is shown. */
const QUIET: ReadonlySet<string> = new Set(["ping", "query_task", "revoke", "abort", "shutdown"]);

const SLOW: ReadonlySet<string> = new Set(["pool_grow", "pool_shrink", "pool_restart", "autoscale"]);
