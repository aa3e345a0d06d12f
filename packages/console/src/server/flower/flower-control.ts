import { Control } from "lovage";
import type { ConsoleParts } from "../parts.js";
import { ApiError, type User } from "../route.js";
import { badArgument, type FlowerArguments } from "./flower-arguments.js";
import { requireWorker, textOf } from "./flower-workers.js";

/** What a control route of Flower's is given: the worker or task in its path, and its parameters. */
export interface Order {
  readonly parts: ConsoleParts;
  readonly user: User;
  /** The path's last part. */
  readonly target: string;
  readonly args: FlowerArguments;
}
/** Replies with `{message}`; throws an `ApiError` whose text Flower's clients are shown. */
export type OrderHandler = (order: Order) => Promise<string>;

/** Path under `/api/` → what it does. Source of the texts: Flower 2.1. */
export const FLOWER_ORDERS: Readonly<Record<string, OrderHandler>> = {
  "worker/shutdown": async ({ parts, user, target }) => {
    requireWorker(parts, target);
    // Nobody answers a shutdown.
    await parts.fleet.control("shutdown", {}, { destination: [target], by: user });
    return "Shutting down!";
  },
  "worker/pool/restart": async (order) => {
    await ask(order, "pool_restart", { reload: false }, `Failed to restart the '${order.target}' pool`);
    return `Restarting '${order.target}' worker's pool`;
  },
  "worker/pool/grow": async (order) => {
    const n = order.args.count("n", 1);
    await ask(order, "pool_grow", { n }, `Failed to grow '${order.target}' worker's pool`);
    return `Growing '${order.target}' worker's pool by ${n}`;
  },
  "worker/pool/shrink": async (order) => {
    const n = order.args.count("n", 1);
    await ask(order, "pool_shrink", { n }, `Failed to shrink '${order.target}' worker's pool`);
    return `Shrinking '${order.target}' worker's pool by ${n}`;
  },
  "worker/pool/autoscale": async (order) => {
    const min = order.args.requiredCount("min");
    const max = order.args.requiredCount("max");
    await ask(order, "autoscale", { min, max }, `Failed to autoscale '${order.target}' worker`);
    return `Autoscaling '${order.target}' worker (min=${min}, max=${max})`;
  },
  "worker/queue/add-consumer": async (order) => {
    const queue = order.args.requiredText("queue");
    return await ask(order, "add_consumer", { queue }, `Failed to add '${queue}' consumer to '${order.target}' worker`);
  },
  "worker/queue/cancel-consumer": async (order) => {
    const queue = order.args.requiredText("queue");
    return await ask(
      order,
      "cancel_consumer",
      { queue },
      `Failed to cancel '${queue}' consumer from '${order.target}' worker`,
    );
  },
  "task/revoke": async ({ parts, target, args }) => {
    const terminate = args.flag("terminate");
    const signal = args.text("signal") || "SIGTERM";
    if (!/^(SIG)?[A-Z0-9]{2,12}$/i.test(signal))
      throw badArgument(`signal is ${JSON.stringify(signal.slice(0, 30))} where a signal's name belongs`);
    await reach(() => new Control(parts.app).revoke(target, { terminate, signal }));
    return `Revoked '${target}'`;
  },
  "task/abort": async (order) => {
    await abortTask(order);
    return `Aborted '${order.target}'`;
  },
  "task/timeout": async (order) => {
    const worker = workerOf(order);
    const limits = { soft: order.args.seconds("soft") ?? null, hard: order.args.seconds("hard") ?? null };
    return await tell(
      order,
      worker,
      "time_limit",
      { task_name: order.target, ...limits },
      "Failed to set timeouts",
      "'",
    );
  },
  "task/rate-limit": async (order) => {
    const worker = workerOf(order);
    const rate = order.args.requiredText("ratelimit");
    return await tell(
      order,
      worker,
      "rate_limit",
      { task_name: order.target, rate_limit: rate },
      "Failed to set rate limit",
      "'",
    );
  },
};

/** Sends a command to the worker in the path and gives its ok text. */
async function ask(
  order: Order,
  method: string,
  args: Readonly<Record<string, unknown>>,
  failure: string,
): Promise<string> {
  requireWorker(order.parts, order.target);
  return await tell(order, order.target, method, args, failure);
}

async function tell(
  { parts, user }: Order,
  worker: string,
  method: string,
  args: Readonly<Record<string, unknown>>,
  failure: string,
  quote = "",
): Promise<string> {
  const outcomes = await reach(() => parts.fleet.control(method, args, { destination: [worker], by: user }));
  const answer = outcomes.find(({ target }) => target === worker);
  if (answer?.outcome === "done") return answer.detail;
  throw new ApiError(403, "worker_refused", `${failure}: ${quote}${answer?.detail || "Unknown reason"}${quote}`);
}

/** The worker a limit is for: Flower demands one, and a task that somebody knows. */
function workerOf(order: Order): string {
  const worker = order.args.requiredText("workername");
  requireTask(order.parts, order.target);
  requireWorker(order.parts, worker);
  return worker;
}

/** Throws a 404 for a task that neither the app nor any worker knows. */
export function requireTask({ app, fleet }: ConsoleParts, name: string): void {
  if (app.findTask(name) || fleet.registered().has(name)) return;
  throw new ApiError(404, "task_type_unknown", `Unknown task '${name}'`);
}

/** Our workers abort the task's signal. Python's abortable tasks look into the result backend for the state ABORTED. */
async function abortTask({ parts, user, target }: Order): Promise<void> {
  const { app, fleet } = parts;
  if (app.settings.resultBackend === null) throw noBackend();
  const outcomes = await reach(() => fleet.control("abort", { task_id: target }, { by: user }));
  if (outcomes.some(({ outcome, detail }) => outcome === "done" && detail.includes(target))) return;
  await reach(async () => {
    const backend = await app.direct.backend();
    await backend.store({
      taskId: target,
      status: "ABORTED",
      result: null,
      traceback: null,
      children: [],
      dateDone: null,
    });
  });
}

export function noBackend(): ApiError {
  return new ApiError(503, "no_result_backend", "the result backend is not configured");
}

/** What a broker or backend refuses, or does not answer, is a 503 as in Flower. */
export async function reach<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(503, "broker_unavailable", textOf(error), { cause: error });
  }
}
