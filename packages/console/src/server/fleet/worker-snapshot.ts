import { type Fields, isFields } from "lovage/internal";
import type { Slot, WorkerDetail, WorkerLimit, WorkerTask } from "../../api/workers.js";
import { keptText, numberOf, textOf, wholeOf } from "../ingest/narrow.js";
import { listOf, type Replies } from "./worker-replies.js";

/** What `stats` and the like say of a worker, in the console's terms. Replies are hostile: what is not of the expected form is left out. */
export interface PoolFigures {
  /** `processes`, `threads`, `async`, `solo`; of Celery `prefork`, `solo`, `threads`, `gevent`, `eventlet`. */
  readonly pool: string | null;
  readonly slots: number | null;
  readonly autoscale: { readonly min: number; readonly max: number } | null;
  readonly prefetch: number | null;
  readonly pid: number | null;
  /** Seconds. */
  readonly uptime: number | null;
  readonly processed: number | null;
  readonly memoryBytes: number | null;
  readonly load: readonly number[];
  /** Whether it sends task events; null when it does not say. */
  readonly sendsEvents: boolean | null;
  readonly capabilities: Fields | undefined;
}

const TEXT = 1000;

export function poolFigures(stats: unknown): PoolFigures {
  const all = fieldsOf(stats);
  const pool = fieldsOf(all.pool);
  const range = isFields(all.autoscaler) ? all.autoscaler : undefined;
  return {
    pool: poolName(pool),
    slots: sizeOf(pool),
    autoscale: range ? { min: wholeOf(range.min) ?? 0, max: wholeOf(range.max) ?? 0 } : null,
    prefetch: wholeOf(all.prefetch_count),
    pid: wholeOf(all.pid),
    uptime: numberOf(all.uptime),
    processed: processedOf(all.total),
    memoryBytes: memoryOf(all.rusage),
    load: Array.isArray(all.load) ? all.load.flatMap((each) => numberOf(each) ?? []).slice(0, 3) : [],
    sendsEvents: typeof all.sends_events === "boolean" ? all.sends_events : null,
    capabilities: isFields(pool.capabilities) ? pool.capabilities : undefined,
  };
}

/** Celery before 5.3 does not name its pool: its figures tell. Source: celery-protocol 9.5. */
function poolName(pool: Fields): string | null {
  const { implementation } = pool;
  if (typeof implementation === "string") {
    const named = /(?:lovage:|concurrency\.)(\w+)/.exec(implementation)?.[1];
    return named ?? keptText(implementation, 100);
  }
  if (pool.writes !== undefined) return "prefork";
  if (pool.threads !== undefined) return "threads";
  if (Array.isArray(pool.processes)) return "solo";
  return wholeOf(pool["max-concurrency"]) === null ? null : "other";
}

/** Of Celery's prefork pool the processes count: `max-concurrency` stays what it started with when the pool grows or shrinks. */
function sizeOf(pool: Fields): number | null {
  if (poolName(pool) === "prefork" && Array.isArray(pool.processes)) return pool.processes.length;
  return wholeOf(pool["max-concurrency"]);
}

function processedOf(total: unknown): number | null {
  if (!isFields(total)) return null;
  return Object.values(total).reduce<number>((sum, each) => sum + (wholeOf(each) ?? 0), 0);
}

/** `maxrss` is in KiB on Linux, whose workers these mostly are; macOS gives bytes. Source: getrusage(2). */
function memoryOf(rusage: unknown): number | null {
  const kilobytes = isFields(rusage) ? wholeOf(rusage.maxrss) : null;
  return kilobytes === null ? null : kilobytes * 1024;
}

export function tasksOf(reply: unknown): WorkerTask[] {
  return listOf(reply).flatMap((each) => taskOf(each, null));
}

export function scheduledTasks(reply: unknown): WorkerTask[] {
  return listOf(reply).flatMap((each) => (isFields(each) ? taskOf(each.request, instantOf(each.eta)) : []));
}

function taskOf(task: unknown, eta: string | null): WorkerTask[] {
  if (!isFields(task) || typeof task.id !== "string") return [];
  const started = numberOf(task.time_start);
  return [
    {
      id: keptText(task.id, 255),
      name: textOf(task.name, 500) ?? textOf(task.type, 500) ?? "",
      args: textOf(task.args, TEXT) ?? "",
      kwargs: textOf(task.kwargs, TEXT) ?? "",
      started: started === null ? null : unixInstant(started),
      eta,
      pid: wholeOf(task.worker_pid),
    },
  ];
}

/** Our workers tell their slots. Of Celery's only the tasks that run are known, so the others are shown as free. */
export function slotsOf(replies: Replies, nowMs: number): Slot[] {
  const pool = fieldsOf(fieldsOf(replies.stats).pool);
  if (Array.isArray(pool.slots))
    return pool.slots.slice(0, 1000).map((slot: unknown, index) => ourSlot(fieldsOf(slot), index));
  const active = tasksOf(replies.active);
  const size = Math.min(1000, Math.max(sizeOf(pool) ?? 0, active.length));
  const pids = Array.isArray(pool.processes) ? pool.processes.flatMap((pid: unknown) => wholeOf(pid) ?? []) : [];
  const used = new Set(active.map(({ pid }) => pid));
  const free = pids.filter((pid) => !used.has(pid));
  return Array.from({ length: size }, (_, index) => {
    const task = active[index];
    const pid = task ? task.pid : (free[index - active.length] ?? null);
    const since = task?.started ? Date.parse(task.started) : undefined;
    return {
      id: String(index + 1),
      pid,
      taskId: task?.id ?? null,
      taskName: task?.name ?? null,
      elapsed: since === undefined ? null : Math.max(0, (nowMs - since) / 1000),
      timeLimit: null,
      softTimeLimit: null,
      finished: null,
      memoryBytes: null,
    };
  });
}

function ourSlot(slot: Fields, index: number): Slot {
  return {
    id: String(wholeOf(slot.thread_id) ?? index + 1),
    pid: wholeOf(slot.pid),
    taskId: textOf(slot.task_id, 255),
    taskName: textOf(slot.task_name, 500),
    elapsed: numberOf(slot.elapsed),
    timeLimit: numberOf(slot.time_limit),
    softTimeLimit: numberOf(slot.soft_time_limit),
    finished: wholeOf(slot.finished),
    memoryBytes: wholeOf(slot.memory),
  };
}

export function queuesOf(reply: unknown): WorkerDetail["queuesList"] {
  return listOf(reply).flatMap((each) => {
    if (!isFields(each) || typeof each.name !== "string") return [];
    const exchange = fieldsOf(each.exchange);
    return [
      {
        name: keptText(each.name, 500),
        exchange: textOf(exchange.name, 500),
        exchangeType: textOf(exchange.type, 100),
        routingKey: textOf(each.routing_key, 500),
        durable: typeof each.durable === "boolean" ? each.durable : null,
        arguments: { ...fieldsOf(each.queue_arguments) },
      },
    ];
  });
}

export function namesOf(reply: unknown): string[] {
  return listOf(reply).flatMap((each) => textOf(each, 255) ?? []);
}

/** `name`, or `name [rate_limit=1/m]`. */
export function registeredNames(reply: unknown): string[] {
  return listOf(reply).flatMap((each) =>
    typeof each === "string" ? [keptText(each.replace(/ \[.*$/s, ""), 500)] : [],
  );
}

const ORIGINS: ReadonlySet<unknown> = new Set(["task", "settings", "control"]);

/** Our workers say whose each limit is; Celery's only say what their tasks carry, which remote control changes in place. */
export function limitsOf(replies: Replies): WorkerLimit[] {
  if (isFields(replies.limits)) {
    return Object.entries(replies.limits)
      .slice(0, 2000)
      .map(([task, limit]) => ourLimit(keptText(task, 500), fieldsOf(limit)));
  }
  return listOf(replies.registered_limits).flatMap((each) =>
    typeof each === "string" ? celeryLimit(each.slice(0, TEXT)) : [],
  );
}

function ourLimit(task: string, limit: Fields): WorkerLimit {
  const { origin } = limit;
  return {
    task,
    rateLimit: textOf(limit.rate_limit, 50),
    softTimeLimit: numberOf(limit.soft_time_limit),
    timeLimit: numberOf(limit.time_limit),
    origin:
      ORIGINS.has(origin) && (origin === "task" || origin === "settings" || origin === "control") ? origin : "unknown",
  };
}

function celeryLimit(text: string): WorkerLimit[] {
  const match = /^(.*?)(?: \[(.*)\])?$/s.exec(text);
  if (!match?.[1]) return [];
  const values = new Map<string, string>();
  for (const part of (match[2] ?? "").split(" ")) {
    const at = part.indexOf("=");
    if (at > 0) values.set(part.slice(0, at), part.slice(at + 1));
  }
  return [
    {
      task: match[1],
      rateLimit: values.get("rate_limit") ?? null,
      softTimeLimit: secondsOf(values.get("soft_time_limit")),
      timeLimit: secondsOf(values.get("time_limit")),
      origin: "unknown",
    },
  ];
}

function secondsOf(text: string | undefined): number | null {
  const seconds = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(seconds) ? seconds : null;
}

/** Changed ones first, each part by name. */
export function settingsOf(replies: Replies): WorkerDetail["settings"] {
  const changed = fieldsOf(replies.conf);
  const all = isFields(replies.conf_all) ? replies.conf_all : changed;
  const entries = Object.entries({ ...all, ...changed }).slice(0, 1000);
  return entries
    .map(([name, value]) => ({ name: keptText(name, 200), value, isDefault: !Object.hasOwn(changed, name) }))
    .sort((a, b) => Number(a.isDefault) - Number(b.isDefault) || (a.name < b.name ? -1 : 1));
}

export function usageOf(stats: unknown): Record<string, number> {
  const { rusage } = fieldsOf(stats);
  return Object.fromEntries(
    Object.entries(fieldsOf(rusage)).flatMap(([name, value]) => {
      const number = numberOf(value);
      return number === null ? [] : [[keptText(name, 50), number] as const];
    }),
  );
}

export function poolText(stats: unknown, name: string): string | null {
  const value = fieldsOf(fieldsOf(stats).pool)[name];
  return typeof value === "number" || (typeof value === "string" && value !== "N/A")
    ? String(value).slice(0, 50)
    : null;
}

export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function instantOf(value: unknown): string | null {
  const ms = typeof value === "string" && value.length < 80 ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

function unixInstant(seconds: number): string | null {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
