import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { FINAL_STATES } from "../../api/tasks.js";
import type { HeardEvent } from "../parts.js";
import type { TaskRecord } from "../store/task-record.js";
import { LabelLimit, OTHER, SeriesLimit } from "./label-limit.js";
import { WorkerSeries } from "./worker-series.js";

/** Values of a label that are told apart. */
const MAX_TASKS = 1000;
const MAX_QUEUES = 1000;
const MAX_WORKERS = 1000;
const MAX_TYPES = 100;
/** Series of one metric that are told apart: the labels' limits multiplied would be millions. */
const MAX_SERIES = 10_000;
/** Ids of lost tasks that are remembered, so that none is counted twice. */
const MAX_LOST = 10_000;

/** prom-client's own buckets end at 10 s, as Flower's do; ours go on. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600];
const FLOWER_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** What is counted as events come: Flower's figures under Flower's names, and ours. */
export class EventMetrics {
  /** Of the figures that name a worker. */
  readonly workers = new WorkerSeries();
  readonly #tasks = new LabelLimit(MAX_TASKS);
  readonly #queues = new LabelLimit(MAX_QUEUES);
  readonly #names = new LabelLimit(MAX_WORKERS);
  readonly #types = new LabelLimit(MAX_TYPES);
  readonly #events = new SeriesLimit(MAX_SERIES);
  readonly #tasksOfWorkers = new SeriesLimit(MAX_SERIES);
  readonly #tasksOfQueues = new SeriesLimit(MAX_SERIES);
  readonly #lostIds = new Set<string>();
  /** Tasks that a worker has received and not begun, by worker and task. */
  readonly #prefetched = new Map<string, number>();

  readonly #flowerEvents: Counter<"worker" | "type" | "task">;
  readonly #flowerRuntime: Histogram<"worker" | "task">;
  readonly #flowerPrefetchTime: Gauge<"worker" | "task">;
  readonly #flowerPrefetched: Gauge<"worker" | "task">;
  readonly #finished: Counter<"task" | "queue" | "state">;
  readonly #runtime: Histogram<"task" | "queue">;
  readonly #wait: Histogram<"task" | "queue">;
  readonly #lost: Counter<"worker">;
  readonly #runDuration: Histogram<"job">;
  readonly #heard: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    const of = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
      name,
      help,
      labelNames,
      registers,
    });
    this.#flowerEvents = new Counter(of("flower_events_total", "Number of events", ["worker", "type", "task"]));
    this.#flowerRuntime = new Histogram({
      ...of("flower_task_runtime_seconds", "Task runtime", ["worker", "task"]),
      buckets: FLOWER_SECONDS,
    });
    this.#flowerPrefetchTime = new Gauge(
      of("flower_task_prefetch_time_seconds", "The time the task spent waiting at the worker", ["worker", "task"]),
    );
    this.#flowerPrefetched = new Gauge(
      of("flower_worker_prefetched_tasks", "Number of tasks prefetched at a worker", ["worker", "task"]),
    );
    this.#finished = new Counter(
      of("lovage_tasks_total", "Tasks that reached a final state", ["task", "queue", "state"]),
    );
    this.#runtime = new Histogram({
      ...of("lovage_task_runtime_seconds", "How long runs took", ["task", "queue"]),
      buckets: SECONDS,
    });
    this.#wait = new Histogram({
      ...of("lovage_task_wait_seconds", "From sent, or the ETA, to started", ["task", "queue"]),
      buckets: SECONDS,
    });
    this.#lost = new Counter(of("lovage_tasks_lost_total", "Tasks that began and that nobody runs", ["worker"]));
    this.#runDuration = new Histogram({
      ...of("lovage_job_run_duration_seconds", "How long runs of jobs took", ["job"]),
      buckets: SECONDS,
    });
    this.#heard = new Counter(of("lovage_console_events_total", "Events that the console heard", []));
  }

  /** Counts one event. What is in it comes from anybody. */
  note(event: HeardEvent): void {
    this.#heard.inc();
    const { type, after, before, fields } = event;
    const name = typeof fields.name === "string" ? fields.name : (after?.name ?? "");
    const task = type.startsWith("task-") ? this.#tasks.of(name) : "";
    // Senders are named after their process: each would be a series of its own, for good.
    const worker = type === "task-sent" ? "client" : this.#names.of(event.hostname);
    const typeLabel = this.#types.of(type);
    const labels = this.#events.allows(worker, typeLabel, task)
      ? { worker, type: typeLabel, task }
      : { worker, type: OTHER, task: OTHER };
    this.#flowerEvents.inc(labels);
    if (worker !== "client") this.workers.note("events", this.#flowerEvents, labels);
    if (!type.startsWith("task-") || !after) return;
    const taskOfWorker = this.#tasksOfWorkers.allows(worker, task) ? task : OTHER;
    this.#noteAtWorker(type, fields, after, { worker, task: taskOfWorker });
    const queue = this.#queues.of(after.queue ?? "");
    this.#noteTask(type, before, after, { task: this.#tasksOfQueues.allows(queue, task) ? task : OTHER, queue });
  }

  /** Counts tasks that were found to be lost: no event tells that. */
  noteRecords(records: readonly TaskRecord[]): void {
    for (const { id, state, worker } of records) {
      if (state !== "LOST") {
        this.#lostIds.delete(id);
        continue;
      }
      if (this.#lostIds.has(id)) continue;
      if (this.#lostIds.size >= MAX_LOST) this.#lostIds.clear();
      this.#lostIds.add(id);
      const labels = { worker: this.#names.of(worker ?? "") };
      this.#lost.inc(labels);
      this.workers.note("lost", this.#lost, labels);
    }
  }

  /** Removes the series of workers that have been gone for ten minutes. */
  sweep(isThere: (worker: string) => boolean, nowMs: number): void {
    for (const worker of this.workers.sweep(isThere, nowMs)) {
      this.#names.forget(worker);
      this.#events.forget(worker);
      this.#tasksOfWorkers.forget(worker);
      for (const key of this.#prefetched.keys())
        if (key.startsWith(`${JSON.stringify(worker)} `)) this.#prefetched.delete(key);
    }
  }

  /** As Flower does it. Tasks with an ETA wait on purpose and are left out. */
  #noteAtWorker(
    type: string,
    fields: HeardEvent["fields"],
    after: TaskRecord,
    labels: { worker: string; task: string },
  ): void {
    if (type === "task-succeeded" && typeof fields.runtime === "number" && Number.isFinite(fields.runtime)) {
      this.#flowerRuntime.observe(labels, fields.runtime);
      this.workers.note("runtime", this.#flowerRuntime, labels);
    }
    if (after.etaMs !== null) return;
    const { receivedMs, startedMs } = after;
    if (type === "task-received") this.#countPrefetched(labels, 1);
    if (type === "task-started") this.#countPrefetched(labels, -1);
    if (type === "task-revoked" && startedMs === null && receivedMs !== null) this.#countPrefetched(labels, -1);
    if (receivedMs === null || startedMs === null) return;
    if (type === "task-started") this.#flowerPrefetchTime.set(labels, Math.max(0, (startedMs - receivedMs) / 1000));
    else if (type === "task-succeeded" || type === "task-failed") this.#flowerPrefetchTime.set(labels, 0);
    else return;
    this.workers.note("prefetch time", this.#flowerPrefetchTime, labels);
  }

  #countPrefetched(labels: { worker: string; task: string }, by: 1 | -1): void {
    const key = `${JSON.stringify(labels.worker)} ${labels.task}`;
    // One that was received before the console listened is not counted down.
    const count = Math.max(0, (this.#prefetched.get(key) ?? 0) + by);
    this.#prefetched.set(key, count);
    this.#flowerPrefetched.set(labels, count);
    this.workers.note("prefetched", this.#flowerPrefetched, labels);
  }

  #noteTask(
    type: string,
    before: TaskRecord | undefined,
    after: TaskRecord,
    labels: { task: string; queue: string },
  ): void {
    const { state, startedMs, finishedMs } = after;
    if (type === "task-started" && startedMs !== null && after.sentMs !== null) {
      this.#wait.observe(labels, Math.max(0, (startedMs - Math.max(after.sentMs, after.etaMs ?? 0)) / 1000));
    }
    if (!FINAL_STATES.has(state) || (before && FINAL_STATES.has(before.state))) return;
    this.#finished.inc({ ...labels, state });
    if (after.runtime !== null) this.#runtime.observe(labels, after.runtime);
    // The root of a run is the run.
    if (after.job === null || after.runId !== after.id || startedMs === null || finishedMs === null) return;
    this.#runDuration.observe({ job: this.#tasks.of(after.job) }, Math.max(0, (finishedMs - startedMs) / 1000));
  }
}
