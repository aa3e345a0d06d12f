import { Counter, Gauge, type Registry } from "prom-client";
import type { QueueSummary } from "../../api/queues.js";
import type { WorkerSummary } from "../../api/workers.js";
import type { Jobs } from "../parts.js";
import type { QueueTotals } from "../queues/queue-series.js";
import type { WorkerSeries } from "./worker-series.js";

type Counts = Awaited<ReturnType<Jobs["counts"]>>;

/** What is so at the moment of a scrape. Each is set anew: what is not known now has no value, rather than an old one. */
export class StateMetrics {
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#workerGauge("flower_worker_online", "Worker online status");
    this.#workerGauge(
      "flower_worker_number_of_currently_executing_tasks",
      "Number of tasks currently executing at a worker",
    );
    this.#workerGauge("lovage_worker_up", "Whether heartbeats come: 1 or 0");
    this.#workerGauge("lovage_worker_slots", "Tasks that it can run at a time");
    this.#workerGauge("lovage_worker_slots_busy", "Slots that run a task");
    this.#workerGauge("lovage_worker_memory_bytes", "Memory of the worker");
    this.#workerGauge("lovage_worker_last_heartbeat_timestamp_seconds", "When its last heartbeat came");
    for (const [name, help] of QUEUE_GAUGES) this.#gauge(`lovage_queue_${name}`, help, ["queue"]);
    for (const [name, help] of QUEUE_COUNTERS) this.#counter(`lovage_queue_${name}_total`, help, ["queue"]);
    this.#gauge("lovage_dead_letters", "Messages that were put aside because they cannot be run", ["queue", "reason"]);
    this.#counter("lovage_job_runs_total", "Runs of jobs by state", ["job", "state"]);
    this.#gauge("lovage_console_ingest_lag_seconds", "How far what is shown is behind the events", []);
    this.#gauge("lovage_console_stream_clients", "Open live streams", []);
    this.#gauge("lovage_console_store_bytes", "Size of the console's store", []);
    // Of topics and schedules there is nothing to tell before the console watches them; dashboards find the names.
    this.#counter("lovage_topic_published_total", "Messages published to a topic", ["topic"]);
    this.#gauge("lovage_subscription_backlog", "Messages that wait for a subscriber", ["topic", "subscription"]);
    this.#gauge("lovage_schedule_next_run_timestamp_seconds", "When an entry is due next", ["entry"]);
    this.#gauge("lovage_schedule_last_run_timestamp_seconds", "When an entry was sent last", ["entry"]);
    this.#counter("lovage_schedule_missed_total", "Runs that were not sent when they were due", ["entry"]);
    this.#gauge("lovage_beat_leader", "Whether a beat leads: 1 or 0", ["beat"]);
  }

  /** Those that are offline count as down while the rest of their series is kept. */
  setWorkers(workers: readonly WorkerSummary[], series: WorkerSeries): void {
    for (const name of WORKER_GAUGES) this.#gauges.get(name)?.reset();
    for (const { name: worker, status, active, slots, busy, memoryBytes, lastHeartbeat } of workers) {
      if (status === "offline" && !series.keeps(worker)) continue;
      const up = status === "online";
      this.#set("flower_worker_online", { worker }, up ? 1 : 0);
      this.#set("lovage_worker_up", { worker }, up ? 1 : 0);
      if (lastHeartbeat !== null)
        this.#set("lovage_worker_last_heartbeat_timestamp_seconds", { worker }, Date.parse(lastHeartbeat) / 1000);
      if (!up) continue;
      this.#set("flower_worker_number_of_currently_executing_tasks", { worker }, active);
      this.#set("lovage_worker_slots", { worker }, slots);
      this.#set("lovage_worker_slots_busy", { worker }, busy);
      this.#set("lovage_worker_memory_bytes", { worker }, memoryBytes);
    }
  }

  setQueues(queues: readonly QueueSummary[], totals: (queue: string) => QueueTotals): void {
    for (const [name] of QUEUE_GAUGES) this.#gauges.get(`lovage_queue_${name}`)?.reset();
    for (const [name] of QUEUE_COUNTERS) this.#counters.get(`lovage_queue_${name}_total`)?.reset();
    for (const summary of queues) {
      const queue = summary.name;
      for (const [name, , of] of QUEUE_GAUGES) {
        const { value, reason } = of(summary);
        // One with a reason is from before.
        if (reason === undefined) this.#set(`lovage_queue_${name}`, { queue }, value);
      }
      const sums = totals(queue);
      for (const [name] of QUEUE_COUNTERS) this.#counters.get(`lovage_queue_${name}_total`)?.inc({ queue }, sums[name]);
    }
  }

  setDeadLetters(counts: readonly { readonly queue: string; readonly reason: string; readonly count: number }[]): void {
    this.#gauges.get("lovage_dead_letters")?.reset();
    for (const { queue, reason, count } of counts) this.#set("lovage_dead_letters", { queue, reason }, count);
  }

  setJobs(counts: Counts): void {
    this.#counters.get("lovage_job_runs_total")?.reset();
    for (const { job, state, runs } of counts) this.#counters.get("lovage_job_runs_total")?.inc({ job, state }, runs);
  }

  setConsole(facts: {
    readonly lag: number | null;
    readonly clients: number;
    readonly storeBytes: number | null;
  }): void {
    for (const name of ["ingest_lag_seconds", "stream_clients", "store_bytes"])
      this.#gauges.get(`lovage_console_${name}`)?.reset();
    this.#set("lovage_console_ingest_lag_seconds", {}, facts.lag);
    this.#set("lovage_console_stream_clients", {}, facts.clients);
    this.#set("lovage_console_store_bytes", {}, facts.storeBytes);
  }

  #set(name: string, labels: Record<string, string>, value: number | null): void {
    if (value !== null && Number.isFinite(value)) this.#gauges.get(name)?.set(labels, value);
  }
  #workerGauge(name: (typeof WORKER_GAUGES)[number], help: string): void {
    this.#gauge(name, help, ["worker"]);
  }
  #gauge(name: string, help: string, labelNames: readonly string[]): void {
    this.#gauges.set(name, new Gauge({ name, help, labelNames, registers: [this.#registry] }));
  }
  #counter(name: string, help: string, labelNames: readonly string[]): void {
    this.#counters.set(name, new Counter({ name, help, labelNames, registers: [this.#registry] }));
  }
}

const WORKER_GAUGES = [
  "flower_worker_online",
  "flower_worker_number_of_currently_executing_tasks",
  "lovage_worker_up",
  "lovage_worker_slots",
  "lovage_worker_slots_busy",
  "lovage_worker_memory_bytes",
  "lovage_worker_last_heartbeat_timestamp_seconds",
] as const;

const QUEUE_GAUGES = [
  ["ready", "Messages that could be delivered now", (queue: QueueSummary) => queue.ready],
  ["unacked", "Messages that consumers hold", (queue: QueueSummary) => queue.unacked],
  ["scheduled", "Messages that wait for their ETA", (queue: QueueSummary) => queue.scheduled],
  ["consumers", "Consumers", (queue: QueueSummary) => queue.consumers],
  ["oldest_age_seconds", "How long the oldest ready message has waited", (queue: QueueSummary) => queue.oldestAge],
] as const;
const QUEUE_COUNTERS = [
  ["published", "Messages that came in"],
  ["delivered", "Messages that workers took"],
  ["acked", "Messages that workers were done with"],
  ["redelivered", "Messages that workers took again"],
] as const;
