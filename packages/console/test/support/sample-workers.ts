import { totalsOf } from "../../src/api/worker-totals.js";
import type { WorkerDetail, WorkerList, WorkerSummary } from "../../src/api/workers.js";

const NAMES = [
  "celery@web-1.eu-west.internal",
  "lovage@web-2",
  "lovage@images/1 50%",
  "celery@gevent-1",
  "celery@web-3",
  "celery@old-1",
  "lovage@old-2",
] as const;
const STATUSES = ["online", "online", "online", "online", "silent", "offline", "offline"] as const;
const POOLS = ["prefork", "threads", "processes", "gevent", "prefork", "prefork", "threads"] as const;
const QUEUES = ["default", "mail", "images", "reports", "q.é 1/50%"];

/** An instant so many seconds before `now`. */
function ago(now: Date, seconds: number): string {
  return new Date(now.getTime() - seconds * 1000).toISOString();
}

/** Workers of both kinds, some of them silent or gone. */
export function sampleWorkers(now: Date): WorkerSummary[] {
  return NAMES.map((name, index) => {
    const status = STATUSES[index] ?? "online";
    const heard = status === "online" ? 1 : status === "silent" ? 84 : 7_200 * (index - 3);
    const kind = name.startsWith("lovage") ? "lovage" : "celery";
    return {
      name,
      kind,
      version: kind === "lovage" ? "0.1.0" : "5.2.6",
      status,
      lastHeartbeat: ago(now, heard),
      figuresAt: ago(now, heard + 2),
      pool: POOLS[index] ?? null,
      slots: [8, 8, 4, 100, 8, 8, 4][index] ?? null,
      busy: [5, 8, 0, 37, 3, 2, 0][index] ?? null,
      active: [5, 8, 0, 37, 3, 2, 0][index] ?? null,
      reserved: [12, 24, 0, 180, 9, 3, null][index] ?? null,
      processed: [182_310, 1_402_118, 0, 24_120, 91_002, 12_004, null][index] ?? null,
      succeeded: [180_900, 1_398_002, 0, 24_100, 90_100, 11_800, 0][index] ?? 0,
      failed: [1_204, 3_110, 0, 12, 804, 190, 0][index] ?? 0,
      retried: [206, 840, 0, 8, 98, 14, 0][index] ?? 0,
      queues: QUEUES.slice(0, (index % 5) + 1),
      loadAverage: index === 3 ? [] : [1.24 + index, 0.91, 0.74],
      memoryBytes: index === 6 ? null : (210 + index * 61) * 1024 * 1024,
      uptime: 91_230 / (index + 1),
      events: index !== 3,
      clockSkew: index === 1 ? 24 : 0.2,
    };
  });
}

/** As `GET workers?offline=true` answers. */
export function sampleWorkerList(now: Date): WorkerList {
  const items = sampleWorkers(now);
  return { items, totals: { ...totalsOf(items), known: items.length } };
}

const TASKS = ["shop.orders.charge", "mail.send_receipt", "images.resize", "reports.nightly_export"];

/** One worker with everything that it tells. */
export function sampleWorkerDetail(now: Date, name: string): WorkerDetail | undefined {
  const summary = sampleWorkers(now).find((worker) => worker.name === name);
  if (!summary) return undefined;
  const ours = summary.kind === "lovage";
  const running = Math.min(summary.busy ?? 0, 8);
  return {
    ...summary,
    host: name.slice(name.indexOf("@") + 1),
    pid: 4_120,
    system: "Linux 6.1",
    startedAt: ago(now, summary.uptime ?? 0),
    autoscale: null,
    prefetch: 32,
    maxTasksPerChild: "1000",
    maxMemoryPerChild: "204800",
    slotsList: Array.from({ length: summary.slots ?? 0 }, (_, index) => {
      const busy = index < running;
      return {
        id: String(index + 1),
        pid: 4_121 + index,
        taskId: busy ? taskId(index) : null,
        taskName: busy ? (TASKS[index % TASKS.length] ?? null) : null,
        elapsed: busy ? elapsedOf(index) : null,
        timeLimit: ours && busy ? 300 : null,
        softTimeLimit: ours && busy ? 240 : null,
        finished: ours ? 3_120 - index * 7 : null,
        memoryBytes: ours ? (41 + index) * 1024 * 1024 : null,
      };
    }),
    queuesList: summary.queues.map((queue, index) => ({
      name: queue,
      exchange: index === 0 ? "" : queue,
      exchangeType: index === 1 ? "topic" : "direct",
      routingKey: index === 1 ? "mail.#" : queue,
      durable: true,
      arguments: index === 2 ? { "x-max-priority": 9 } : {},
    })),
    activeTasks: Array.from({ length: running }, (_, index) => workerTask(index, ago(now, elapsedOf(index)), null)),
    reservedTasks: Array.from({ length: 4 }, (_, index) => workerTask(20 + index, null, null)),
    scheduledTasks: Array.from({ length: 2 }, (_, index) => workerTask(40 + index, null, ago(now, -600 * (index + 1)))),
    revokedIds: Array.from({ length: 7 }, (_, index) => taskId(80 + index)),
    registered: TASKS,
    limits: TASKS.map((task, index) => ({
      task,
      rateLimit: index === 1 ? "100/m" : index === 2 ? "1/m" : null,
      softTimeLimit: index === 3 ? null : 240,
      timeLimit: index === 3 ? null : 300,
      origin: ours ? ((["task", "settings", "control", "task"] as const)[index] ?? "task") : "unknown",
    })),
    runtimes: TASKS.map((task, index) => ({ task, count: 12_400 / (index + 1), p50: 0.12 * (index + 1), p95: 2.4 })),
    usage: { utime: 812.4, stime: 64.2, maxrss: 319_488, inblock: 81_200, oublock: 4_410, majflt: 12, nvcsw: 910_220 },
    settings: [
      { name: "broker_url", value: "redis://:********@redis:6379/0", isDefault: false },
      {
        name: "task_routes",
        value: { "mail.*": { queue: "mail" }, "images.*": { queue: "images" } },
        isDefault: false,
      },
      { name: "worker_concurrency", value: 8, isDefault: false },
      { name: "enable_utc", value: true, isDefault: true },
      { name: "result_expires", value: 86_400, isDefault: true },
      { name: "security_key_password", value: "********", isDefault: true },
      { name: "timezone", value: null, isDefault: true },
    ],
    history: [
      { at: ago(now, 91_230), what: "online", by: null, outcome: null },
      { at: ago(now, 9_000), what: 'pool_grow {"n": 2}', by: "ada", outcome: "pool will grow" },
      { at: ago(now, 8_000), what: 'pool_shrink {"n": 1}', by: "grace", outcome: "refused: All processes busy" },
      ...(summary.status === "online" ? [] : [{ at: ago(now, 80), what: summary.status, by: null, outcome: null }]),
    ],
    controls: controlsOf(summary),
    unanswered: summary.status === "silent" ? ["stats", "active"] : [],
  };
}

function controlsOf({ kind, status, pool }: WorkerSummary): WorkerDetail["controls"] {
  const of = (reason: string | null = null) => {
    const why = status === "offline" ? "it is offline" : reason;
    return { possible: why === null, reason: why };
  };
  const celery = (reason: string) => (kind === "celery" ? reason : null);
  const fixed = pool === "threads" && kind === "celery" ? "Celery's threads pool cannot change its size" : null;
  return {
    ping: of(),
    refresh: of(),
    shutdown: of(),
    "cold-shutdown": of(
      celery("Celery's workers know no cold shutdown by remote control: send them the signal SIGQUIT"),
    ),
    events: of(),
    consumers: of(),
    "rate-limit": of(),
    "time-limit": of(pool === "gevent" ? "Celery's gevent pool does not enforce time limits" : null),
    grow: of(fixed),
    shrink: of(fixed),
    autoscale: of("autoscale is not enabled on it: start it with --autoscale"),
    restart: of(celery("pool restarts are not enabled on it (worker_pool_restarts)")),
    terminate: of(),
    stop: of(celery("Celery's workers cannot ask a task to stop: Terminate ends its process")),
  };
}

function elapsedOf(index: number): number {
  return [12.5, 64, 198, 251, 1.2, 33, 7, 90][index % 8] ?? 1;
}
function taskId(index: number): string {
  return `9f6c1d0e-3b7a-4c55-8e21-${String(index).padStart(12, "0")}`;
}
function workerTask(index: number, started: string | null, eta: string | null): WorkerDetail["activeTasks"][number] {
  return {
    id: taskId(index),
    name: TASKS[index % TASKS.length] ?? "task",
    args: index % 4 === 1 ? '("<img src=x onerror=alert(1)>", "‮txt.exe")' : `(${1_000 + index}, 'eu-west')`,
    kwargs: index % 3 === 0 ? "{'dry_run': False, 'note': 'a rather long text that does not fit into one cell'}" : "{}",
    started,
    eta,
    pid: started === null ? null : 4_121 + (index % 8),
  };
}
