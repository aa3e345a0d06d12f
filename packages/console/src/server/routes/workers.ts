import { z } from "@hono/zod-openapi";
import { type ActionOutcome, ActionReply } from "../../api/common.js";
import { totalsOf } from "../../api/worker-totals.js";
import {
  AddConsumer,
  AutoscaleChange,
  BulkConsumers,
  BulkEvents,
  BulkShutdown,
  EventsChange,
  PoolChange,
  RateLimitChange,
  ShutdownOrder,
  TimeLimitChange,
  WorkerDetail,
  WorkerDetailQuery,
  WorkerList,
  WorkerListQuery,
  type WorkerSummary,
  Workers,
} from "../../api/workers.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError, type Route, route, type User } from "../route.js";
import {
  addConsumer,
  autoscalePool,
  cancelConsumer,
  giveOrder,
  giveOrderTo,
  giveOrderToAll,
  growPool,
  limitRate,
  limitTime,
  noWorker,
  ping,
  restartPool,
  shrinkPool,
  shutDown,
  switchEvents,
  type WorkerOrder,
} from "./worker-orders.js";

const WorkerName = z.object({ worker: z.string().min(1).max(1000) });
const ConsumerName = WorkerName.extend({ queue: z.string().min(1).max(1000) });

const listWorkers = route(
  {
    method: "get",
    path: "/workers",
    tag: "workers",
    summary: "Workers, ours and Celery's, with totals over those that are online",
    role: "viewer",
    query: WorkerListQuery,
    response: WorkerList,
  },
  async ({ parts, query }) => {
    const asksOffline = query.offline || listed(query.status)?.includes("offline") === true;
    const items = parts.fleet.list({ offline: asksOffline }).filter((worker) => isListed(worker, query));
    return { items, totals: { ...totalsOf(items), known: parts.fleet.list({ offline: true }).length } };
  },
);

function listed(text: string | undefined): readonly string[] | undefined {
  const names = text
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names && names.length > 0 ? names : undefined;
}

function isListed(worker: WorkerSummary, { q, status, queue, kind }: z.output<typeof WorkerListQuery>): boolean {
  if (listed(status)?.includes(worker.status) === false) return false;
  if (queue !== undefined && !worker.queues.includes(queue)) return false;
  if (kind !== undefined && worker.kind !== kind) return false;
  return q === undefined || worker.name.toLowerCase().includes(q.trim().toLowerCase());
}

const getWorker = route(
  {
    method: "get",
    path: "/workers/{worker}",
    tag: "workers",
    summary: "One worker, asked again when what is known is older than `maxAge` seconds",
    role: "viewer",
    params: WorkerName,
    query: WorkerDetailQuery,
    response: WorkerDetail,
  },
  async ({ parts, params, query, user }) => {
    const found = await parts.fleet.detail(params.worker, { maxAge: query.maxAge });
    if (!found) throw noWorker(params.worker);
    return user.seesPayloads ? found : withoutArguments(found);
  },
);

type Detail = z.infer<typeof WorkerDetail>;
function withoutArguments(worker: Detail): Detail {
  const hide = (tasks: Detail["activeTasks"]): Detail["activeTasks"] =>
    tasks.map((task) => ({ ...task, args: "", kwargs: "" }));
  return {
    ...worker,
    activeTasks: hide(worker.activeTasks),
    reservedTasks: hide(worker.reservedTasks),
    scheduledTasks: hide(worker.scheduledTasks),
  };
}

const forgetWorker = route(
  {
    method: "delete",
    path: "/workers/{worker}",
    tag: "workers",
    summary: "Forgets a worker that is offline: it goes from pages, API and metrics",
    role: "operator",
    params: WorkerName,
    response: ActionReply,
    audit: { action: "forget worker", target: ({ params }) => params.worker ?? "" },
  },
  async ({ parts, params: { worker: target } }) => {
    if (!parts.fleet.get(target)) throw noWorker(target);
    if (await parts.fleet.forget(target))
      return { outcomes: [{ target, outcome: "done" as const, detail: "forgotten" }] };
    throw new ApiError(409, "worker_online", `${target} is not offline: shut it down first`);
  },
);

/** What all orders to one worker have in common. */
function order<const P extends string>(path: P, action: string, summary: string) {
  return {
    method: "post",
    path: `/workers/{worker}/${path}`,
    tag: "workers",
    summary,
    role: "operator",
    params: WorkerName,
    response: ActionReply,
    audit: {
      action,
      target: ({ params }: { readonly params: Readonly<Record<string, string>> }) => params.worker ?? "",
    },
  } as const;
}

async function reply(outcomes: Promise<ActionOutcome[]>): Promise<{ outcomes: ActionOutcome[] }> {
  return { outcomes: await outcomes };
}

const pingWorker = route(order("ping", "ping worker", "Asks whether it is there"), ({ parts, params, user }) =>
  reply(giveOrderTo(parts, params.worker, ping, user)),
);

const refreshWorker = route(
  order("refresh", "refresh worker", "Asks it for everything again"),
  async ({ parts, params }) => {
    if (!parts.fleet.get(params.worker)) throw noWorker(params.worker);
    await parts.fleet.refresh(params.worker);
    return { outcomes: [refreshed(parts, params.worker)] };
  },
);

/** Whether the figures are of now. */
function refreshed({ fleet, now, options }: ConsoleParts, target: string): ActionOutcome {
  const at = fleet.get(target)?.figuresAt;
  const age = at ? (now().getTime() - new Date(at).getTime()) / 1000 : undefined;
  // The wait for the answer, and a moment for reading it.
  if (age !== undefined && age <= options.inspectTimeout + 5) return { target, outcome: "done", detail: "answered" };
  return { target, outcome: "no-answer", detail: at ? `its figures are from ${at}` : "it has never answered" };
}

const shutDownWorker = route(
  {
    ...order("shutdown", "shut down worker", "Has it finish its tasks and end; cold: end them and give them back"),
    body: ShutdownOrder,
  },
  ({ parts, params, body, user }) => reply(giveOrderTo(parts, params.worker, shutDown(body.cold), user)),
);

const switchWorkerEvents = route(
  { ...order("events", "switch worker events", "Has it send task events, or stop it"), body: EventsChange },
  ({ parts, params, body, user }) => reply(giveOrderTo(parts, params.worker, switchEvents(body.enabled), user)),
);

const addWorkerConsumer = route(
  {
    ...order("consumers", "add consumer", "Has it consume a queue; one that it does not know is made"),
    body: AddConsumer,
  },
  async ({ parts, params, body, user }) => {
    expectNotPaused(parts, body.queue);
    return reply(giveOrderTo(parts, params.worker, addConsumer(body), user));
  },
);

function expectNotPaused({ queues }: ConsoleParts, queue: string): void {
  if (queues.paused().includes(queue)) {
    throw new ApiError(
      409,
      "queue_paused",
      `${queue} is paused: workers would be told at once to stop consuming it; resume it instead`,
    );
  }
}

const cancelWorkerConsumer = route(
  {
    method: "delete",
    path: "/workers/{worker}/consumers/{queue}",
    tag: "workers",
    summary: "Has it stop consuming a queue; what it has taken it finishes",
    role: "operator",
    params: ConsumerName,
    response: ActionReply,
    audit: { action: "cancel consumer", target: ({ params }) => `${params.worker}: ${params.queue}` },
  },
  ({ parts, params, user }) => reply(giveOrderTo(parts, params.worker, cancelConsumer(params.queue), user)),
);

const limitWorkerRate = route(
  {
    ...order("rate-limit", "set rate limit", "Sets a task's rate limit until the worker ends; nothing lifts it"),
    body: RateLimitChange,
  },
  ({ parts, params, body, user }) =>
    reply(limit(parts, params.worker, body.all, limitRate(body.task, body.rateLimit), user)),
);

const limitWorkerTime = route(
  {
    ...order(
      "time-limit",
      "set time limits",
      "Sets a task's limits in seconds until the worker ends; nothing lifts them",
    ),
    body: TimeLimitChange,
  },
  ({ parts, params, body, user }) =>
    reply(limit(parts, params.worker, body.all, limitTime(body.task, body.soft, body.hard), user)),
);

async function limit(
  parts: ConsoleParts,
  worker: string,
  all: boolean,
  asked: WorkerOrder,
  user: User,
): Promise<ActionOutcome[]> {
  return all ? await giveOrderToAll(parts, asked, user) : await giveOrderTo(parts, worker, asked, user);
}

const grow = route(
  { ...order("pool/grow", "grow pool", "Adds slots"), body: PoolChange },
  ({ parts, params, body, user }) => reply(giveOrderTo(parts, params.worker, growPool(body.n), user)),
);
const shrink = route(
  { ...order("pool/shrink", "shrink pool", "Takes slots away, each when it is free"), body: PoolChange },
  ({ parts, params, body, user }) => reply(giveOrderTo(parts, params.worker, shrinkPool(body.n), user)),
);
const autoscale = route(
  {
    ...order("pool/autoscale", "autoscale pool", "Sets between how many slots it chooses itself"),
    body: AutoscaleChange,
  },
  async ({ parts, params, body, user }) => {
    if (body.min > body.max) {
      throw new ApiError(400, "validation", `min ${body.min} is more than max ${body.max}`, {
        errors: [{ path: "min", message: `expected at most ${body.max}` }],
      });
    }
    return reply(giveOrderTo(parts, params.worker, autoscalePool(body.min, body.max), user));
  },
);
const restart = route(
  order("pool/restart", "restart pool", "Replaces its processes or threads, each when its task ends"),
  ({ parts, params, user }) => reply(giveOrderTo(parts, params.worker, restartPool, user)),
);

/** What all orders to several workers have in common. */
function bulk<const P extends string>(path: P, action: string, summary: string) {
  return {
    method: "post",
    path: `/workers/bulk/${path}`,
    tag: "workers",
    summary,
    role: "operator",
    response: ActionReply,
    audit: { action, target: ({ body }: { readonly body: unknown }) => workersIn(body) },
  } as const;
}

function workersIn(body: unknown): string {
  const parsed = Workers.safeParse(body);
  return parsed.success ? parsed.data.workers.join(", ").slice(0, 1000) : "";
}

const pingAll = route(
  { ...bulk("ping", "ping workers", "Asks whether they are there"), body: Workers },
  ({ parts, body, user }) => reply(giveOrder(parts, body.workers, ping, user)),
);
const refreshAll = route(
  { ...bulk("refresh", "refresh workers", "Asks all for everything again"), body: Workers },
  async ({ parts, body }) => {
    await parts.fleet.refresh();
    const outcomeOf = (target: string): ActionOutcome =>
      parts.fleet.get(target)
        ? refreshed(parts, target)
        : { target, outcome: "refused", detail: "no worker of this name has been heard of" };
    return { outcomes: [...new Set(body.workers)].map(outcomeOf) };
  },
);
const eventsOfAll = route(
  { ...bulk("events", "switch events of workers", "Has them send task events, or stops them"), body: BulkEvents },
  ({ parts, body, user }) => reply(giveOrder(parts, body.workers, switchEvents(body.enabled), user)),
);
const consumersOfAll = route(
  {
    ...bulk("consumers", "change consumers of workers", "Has them consume a queue, or stop consuming it"),
    body: BulkConsumers,
  },
  async ({ parts, body, user }) => {
    if (!body.cancel) expectNotPaused(parts, body.queue);
    return reply(giveOrder(parts, body.workers, body.cancel ? cancelConsumer(body.queue) : addConsumer(body), user));
  },
);
const restartAll = route(
  { ...bulk("restart", "restart pools", "Replaces the processes or threads of their pools"), body: Workers },
  ({ parts, body, user }) => reply(giveOrder(parts, body.workers, restartPool, user)),
);
const shutDownAll = route(
  { ...bulk("shutdown", "shut down workers", "Has them finish their tasks and end"), body: BulkShutdown },
  ({ parts, body, user }) => reply(giveOrder(parts, body.workers, shutDown(body.cold), user)),
);

/** Workers and what they can be told. Those on several come first: a worker cannot be named `bulk`, as names of nodes have an `@`. */
export const workersRoutes: readonly Route[] = [
  listWorkers,
  pingAll,
  refreshAll,
  eventsOfAll,
  consumersOfAll,
  restartAll,
  shutDownAll,
  getWorker,
  forgetWorker,
  pingWorker,
  refreshWorker,
  shutDownWorker,
  switchWorkerEvents,
  addWorkerConsumer,
  cancelWorkerConsumer,
  limitWorkerRate,
  limitWorkerTime,
  grow,
  shrink,
  autoscale,
  restart,
];
