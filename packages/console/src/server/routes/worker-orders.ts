import type { ActionOutcome } from "../../api/common.js";
import type { ConsoleParts } from "../parts.js";
import { errorText } from "../queues/broker-access.js";
import { addConsumerArgs } from "../queues/paused-queues.js";
import { ApiError, type User } from "../route.js";

/** A remote control command, in Celery's form. Source of the names and arguments: celery-protocol 9.4. */
export interface WorkerOrder {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** In words, for workers that do not answer it by rule: Celery leaves `shutdown` unanswered. */
  readonly unanswered?: string;
  /** Why a worker of Celery's cannot do it; undefined when it can. */
  readonly notForCelery?: string;
}

export const ping: WorkerOrder = { method: "ping", args: {} };

export function switchEvents(enabled: boolean): WorkerOrder {
  return { method: enabled ? "enable_events" : "disable_events", args: {} };
}

/** Cold: what runs is ended and given back. Celery's workers know the warm one only. */
export function shutDown(cold: boolean): WorkerOrder {
  const unanswered = cold
    ? "was told to end what runs and shut down; workers do not answer this"
    : "was told to finish what runs and shut down; workers do not answer this";
  if (!cold) return { method: "shutdown", args: {}, unanswered };
  const notForCelery =
    "a Celery worker can be told to shut down warm only; for a cold one send it SIGQUIT where it runs";
  return { method: "shutdown", args: { cold: true }, unanswered, notForCelery };
}

export interface ConsumerOrder {
  readonly queue: string;
  readonly exchange?: string | undefined;
  readonly exchangeType?: string | undefined;
  readonly routingKey?: string | undefined;
}
export function addConsumer({ queue, exchange, exchangeType, routingKey }: ConsumerOrder): WorkerOrder {
  const asked = {
    ...(exchange !== undefined && { exchange }),
    ...(exchangeType !== undefined && { exchange_type: exchangeType }),
    ...(routingKey !== undefined && { routing_key: routingKey }),
  };
  return { method: "add_consumer", args: { ...addConsumerArgs(queue), ...asked } };
}
export function cancelConsumer(queue: string): WorkerOrder {
  return { method: "cancel_consumer", args: { queue } };
}

export const restartPool: WorkerOrder = {
  method: "pool_restart",
  args: { modules: null, reload: false, reloader: null },
};
export function growPool(n: number): WorkerOrder {
  return { method: "pool_grow", args: { n } };
}
export function shrinkPool(n: number): WorkerOrder {
  return { method: "pool_shrink", args: { n } };
}
export function autoscalePool(min: number, max: number): WorkerOrder {
  return { method: "autoscale", args: { max, min } };
}

/** A rate as in `10/m`; nothing lifts the limit. */
export function limitRate(task: string, rateLimit: string | null): WorkerOrder {
  return {
    method: "rate_limit",
    args: { task_name: task, rate_limit: rateLimit === null || rateLimit.trim() === "" ? 0 : rateLimit.trim() },
  };
}
/** Seconds; null and 0 lift the limit. */
export function limitTime(task: string, soft: number | null, hard: number | null): WorkerOrder {
  return { method: "time_limit", args: { task_name: task, soft: soft || null, hard: hard || null } };
}

/**
 * Gives an order to workers and says of each what it answered, in its own words. One that is not online is not told anything, and that
 * is said; one that does not answer in time is `no-answer`.
 */
export async function giveOrder(
  parts: ConsoleParts,
  names: readonly string[],
  order: WorkerOrder,
  by: User,
): Promise<ActionOutcome[]> {
  const outcomes = new Map<string, ActionOutcome>();
  const told: string[] = [];
  for (const target of new Set(names)) {
    const detail = whyNot(parts, target, order);
    if (detail === undefined) told.push(target);
    else outcomes.set(target, { target, outcome: "refused", detail });
  }
  for (const answer of told.length === 0
    ? []
    : await parts.fleet.control(order.method, order.args, { destination: told, by })) {
    outcomes.set(answer.target, answered(answer, order));
  }
  if (told.length > 0 && order.method !== "ping") refreshLater(parts, told);
  return [...new Set(names)].flatMap(
    (name) => outcomes.get(name) ?? { target: name, outcome: "no-answer", detail: "did not answer" },
  );
}

function whyNot({ fleet }: ConsoleParts, name: string, order: WorkerOrder): string | undefined {
  const worker = fleet.get(name);
  if (!worker) return "no worker of this name has been heard of";
  if (worker.status === "offline") return `is offline: last seen ${worker.lastHeartbeat ?? "never"}`;
  return worker.kind === "celery" ? order.notForCelery : undefined;
}

function answered(answer: ActionOutcome, { unanswered }: WorkerOrder): ActionOutcome {
  return answer.outcome === "done" && unanswered !== undefined ? { ...answer, detail: unanswered } : answer;
}

/** As `giveOrder`, to one; 404 for a worker never heard of, 409 for one that is offline. */
export async function giveOrderTo(
  parts: ConsoleParts,
  name: string,
  order: WorkerOrder,
  by: User,
): Promise<ActionOutcome[]> {
  const worker = parts.fleet.get(name);
  if (!worker) throw noWorker(name);
  if (worker.status === "offline") {
    throw new ApiError(409, "worker_offline", `${name} is offline: last seen ${worker.lastHeartbeat ?? "never"}`);
  }
  return await giveOrder(parts, [name], order, by);
}

/** To all workers that are online. */
export async function giveOrderToAll(parts: ConsoleParts, order: WorkerOrder, by: User): Promise<ActionOutcome[]> {
  const online = parts.fleet.list().filter(({ status }) => status === "online");
  return await giveOrder(
    parts,
    online.map(({ name }) => name),
    order,
    by,
  );
}

export function noWorker(name: string): ApiError {
  return new ApiError(404, "no_such_worker", `no worker ${JSON.stringify(name)} has been heard of`);
}

/** What an order changed shows as soon as the workers were asked again. */
function refreshLater({ fleet, logger }: ConsoleParts, names: readonly string[]): void {
  const asked = names.length === 1 ? fleet.refresh(names[0]) : fleet.refresh();
  asked.catch((error: unknown) => logger.warn("workers could not be asked again", { error: errorText(error) }));
}
