import { loadavg } from "node:os";
import { maskUrls } from "../../util/secrets.js";
import type { SlotInfo } from "../pools/pool.js";
import type { Worker } from "../worker.js";

/** What `inspect stats` answers. Source: celery-protocol 9.5; `slots`, `capabilities`, `load` (over 1, 5, 15 minutes) and `sends_events` are ours. */
export function workerStats(worker: Worker): Readonly<Record<string, unknown>> {
  const { ledger, pool, autoscaler, consumer, events } = worker.parts;
  const range = autoscaler?.range;
  const since = worker.startedAt?.getTime() ?? worker.clock.now().getTime();
  return {
    total: ledger.totals,
    pid: process.pid,
    clock: String(worker.lamport.value),
    uptime: Math.max(0, Math.floor((worker.clock.now().getTime() - since) / 1000)),
    pool: poolStats(worker),
    ...(range && { autoscaler: { max: range.max, min: range.min, current: pool.size, qty: ledger.reserved().length } }),
    broker: brokerStats(worker.app.settings.brokerUrl),
    prefetch_count: consumer.prefetch,
    rusage: rusage(),
    load: loadavg(),
    sends_events: events.sendsTaskEvents,
  };
}

function poolStats(worker: Worker): Readonly<Record<string, unknown>> {
  const { pool, ledger } = worker.parts;
  const slots = pool.slots();
  const { taskTimeLimit, taskSoftTimeLimit } = worker.app.settings;
  const common = {
    implementation: `lovage:${pool.kind}`,
    "max-concurrency": pool.size,
    capabilities: pool.capabilities,
    slots: slots.map(slotStats),
  };
  if (pool.kind === "threads" || pool.kind === "async") return { ...common, threads: slots.length };
  return {
    ...common,
    processes: [...new Set(slots.map(({ pid }) => pid))],
    "max-tasks-per-child": worker.maxTasksPerChild ?? "N/A",
    "put-guarded-by-semaphore": pool.kind === "solo",
    timeouts: [taskSoftTimeLimit ?? 0, taskTimeLimit ?? 0],
    ...(pool.kind === "processes" && { writes: writeStats(slots, ledger.activeCount) }),
  };
}

/** How evenly the tasks went to the processes. */
function writeStats(slots: readonly SlotInfo[], active: number): Readonly<Record<string, unknown>> {
  const raw = slots.map(({ finished, taskId }) => finished + (taskId === null ? 0 : 1));
  const total = raw.reduce((sum, each) => sum + each, 0);
  const share = (count: number): string => (total === 0 ? "0.00" : (count / total).toFixed(2));
  return {
    total,
    avg: share(raw.length === 0 ? 0 : total / raw.length),
    all: raw.map(share).join(", "),
    raw: raw.join(", "),
    strategy: "fair",
    inqueues: { total: slots.length, active },
  };
}

function slotStats(slot: SlotInfo): Readonly<Record<string, unknown>> {
  const { pid, threadId, taskId, taskName, elapsed, finished, memory, timeLimit, softTimeLimit } = slot;
  return {
    pid,
    thread_id: threadId,
    task_id: taskId,
    task_name: taskName,
    elapsed,
    time_limit: timeLimit,
    soft_time_limit: softTimeLimit,
    finished,
    memory,
  };
}

/** The broker's address without its password. A store that is a file has no host: its path is the virtual host. */
export function brokerStats(brokerUrl: string): Readonly<Record<string, unknown>> {
  const transport = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(brokerUrl)?.[0] ?? "";
  const url = URL.canParse(brokerUrl) && brokerUrl.includes("://") ? new URL(brokerUrl) : undefined;
  const path = url ? decoded(url.pathname.replace(/^\//, "")) : maskUrls(brokerUrl.slice(transport.length + 1));
  return {
    hostname: url?.hostname || null,
    userid: url?.username ? decoded(url.username) : null,
    virtual_host: path || null,
    port: url?.port ? Number(url.port) : null,
    insist: false,
    ssl: /^(rediss|amqps)$/.test(transport),
    transport,
    connect_timeout: 4,
    transport_options: {},
    login_method: null,
    uri_prefix: null,
    heartbeat: null,
    failover_strategy: "round-robin",
    alternates: [],
    credential_provider: null,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** This process's use of the machine under POSIX's names. */
function rusage(): Readonly<Record<string, number>> {
  const usage = process.resourceUsage();
  return {
    utime: usage.userCPUTime / 1e6,
    stime: usage.systemCPUTime / 1e6,
    maxrss: usage.maxRSS,
    ixrss: usage.sharedMemorySize,
    idrss: usage.unsharedDataSize,
    isrss: usage.unsharedStackSize,
    minflt: usage.minorPageFault,
    majflt: usage.majorPageFault,
    nswap: usage.swappedOut,
    inblock: usage.fsRead,
    oublock: usage.fsWrite,
    msgsnd: usage.ipcSent,
    msgrcv: usage.ipcReceived,
    nsignals: usage.signalsCount,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  };
}
