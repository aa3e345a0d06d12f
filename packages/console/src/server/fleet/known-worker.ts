import { type Fields, isFields } from "lovage/internal";
import type { WorkerDetail, WorkerSummary } from "../../api/workers.js";
import { keptText, numberOf, textOf, wholeOf } from "../ingest/narrow.js";
import { DurationHistogram } from "../store/duration-histogram.js";
import { parseFields } from "../store/stored-json.js";
import type { StoredWorker, WorkerHistoryEntry } from "../store/worker-store.js";
import { controlsOf } from "./worker-controls.js";
import { countOf, QUESTIONS, type Question, type Replies } from "./worker-replies.js";
import * as snapshot from "./worker-snapshot.js";

/** Seconds between heartbeats of a worker that does not say: Celery's default. */
const DEFAULT_FREQUENCY = 2;
/** Seconds beyond two periods that a heartbeat may be late. */
const GRACE = 1;
/** Seconds of silence after which a worker counts as offline, though it did not say so. */
const OFFLINE_AFTER = 120;
/** Seconds for which an answer counts as a sign of life of a worker that sends no heartbeats. */
const ANSWER_LASTS = 40;
/** Task types whose runtimes are kept. */
const MAX_TYPES = 500;
/** Characters of replies that are kept over a restart. */
const MAX_STORED = 256 * 1024;

type Status = WorkerSummary["status"];
/** Seconds on a clock that never jumps, and Unix milliseconds. */
export interface Instant {
  readonly monotonic: number;
  readonly ms: number;
}

/** All that is known of one worker: what its heartbeats, its tasks' events and its answers said. */
export class KnownWorker {
  readonly name: string;
  #kind: WorkerSummary["kind"] = "celery";
  #version: string | null = null;
  #system: string | null = null;
  #frequency: number | undefined;
  /** Undefined for what was read from the store: it was not heard by this console. */
  #beat: Instant | undefined;
  #answered: Instant | undefined;
  #lastBeatMs: number | null = null;
  #figuresMs: number | null = null;
  #saidGoodbye = false;
  /** Unix seconds of its own clock. */
  #goodbyeSent = 0;
  #active: number | null = null;
  #processed: number | null = null;
  #load: readonly number[] = [];
  #startedMs: number | null = null;
  #skews: readonly number[] = [];
  #succeeded = 0;
  #failed = 0;
  #retried = 0;
  #events: boolean | null = null;
  #replies: Replies = {};
  #unanswered: ReadonlySet<Question> = new Set();
  readonly #runtimes = new Map<string, DurationHistogram>();
  /** Whether the store has less than this. */
  isChanged = true;
  /** Whether it was given an order since it was asked for its figures. */
  hasNewOrder = false;
  /** As it was told last. */
  toldStatus: Status = "offline";

  constructor(name: string) {
    this.name = name;
  }

  get kind(): WorkerSummary["kind"] {
    return this.#kind;
  }
  get replies(): Replies {
    return this.#replies;
  }
  /** When its figures were asked for last. */
  get figuresMs(): number | null {
    return this.#figuresMs;
  }
  get lastSeenMs(): number {
    return Math.max(this.#lastBeatMs ?? 0, this.#figuresMs ?? 0);
  }
  get sendsEvents(): boolean | null {
    return this.#events;
  }
  /** Seconds between its heartbeats. */
  get frequency(): number {
    return this.#frequency ?? DEFAULT_FREQUENCY;
  }

  statusAt(now: Instant): Status {
    if (this.#saidGoodbye) return "offline";
    const beatAge = this.#beat ? now.monotonic - this.#beat.monotonic : Number.POSITIVE_INFINITY;
    const answerAge = this.#answered ? now.monotonic - this.#answered.monotonic : Number.POSITIVE_INFINITY;
    if (beatAge <= 2 * this.frequency + GRACE) return "online";
    // One that sends no heartbeats at all is known by its answers; one that did must go on sending them.
    if (!this.#beat && answerAge <= ANSWER_LASTS) return "online";
    return Math.min(beatAge, answerAge) <= OFFLINE_AFTER ? "silent" : "offline";
  }

  /** A `worker-online`, `worker-heartbeat` or `worker-offline` event. */
  heardBeat(type: string, fields: Fields, sentSeconds: number, now: Instant): void {
    // By its own clock: a beat that was on its way when it said goodbye is no sign of life.
    if (this.#saidGoodbye && type === "worker-heartbeat" && sentSeconds <= this.#goodbyeSent) return;
    this.isChanged = true;
    this.#saidGoodbye = type === "worker-offline";
    if (this.#saidGoodbye) this.#goodbyeSent = sentSeconds;
    this.#beat = now;
    this.#lastBeatMs = now.ms;
    const frequency = numberOf(fields.freq);
    if (frequency !== null && frequency > 0) this.#frequency = Math.min(frequency, OFFLINE_AFTER / 3);
    this.#active = wholeOf(fields.active) ?? this.#active;
    this.#processed = wholeOf(fields.processed) ?? this.#processed;
    if (Array.isArray(fields.loadavg))
      this.#load = fields.loadavg.flatMap((each: unknown) => numberOf(each) ?? []).slice(0, 3);
    this.#recognise(fields);
    if (sentSeconds > 0) this.#skews = [...this.#skews, sentSeconds - now.ms / 1000].slice(-5);
  }

  /** A worker that starts anew under its name counts from 0. */
  heardStart(): void {
    this.#replies = {};
    this.#figuresMs = null;
    this.#startedMs = null;
    this.#processed = 0;
    this.#active = 0;
    this.#events = null;
    [this.#succeeded, this.#failed, this.#retried] = [0, 0, 0];
  }

  /** A task event of its own: it sends them. */
  heardTask(type: string, task: string | null, runtime: number | null): void {
    this.isChanged = true;
    this.#events = true;
    if (type === "task-succeeded") this.#succeeded += 1;
    else if (type === "task-failed") this.#failed += 1;
    else if (type === "task-retried") this.#retried += 1;
    if (runtime === null || task === null) return;
    const there = this.#runtimes.get(task);
    const histogram = there ?? DurationHistogram.empty();
    if (!there && this.#runtimes.size >= MAX_TYPES) return;
    histogram.add(runtime);
    this.#runtimes.set(task, histogram);
  }

  setEvents(on: boolean): void {
    this.#events = on;
    this.isChanged = true;
  }

  /** @param asked what it was asked, so that what it left unanswered is known. Returns whether it was heard of at all. */
  answered(asked: readonly Question[], replies: Replies, now: Instant): boolean {
    const got = asked.filter((question) => replies[question] !== undefined);
    this.#unanswered = new Set([...this.#unanswered, ...asked].filter((question) => !got.includes(question)));
    if (got.length === 0) return false;
    this.isChanged = true;
    this.#answered = now;
    this.#saidGoodbye = false;
    this.#replies = { ...this.#replies, ...replies, counts: { ...this.#replies.counts, ...replies.counts } };
    if (!got.includes("stats")) return true;
    this.#figuresMs = now.ms;
    // Limits and settings may have changed too: a quick look at the figures is not enough.
    if (got.includes("conf_all")) this.hasNewOrder = false;
    const figures = this.#figures();
    if (figures.uptime !== null) this.#startedMs = now.ms - figures.uptime * 1000;
    this.#processed = figures.processed ?? this.#processed;
    if (figures.sendsEvents !== null) this.#events = figures.sendsEvents;
    if (figures.load.length > 0) this.#load = figures.load;
    if (isOurs(this.#replies.stats)) this.#kind = "lovage";
    if (replies.active !== undefined) this.#active = countOf("active", replies);
    return true;
  }

  summaryAt(now: Instant): WorkerSummary {
    const figures = this.#figures();
    const status = this.statusAt(now);
    const slots = this.#slots(now);
    return {
      name: this.name,
      kind: this.#kind,
      version: this.#version,
      status,
      lastHeartbeat: instantOf(this.#lastBeatMs),
      figuresAt: instantOf(this.#figuresMs ?? this.#lastBeatMs),
      pool: figures.pool,
      slots: figures.slots,
      busy: this.#busy(slots),
      active: this.#active,
      reserved: countOf("reserved", this.#replies),
      processed: this.#processed,
      succeeded: this.#succeeded,
      failed: this.#failed,
      retried: this.#retried,
      queues: snapshot.queuesOf(this.#replies.active_queues).map(({ name }) => name),
      loadAverage: [...this.#load],
      memoryBytes: figures.memoryBytes,
      uptime: this.#uptimeAt(status, now),
      events: this.#events,
      clockSkew: this.#skew(),
    };
  }

  detailAt(now: Instant, history: readonly WorkerHistoryEntry[]): WorkerDetail {
    const summary = this.summaryAt(now);
    const figures = this.#figures();
    const { stats } = this.#replies;
    return {
      ...summary,
      host: this.name.slice(this.name.indexOf("@") + 1),
      pid: figures.pid,
      system: this.#system,
      startedAt: instantOf(this.#startedMs),
      autoscale: figures.autoscale,
      prefetch: figures.prefetch,
      maxTasksPerChild: snapshot.poolText(stats, "max-tasks-per-child"),
      maxMemoryPerChild: this.#setting("worker_max_memory_per_child"),
      slotsList: this.#slots(now),
      queuesList: snapshot.queuesOf(this.#replies.active_queues),
      activeTasks: snapshot.tasksOf(this.#replies.active),
      reservedTasks: snapshot.tasksOf(this.#replies.reserved),
      scheduledTasks: snapshot.scheduledTasks(this.#replies.scheduled),
      revokedIds: snapshot.namesOf(this.#replies.revoked),
      registered: this.registered(),
      limits: snapshot.limitsOf(this.#replies),
      runtimes: [...this.#runtimes].map(([task, histogram]) => ({
        task,
        count: histogram.count,
        p50: histogram.percentile(0.5),
        p95: histogram.percentile(0.95),
      })),
      usage: snapshot.usageOf(stats),
      settings: snapshot.settingsOf(this.#replies),
      history: history.map(({ atMs, what, by, outcome }) => ({ at: new Date(atMs).toISOString(), what, by, outcome })),
      controls: controlsOf(summary, figures, this.#replies.conf),
      unanswered: [...this.#unanswered].filter((question) => question !== "limits" || this.#kind === "lovage"),
    };
  }

  registered(): string[] {
    return snapshot.registeredNames(this.#replies.registered);
  }

  toStored(): StoredWorker {
    const state = {
      kind: this.#kind,
      version: this.#version,
      system: this.#system,
      frequency: this.#frequency,
      lastBeatMs: this.#lastBeatMs,
      figuresMs: this.#figuresMs,
      startedMs: this.#startedMs,
      active: this.#active,
      processed: this.#processed,
      load: this.#load,
      counts: [this.#succeeded, this.#failed, this.#retried],
      events: this.#events,
      runtimes: Object.fromEntries([...this.#runtimes].map(([task, histogram]) => [task, histogram.text])),
      replies: this.#replies,
    };
    const whole = stringified(state);
    const stateJson = whole.length <= MAX_STORED ? whole : stringified({ ...state, replies: {}, runtimes: {} });
    return { name: this.name, seenMs: this.lastSeenMs, stateJson };
  }

  /** As last seen: offline until it is heard. */
  static fromStored({ name, stateJson }: StoredWorker): KnownWorker {
    const worker = new KnownWorker(name);
    const state = parseFields(stateJson);
    worker.#kind = state.kind === "lovage" ? "lovage" : "celery";
    worker.#version = textOf(state.version, 100);
    worker.#system = textOf(state.system, 100);
    worker.#frequency = numberOf(state.frequency) ?? undefined;
    worker.#lastBeatMs = wholeOf(state.lastBeatMs);
    worker.#figuresMs = wholeOf(state.figuresMs);
    worker.#startedMs = wholeOf(state.startedMs);
    worker.#active = wholeOf(state.active);
    worker.#processed = wholeOf(state.processed);
    worker.#load = Array.isArray(state.load) ? state.load.flatMap((each: unknown) => numberOf(each) ?? []) : [];
    const counts: readonly unknown[] = Array.isArray(state.counts) ? state.counts : [];
    [worker.#succeeded, worker.#failed, worker.#retried] = [
      wholeOf(counts[0]) ?? 0,
      wholeOf(counts[1]) ?? 0,
      wholeOf(counts[2]) ?? 0,
    ];
    worker.#events = typeof state.events === "boolean" ? state.events : null;
    worker.#replies = repliesOf(state.replies);
    for (const [task, text] of Object.entries(isFields(state.runtimes) ? state.runtimes : {})) {
      if (typeof text === "string") worker.#runtimes.set(task, DurationHistogram.parse(text));
    }
    worker.isChanged = false;
    return worker;
  }

  #figures(): snapshot.PoolFigures {
    return snapshot.poolFigures(this.#replies.stats);
  }

  #slots(now: Instant): WorkerDetail["slotsList"] {
    // Figures that nobody takes any longer stand still with their date.
    const atMs = this.statusAt(now) === "online" ? now.ms : (this.#figuresMs ?? now.ms);
    return snapshot.slotsOf(this.#replies, atMs);
  }

  /** A heartbeat is younger than the figures, mostly. */
  #busy(slots: WorkerDetail["slotsList"]): number | null {
    const beatIsNewer = (this.#lastBeatMs ?? 0) >= (this.#figuresMs ?? 0);
    if (this.#active !== null && (beatIsNewer || this.#replies.stats === undefined)) return this.#active;
    return this.#replies.stats === undefined ? this.#active : slots.filter(({ taskId }) => taskId !== null).length;
  }

  #uptimeAt(status: Status, now: Instant): number | null {
    if (this.#startedMs === null) return null;
    const untilMs = status === "online" ? now.ms : this.lastSeenMs;
    return Math.max(0, Math.round((untilMs - this.#startedMs) / 1000));
  }

  /** The least of the last: what is above it is the way here. Below half a second it is the way here altogether. */
  #skew(): number | null {
    if (this.#skews.length === 0) return null;
    const least = this.#skews.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a));
    return Math.abs(least) < 0.5 ? 0 : Math.round(least * 10) / 10;
  }

  #setting(name: string): string | null {
    const value = snapshot.fieldsOf(this.#replies.conf_all)[name] ?? snapshot.fieldsOf(this.#replies.conf)[name];
    return value === undefined || value === null ? null : keptText(String(value), 50);
  }

  #recognise({ sw_ident: software, sw_ver: version, sw_sys: system }: Fields): void {
    if (typeof software === "string" && software !== "") this.#kind = software.includes("lovage") ? "lovage" : "celery";
    this.#version = textOf(version, 100) ?? this.#version;
    this.#system = textOf(system, 100) ?? this.#system;
  }
}

/** Only our pools are named so. */
function isOurs(stats: unknown): boolean {
  const { implementation } = snapshot.fieldsOf(snapshot.fieldsOf(stats).pool);
  return typeof implementation === "string" && implementation.startsWith("lovage:");
}

function repliesOf(value: unknown): Replies {
  if (!isFields(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([name]) => Object.hasOwn(QUESTIONS, name)));
}

/** Replies may hold integers beyond 2^53. */
function stringified(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? each.toString() : each));
}

function instantOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
