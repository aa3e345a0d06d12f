import type { Logger } from "lovage";
import { sleep } from "lovage/internal";
import type { AttentionItem, Tiles } from "../../api/operations.js";
import type { Fleet, Ingest, LiveHub, OverviewWatch, QueueWatch } from "../parts.js";
import { errorText } from "../queues/broker-access.js";
import type { QueueSampler } from "../queues/queue-sampler.js";
import type { Database } from "../store/database.js";
import { label, labelPart, WHOLE } from "../store/series-names.js";
import type { SeriesStore } from "../store/series-store.js";
import type { TaskRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import { AttentionList } from "./attention/attention-list.js";
import type { LostTasks, Snapshot, WaitingTasks } from "./attention/snapshot.js";
import { FinishedCount } from "./finished-count.js";
import { tilesOf } from "./tiles.js";

/** Seconds between two looks at the store for what needs attention: while somebody listens, and otherwise. */
const WATCHED_SECONDS = 5;
const UNWATCHED_SECONDS = 30;
/** Records that are looked through for the attention list. */
const MAX_RECORDS = 1000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3600_000;

export interface OverviewSamplerOptions {
  readonly fleet: Fleet;
  readonly queues: Pick<QueueSampler, "current" | "state" | "deadLetters"> & Pick<QueueWatch, "refresh">;
  readonly ingest: Pick<Ingest, "onEvent" | "status">;
  readonly series: SeriesStore;
  readonly tasks: Pick<TaskStore, "unfinished">;
  readonly database: Pick<Database, "trouble">;
  readonly live: LiveHub;
  readonly logger: Logger;
  readonly now?: () => Date;
}

/** What is asked of the store, as of its last answer. */
type Kept = Pick<Snapshot, "depths" | "deadLetters" | "lost" | "waiting">;
const NOTHING: Kept = { depths: new Map(), deadLetters: [], lost: [], waiting: [] };

/** The figures and the warnings at the head of the overview: each second while somebody looks, once for all who do. */
export class OverviewSampler implements OverviewWatch {
  readonly #options: OverviewSamplerOptions;
  readonly #now: () => Date;
  readonly #finished = new FinishedCount();
  readonly #list = new AttentionList();
  #kept = NOTHING;
  #keptAtMs = 0;
  #asking: Promise<void> | undefined;
  #running: AbortController | undefined;
  #loop: Promise<void> | undefined;
  #forget: (() => void) | undefined;

  constructor(options: OverviewSamplerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  async start(): Promise<void> {
    if (this.#running) return;
    const running = new AbortController();
    this.#running = running;
    const { ingest, series, logger } = this.#options;
    this.#forget = ingest.onEvent((event) => this.#finished.note(event, this.#now().getTime()));
    await this.#finished.recall(series, this.#now().getTime()).catch((error: unknown) => {
      logger.warn("what finished in the hour before the start cannot be read", { error: errorText(error) });
    });
    this.#loop = this.#tickOnAndOn(running.signal);
  }

  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    this.#forget?.();
    await this.#loop;
    await this.#asking;
  }

  /** As of now. */
  get tiles(): Tiles {
    const { fleet, queues } = this.#options;
    const nowMs = this.#now().getTime();
    return tilesOf({
      workers: fleet.list({ offline: true }),
      queues: queues.current().filter(({ internal }) => !internal),
      brokerAnswers: queues.state.reachable,
      finishedPerMinute: this.#finished.perMinute(nowMs),
      failures: this.#finished.failures(nowMs),
      deadLetters: queues.deadLetters.total,
    });
  }

  /** As of the last look. */
  get attention(): readonly AttentionItem[] {
    return this.#list.items;
  }

  /** Looks now: at the store too when that is long ago. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#now().getTime() - this.#keptAtMs >= WATCHED_SECONDS * 1000) await this.#ask();
    this.#update();
  }

  async #tickOnAndOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const watched = this.#options.live.hasListeners("stats");
      const age = (this.#now().getTime() - this.#keptAtMs) / 1000;
      if (age >= (watched ? WATCHED_SECONDS : UNWATCHED_SECONDS)) await this.#ask();
      this.#update();
      if (watched) this.#options.live.publish("stats", "stats", this.tiles, "stats");
      await sleep(1, signal).catch(() => undefined);
    }
  }

  #update(): void {
    const changed = this.#list.update(this.#snapshot());
    if (changed) this.#options.live.publish("stats", "attention", this.#list.items, "attention");
  }

  #snapshot(): Snapshot {
    const { fleet, queues, database, ingest } = this.#options;
    const workers = fleet.list({ offline: true });
    return {
      nowMs: this.#now().getTime(),
      workers,
      queues: queues.current().filter(({ internal }) => !internal),
      broker: queues.state,
      storeTrouble: database.trouble,
      ingest: ingest.status,
      registered: this.#registered(),
      ...this.#kept,
    };
  }

  /** Undefined while a worker that is online has not said what it knows: it may be the one. */
  #registered(): ReadonlySet<string> | undefined {
    const { fleet } = this.#options;
    const registered = fleet.registered();
    const told = new Set([...registered.values()].flatMap((those) => those.map(({ worker }) => worker)));
    const open = fleet.list().some(({ name, status }) => status === "online" && !told.has(name));
    return open ? undefined : new Set(registered.keys());
  }

  /** Everybody who asks meanwhile waits for the same answer. */
  #ask(): Promise<void> {
    this.#asking ??= this.#askStore()
      .catch((error: unknown) =>
        this.#options.logger.warn("the overview cannot be read from the store", { error: errorText(error) }),
      )
      .finally(() => {
        this.#keptAtMs = this.#now().getTime();
        this.#asking = undefined;
      });
    return this.#asking;
  }

  async #askStore(): Promise<void> {
    const { series, tasks } = this.#options;
    const toMs = Math.floor(this.#now().getTime() / MINUTE_MS + 1) * MINUTE_MS;
    const range = { fromMs: toMs - 10 * MINUTE_MS, toMs, stepMs: MINUTE_MS, as: "last" } as const;
    const depths = await series.read({ metric: "depth", ...range });
    const dead = await series.read({ metric: "dead-letters", label: WHOLE, ...range });
    const lost = await tasks.unfinished({ states: ["LOST"], limit: MAX_RECORDS });
    const waiting = await tasks.unfinished({ states: ["PENDING"], limit: MAX_RECORDS });
    this.#kept = {
      depths: new Map(
        [...depths].flatMap(([text, points]) =>
          labelPart(text, "queue") === undefined ? [] : [[queueIn(text), points]],
        ),
      ),
      deadLetters: dead.get(WHOLE) ?? [],
      lost: lostBy(lost, toMs - DAY_MS),
      waiting: waitingBy(waiting, toMs),
    };
  }
}

/** The queue that a label `queue:…` is of: the rest of it, whatever characters it has. */
function queueIn(text: string): string {
  return text.slice(label("queue", "").length);
}

function lostBy(records: readonly TaskRecord[], fromMs: number): LostTasks[] {
  const found = new Map<string, { count: number; sinceMs: number }>();
  for (const { worker, updatedMs } of records) {
    if (updatedMs < fromMs) continue;
    const name = worker ?? "an unknown worker";
    const known = found.get(name) ?? { count: 0, sinceMs: updatedMs };
    found.set(name, { count: known.count + 1, sinceMs: Math.min(known.sinceMs, updatedMs) });
  }
  return [...found].map(([worker, { count, sinceMs }]) => ({
    worker,
    count,
    sinceMs,
    isMore: records.length >= MAX_RECORDS,
  }));
}

/** Tasks that were sent and not received: not those that wait for their ETA. */
function waitingBy(records: readonly TaskRecord[], nowMs: number): WaitingTasks[] {
  const found = new Map<string, { count: number; sinceMs: number }>();
  for (const { name, etaMs, sentMs, firstMs } of records) {
    if (name === null || (etaMs !== null && etaMs > nowMs)) continue;
    const sinceMs = Math.max(sentMs ?? firstMs, etaMs ?? 0);
    const known = found.get(name) ?? { count: 0, sinceMs };
    found.set(name, { count: known.count + 1, sinceMs: Math.min(known.sinceMs, sinceMs) });
  }
  const isMore = records.length >= MAX_RECORDS;
  return [...found].map(([name, { count, sinceMs }]) => ({ name, count, isMore, sinceMs }));
}
