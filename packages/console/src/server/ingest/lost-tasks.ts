import { Control, type Logger, type Lovage } from "lovage";
import { isReady, type Service, sleep } from "lovage/internal";
import type { Fleet } from "../parts.js";
import type { TaskRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import type { EventIngest } from "./event-ingest.js";

/** Seconds between two looks, and from a heartbeat's loss to the look it causes. */
const LOOK_EVERY = 30;
/** Seconds between two tries while it cannot look: another console writes, or nothing is heard. What was missed is looked up right after. */
const TRY_EVERY = 2;
/** Seconds that a task's last news must be old before its worker is asked: they may be on their way. */
const SETTLED = 5;
/** Tasks looked through at a time, and ids in one question. */
const PAGE = 500;
const IDS_AT_ONCE = 200;
/** Tasks looked up in the result backend at a time. */
const LOOKUPS = 20;
/** Tasks that wait, looked up at each look. */
const WAITING_AT_ONCE = 200;
/** Tasks that wait, looked up after a gap: the newest news of those may have been in it. */
const MAX_AFTER_GAP = 20_000;

export interface LostTasksOptions {
  readonly app: Lovage;
  readonly ingest: EventIngest;
  readonly fleet: Fleet;
  readonly tasks: TaskStore;
  readonly logger: Logger;
  /** Seconds that workers are given to answer. */
  readonly inspectTimeout: number;
  /** Seconds for which a redelivery is waited for. @default the app's `brokerLeaseSeconds` */
  readonly lease?: number;
  /** Seconds between two looks. @default 30 */
  readonly lookEvery?: number;
  readonly nowMs?: () => number;
}

/** Neither held by a worker: they wait in the broker, or are over. */
const NOT_HELD: ReadonlySet<string> = new Set(["PENDING", "RETRY", "LOST", "SCHEDULED"]);

/**
 * Sees to it that no task stays "started" for ever. A task that a worker had is looked up when that worker's heartbeats stop, and every
 * half minute: its end is made good from the result backend; where there is none, its worker is gone or denies it, and it was not
 * delivered again for one lease, it is *lost*. Whatever is heard of it later corrects that.
 *
 * Done by the console that writes, and only while it hears: who is deaf cannot tell who is silent.
 */
export class LostTasks implements Service {
  readonly #options: LostTasksOptions;
  readonly #nowMs: () => number;
  readonly #lease: number;
  readonly #control: Control;
  readonly #stopping = new AbortController();
  /** Since when a task's worker denies it. */
  readonly #denied = new Map<string, number>();
  #loop: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;
  #wake = new AbortController();
  #gapsSeenMs = 0;
  /** Whether the last turn could look. */
  #looked = false;
  /** Where the round over all that wait stands. */
  #waitingAfterId: string | undefined;

  constructor(options: LostTasksOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#lease = options.lease ?? options.app.settings.brokerLeaseSeconds;
    this.#control = new Control(options.app);
  }

  /** Begins; waits for no server. */
  start(): Promise<void> {
    if (this.#loop || this.#stopping.signal.aborted) return Promise.resolve();
    this.#unsubscribe = this.#options.fleet.onChange((_, change) => {
      if (change === "silent" || change === "offline" || change === "online") this.#wake.abort();
    });
    this.#loop = this.#keepLooking();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    this.#unsubscribe?.();
    await this.#loop;
  }

  /** Looks now. Returns how many tasks were given up for lost. */
  async look(): Promise<number> {
    const { tasks } = this.#options;
    if (!this.#mayLook) return 0;
    this.#looked = true;
    await this.#lookAfterGap();
    const states = Object.keys(await tasks.stateCounts()).filter((state) => !(isReady(state) || NOT_HELD.has(state)));
    let lost = 0;
    if (states.length > 0) for await (const page of this.#pages(states)) lost += await this.#lookThrough(page);
    for await (const page of this.#pages(["LOST"])) await this.#takeBack(page);
    await this.#lookAtSomeThatWait();
    return lost;
  }

  get #mayLook(): boolean {
    const { ingest } = this.#options;
    return ingest.status.leader && ingest.hearsSinceMs !== undefined;
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stopping;
    let failed = false;
    while (!signal.aborted) {
      await this.#pause();
      if (signal.aborted) return;
      try {
        this.#looked = false;
        await this.look();
        failed = false;
      } catch (error) {
        if (!failed)
          this.#options.logger.warn("lost tasks could not be looked for; trying again", { error: String(error) });
        failed = true;
      }
    }
  }

  /** Until it is time, or a worker has come or gone. A worker that has gone makes it look again when its lease is over. */
  async #pause(): Promise<void> {
    const usual = this.#options.lookEvery ?? LOOK_EVERY;
    const every = this.#looked ? usual : Math.min(usual, TRY_EVERY);
    const soonest = this.#denied.size > 0 ? Math.min(every, this.#lease / 2 + 0.5) : every;
    this.#wake = new AbortController();
    await sleep(soonest, AbortSignal.any([this.#wake.signal, this.#stopping.signal])).catch(() => undefined);
  }

  async *#pages(states: readonly string[]): AsyncGenerator<readonly TaskRecord[]> {
    let afterId: string | undefined;
    while (!this.#stopping.signal.aborted) {
      const page = await this.#options.tasks.unfinished({
        states,
        limit: PAGE,
        ...(afterId !== undefined && { afterId }),
      });
      if (page.length > 0) yield page;
      if (page.length < PAGE) return;
      afterId = page.at(-1)?.id;
    }
  }

  async #lookThrough(page: readonly TaskRecord[]): Promise<number> {
    const settledMs = this.#nowMs() - SETTLED * 1000;
    const held = page.filter(
      (record) => record.worker !== null && record.updatedMs < settledMs && !waitsInWorker(record, this.#nowMs()),
    );
    const denied = await this.#deniedOf(held);
    for (const { id } of held) if (!denied.has(id)) this.#denied.delete(id);
    let lost = 0;
    for (let at = 0; at < held.length; at += LOOKUPS) {
      const some = held.slice(at, at + LOOKUPS).filter(({ id }) => denied.has(id));
      const results = await Promise.all(some.map((record) => this.#conclude(record)));
      lost += results.filter(Boolean).length;
    }
    return lost;
  }

  /** Ids that nobody has, as far as is known: their worker is gone, or says so. A worker that does not answer denies nothing. */
  async #deniedOf(records: readonly TaskRecord[]): Promise<ReadonlySet<string>> {
    const byWorker = new Map<string, TaskRecord[]>();
    for (const record of records) {
      const there = byWorker.get(record.worker ?? "");
      if (there) there.push(record);
      else byWorker.set(record.worker ?? "", [record]);
    }
    const denied = new Set<string>();
    for (const [worker, its] of byWorker) {
      const status = this.#options.fleet.get(worker)?.status ?? "offline";
      const held = status === "online" ? await this.#heldBy(worker, its) : new Set<string>();
      if (held) for (const { id } of its) if (!held.has(id)) denied.add(id);
    }
    return denied;
  }

  /** Which of these the worker has; undefined when it did not answer. */
  async #heldBy(worker: string, records: readonly TaskRecord[]): Promise<ReadonlySet<string> | undefined> {
    const held = new Set<string>();
    for (let at = 0; at < records.length; at += IDS_AT_ONCE) {
      const ids = records.slice(at, at + IDS_AT_ONCE).map(({ id }) => id);
      const { answers } = await this.#control.inspect.queryTask(ids, {
        destination: [worker],
        timeout: this.#options.inspectTimeout,
      });
      const answer = answers.get(worker);
      if (!answer) return undefined;
      for (const id of answer.keys()) held.add(id);
    }
    return held;
  }

  /** Its end from the result backend; else, when it has been denied for one lease, lost. */
  async #conclude(record: TaskRecord): Promise<boolean> {
    const { ingest, logger } = this.#options;
    const nowMs = this.#nowMs();
    const sinceMs = this.#denied.get(record.id) ?? nowMs;
    this.#denied.set(record.id, sinceMs);
    const now = await ingest.lookInBackend(record.id);
    if (!now || isReady(now.state)) {
      this.#denied.delete(record.id);
      return false;
    }
    // News have come meanwhile: it was delivered again.
    if (now.updatedMs > record.updatedMs || nowMs - this.#goneSinceMs(record, sinceMs) < this.#lease * 1000)
      return false;
    this.#denied.delete(record.id);
    await ingest.learn(record.id, { state: "LOST" });
    logger.warn("a task is lost: its worker is gone or does not have it", { task: record.id, worker: record.worker });
    return true;
  }

  /** A worker whose heartbeats have stopped is gone since the last of them. */
  #goneSinceMs({ worker }: TaskRecord, deniedSinceMs: number): number {
    const known = worker === null ? undefined : this.#options.fleet.get(worker);
    if (!known || known.status === "online" || known.lastHeartbeat === null) return deniedSinceMs;
    return Math.min(deniedSinceMs, Date.parse(known.lastHeartbeat));
  }

  /** Tasks given up that their worker has after all: it was frozen, or cut off. */
  async #takeBack(page: readonly TaskRecord[]): Promise<void> {
    const { fleet, ingest } = this.#options;
    const back = page.filter(({ worker }) => worker !== null && fleet.get(worker)?.status === "online");
    const workers = new Set(back.flatMap(({ worker }) => worker ?? []));
    for (const worker of workers) {
      const its = back.filter((record) => record.worker === worker);
      for (const id of (await this.#heldBy(worker, its)) ?? []) {
        const record = its.find((each) => each.id === id);
        await ingest.learn(id, { state: "STARTED", worker, ...(record?.startedMs && { startedMs: record.startedMs }) });
      }
    }
  }

  /** A worker that sends no events may have run what seems to wait. A few at a time, round and round: most that wait do wait. */
  async #lookAtSomeThatWait(): Promise<void> {
    const page = await this.#options.tasks.unfinished({
      states: ["PENDING", "RETRY"],
      limit: WAITING_AT_ONCE,
      ...(this.#waitingAfterId !== undefined && { afterId: this.#waitingAfterId }),
    });
    this.#waitingAfterId = page.length < WAITING_AT_ONCE ? undefined : page.at(-1)?.id;
    const settledMs = this.#nowMs() - SETTLED * 1000;
    await this.#lookUp(page.filter(({ updatedMs, etaMs }) => updatedMs < settledMs && (etaMs ?? 0) < settledMs));
  }

  /** Returns how many have ended. */
  async #lookUp(records: readonly TaskRecord[]): Promise<number> {
    let ended = 0;
    for (let at = 0; at < records.length; at += LOOKUPS) {
      const found = await Promise.all(
        records.slice(at, at + LOOKUPS).map(({ id }) => this.#options.ingest.lookInBackend(id)),
      );
      ended += found.filter((record) => record !== undefined && isReady(record.state)).length;
    }
    return ended;
  }

  /** What happened while nothing was heard: ends of tasks that still wait, as far as anybody knew. */
  async #lookAfterGap(): Promise<void> {
    const { ingest, logger } = this.#options;
    const newest = ingest.status.gaps[0];
    const toMs = newest ? Date.parse(newest.to) : 0;
    if (toMs <= this.#gapsSeenMs) return;
    let [looked, ended] = [0, 0];
    for await (const page of this.#pages(["PENDING", "RETRY", "LOST"])) {
      const waiting = page.filter(({ updatedMs, etaMs }) => updatedMs < toMs && (etaMs ?? 0) < this.#nowMs());
      ended += await this.#lookUp(waiting);
      looked += page.length;
      if (looked >= MAX_AFTER_GAP) break;
    }
    this.#gapsSeenMs = toMs;
    if (ended > 0) logger.info("made good what happened while nothing was heard", { tasks: ended });
  }
}

/** Celery's workers keep tasks with an ETA aside, and do not name them when asked. Source: celery-protocol 9.3, `query_task`. */
function waitsInWorker({ state, etaMs }: TaskRecord, nowMs: number): boolean {
  return state === "RECEIVED" && etaMs !== null && etaMs > nowMs - SETTLED * 1000;
}
