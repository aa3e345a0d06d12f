import type { TaskRecord } from "../store/task-record.js";

/** A task as Flower's API shows it: Celery's event state under its own names, times in Unix seconds. Source: Flower 2.1, `Task.as_dict`. */
export function flowerRecord(record: TaskRecord, payloads: boolean): Readonly<Record<string, unknown>> {
  const ended = (state: string): number | null => (record.state === state ? seconds(record.finishedMs) : null);
  return {
    uuid: record.id,
    name: record.name,
    // Flower knows Celery's states only.
    state: record.state === "LOST" ? "STARTED" : record.state,
    received: seconds(record.receivedMs),
    sent: seconds(record.sentMs),
    started: seconds(record.startedMs),
    rejected: ended("REJECTED"),
    succeeded: ended("SUCCESS"),
    failed: ended("FAILURE"),
    retried: record.state === "RETRY" ? seconds(record.updatedMs) : null,
    revoked: ended("REVOKED"),
    args: payloads ? record.args : null,
    kwargs: payloads ? record.kwargs : null,
    eta: instant(record.etaMs),
    expires: instant(record.expiresMs),
    retries: record.retries,
    result: payloads ? record.result : null,
    exception: payloads ? record.error : null,
    timestamp: seconds(record.updatedMs),
    runtime: record.runtime,
    traceback: payloads ? record.traceback : null,
    exchange: record.exchange,
    routing_key: record.routingKey,
    clock: record.clock,
    client: record.client,
    root: record.rootId,
    root_id: record.rootId,
    parent: record.parentId,
    parent_id: record.parentId,
    children: [],
    ...(record.worker !== null && { worker: record.worker }),
  };
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
