import type { PeekedMessage } from "../../brokers/broker.js";
import { type TaskInfo, taskInfo } from "../../protocol/control.js";
import { decodeTaskMessage } from "../../protocol/task-message.js";
import type { Execution } from "../execution.js";
import type { Worker } from "../worker.js";
import type { ControlCommands } from "./command.js";

/** Messages with an ETA looked up for one answer at most. */
const SCHEDULED_LIMIT = 200;

/** What the worker has in hand. Source: celery-protocol 9.3. */
export const TASK_COMMANDS: ControlCommands = {
  active: {
    run: ({ worker, args }) =>
      worker.parts.ledger.active().map((each) => executionInfo(worker, each, args.flag("safe"))),
  },
  reserved: {
    run: ({ worker }) => worker.parts.ledger.reserved().map((each) => executionInfo(worker, each, false)),
  },
  scheduled: { run: ({ worker }) => scheduled(worker) },
  query_task: {
    required: ["ids"],
    run: ({ worker, args }) => queryTask(worker, args.texts("ids")),
  },
  revoked: { run: ({ worker }) => worker.parts.revoked.list() },
};

function executionInfo(worker: Worker, execution: Execution, safe: boolean): TaskInfo {
  const { message, delivery, started, run, acknowledged } = execution;
  return taskInfo(message, {
    safe,
    hostname: worker.hostname,
    started,
    acknowledged,
    exchange: delivery.exchange,
    routingKey: delivery.routingKey,
    redelivered: delivery.deliveries > 1,
    workerPid: run?.pid ?? null,
  });
}

function queryTask(worker: Worker, ids: readonly string[]): Readonly<Record<string, readonly [string, TaskInfo]>> {
  const found = ids.flatMap((id) => worker.parts.ledger.find(id));
  return Object.fromEntries(
    found.map((each) => [each.id, [each.run ? "active" : "reserved", executionInfo(worker, each, false)]]),
  );
}

/**
 * Tasks with an ETA wait in the broker here, so this lists what waits in the worker's queues: the same for every worker of a
 * queue. Nothing where looking would disturb the queue.
 */
async function scheduled(worker: Worker): Promise<readonly object[]> {
  const { broker, consumer } = worker.parts;
  if (broker.capabilities.peek !== "clean") return [];
  const found: object[] = [];
  for (const { name } of consumer.queues) {
    const counts = await broker.queues.counts(name);
    const limit = Math.min(counts?.scheduled ?? 0, SCHEDULED_LIMIT - found.length);
    if (limit <= 0) continue;
    const peeked = await broker.queues.peek(name, { offset: counts?.ready ?? 0, limit });
    found.push(...peeked.flatMap((each) => scheduledEntry(worker, each)));
  }
  return found;
}

function scheduledEntry(worker: Worker, { message, eta, state, queue, deliveries }: PeekedMessage): readonly object[] {
  if (state !== "scheduled" || !eta) return [];
  try {
    const task = decodeTaskMessage(message, { acceptContent: worker.app.settings.acceptContent });
    const request = taskInfo(task, {
      safe: false,
      hostname: worker.hostname,
      started: undefined,
      acknowledged: false,
      exchange: "",
      routingKey: queue,
      redelivered: deliveries > 1,
      workerPid: null,
    });
    return [{ eta: eta.toISOString().replace("Z", "+00:00"), priority: task.priority, request }];
  } catch {
    // What cannot be decoded becomes a dead letter when it is due.
    return [];
  }
}
