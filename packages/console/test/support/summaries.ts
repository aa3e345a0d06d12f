import type { QueueSummary } from "../../src/api/queues.js";
import type { WorkerSummary } from "../../src/api/workers.js";

/** A worker that is online and well. */
export function worker(changes: Partial<WorkerSummary>): WorkerSummary {
  return {
    name: "w1@a",
    kind: "lovage",
    version: "0.1.0",
    status: "online",
    lastHeartbeat: "2026-01-31T10:00:00.000Z",
    figuresAt: "2026-01-31T10:00:00.000Z",
    pool: "threads",
    slots: 4,
    busy: 0,
    active: 0,
    reserved: 0,
    processed: 0,
    succeeded: 0,
    failed: 0,
    retried: 0,
    queues: ["images"],
    loadAverage: [],
    memoryBytes: null,
    uptime: 1,
    events: true,
    clockSkew: 0,
    ...changes,
  };
}

/** A queue that is empty and consumed. */
export function queue(changes: Partial<QueueSummary>): QueueSummary {
  const none = { value: 0 };
  return {
    name: "images",
    internal: false,
    state: "running",
    ready: none,
    unacked: none,
    scheduled: none,
    total: none,
    oldestAge: { value: null, reason: "no message is ready" },
    consumers: { value: 1 },
    inRate: none,
    deliverRate: none,
    ackRate: none,
    redeliverRate: none,
    dead: 0,
    sparkline: [],
    sampledAt: "2026-01-31T10:00:00.000Z",
    ...changes,
  };
}
