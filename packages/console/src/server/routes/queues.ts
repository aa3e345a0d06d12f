import type { z } from "@hono/zod-openapi";
import type { QueueSpec } from "lovage/internal";
import { ActionReply } from "../../api/common.js";
import {
  Binding,
  BindingName,
  CountReply,
  CreateQueue,
  DeleteQueue,
  QueueDetail,
  QueueList,
  QueueListQuery,
  type QueueSummary,
} from "../../api/queues.js";
import type { ConsoleParts } from "../parts.js";
import { askBrokerFor } from "../queues/broker-access.js";
import { isOurQueue } from "../queues/internal-queues.js";
import { queueUse } from "../queues/queue-consumers.js";
import { queueDefinition } from "../queues/queue-definition.js";
import { ApiError, type Route, route } from "../route.js";
import { queueMessagesRoutes } from "./queue-messages.js";
import { expectQueues, knownQueue, LONG_SECONDS, noQueue, notConfirmed, QueueName } from "./queue-names.js";

const listQueues = route(
  {
    method: "get",
    path: "/queues",
    tag: "queues",
    summary: "Queues with their figures, as of the last look at the broker",
    role: "viewer",
    query: QueueListQuery,
    response: QueueList,
  },
  async ({ parts, query }) => {
    const queues = await parts.queues.list({ internal: query.internal });
    return { items: queues.filter((queue) => isListed(queue, query)), peek: peekOf(parts) };
  },
);

function isListed(queue: QueueSummary, { q, backlog, unconsumed }: z.output<typeof QueueListQuery>): boolean {
  if (q !== undefined && !queue.name.toLowerCase().includes(q.trim().toLowerCase())) return false;
  if (backlog === true && !((queue.ready.value ?? 0) > 0 || (queue.scheduled.value ?? 0) > 0)) return false;
  return unconsumed !== true || queue.consumers.value === 0;
}

const getQueue = route(
  {
    method: "get",
    path: "/queues/{queue}",
    tag: "queues",
    summary: "One queue: figures, consumers, bindings, settings",
    role: "viewer",
    params: QueueName,
    response: QueueDetail,
  },
  async ({ parts, params }) => {
    return await detailOf(parts, params.queue);
  },
);

async function detailOf(parts: ConsoleParts, name: string): Promise<QueueDetail> {
  const summary = await knownQueue(parts, name);
  const { consumersList, ...declared } = queueUse(parts.fleet, name);
  const definition = await queueDefinition(parts.app, name, declared);
  return { ...summary, consumersList, ...definition, peek: peekOf(parts) };
}

function peekOf(parts: ConsoleParts): "clean" | "disturbs" {
  return parts.queues.capabilities?.peek ?? "disturbs";
}

const pauseQueue = route(
  {
    method: "post",
    path: "/queues/{queue}/pause",
    tag: "queues",
    summary: "Has every worker stop consuming it, those that start later too, until it is resumed",
    role: "operator",
    params: QueueName,
    response: ActionReply,
    audit: { action: "pause queue", target: ({ params }) => params.queue ?? "" },
  },
  async ({ parts, params, user }) => {
    await knownQueue(parts, params.queue);
    return { outcomes: [...(await parts.queues.pause(params.queue, user))] };
  },
);

const resumeQueue = route(
  {
    method: "post",
    path: "/queues/{queue}/resume",
    tag: "queues",
    summary: "Has the workers that were told to stop consume it again",
    role: "operator",
    params: QueueName,
    response: ActionReply,
    audit: { action: "resume queue", target: ({ params }) => params.queue ?? "" },
  },
  async ({ parts, params, user }) => {
    return { outcomes: [...(await parts.queues.resume(params.queue, user))] };
  },
);

const createQueue = route(
  {
    method: "post",
    path: "/queues",
    tag: "queues",
    summary: "Declares a queue, with a direct exchange of its name",
    role: "admin",
    body: CreateQueue,
    response: QueueDetail,
    status: 201,
    audit: { action: "create queue", target: ({ body }) => nameIn(body) },
  },
  async ({ parts, body: { name, maxPriority, type } }) => {
    const spec: QueueSpec = {
      name,
      exchange: { name, type: "direct" },
      routingKey: name,
      ...(maxPriority !== undefined && { maxPriority }),
      ...(type !== undefined && { type }),
    };
    await askBrokerFor(parts.app, `declaring ${name}`, async (broker) => await broker.declare(spec));
    await parts.queues.refresh();
    return await detailOf(parts, name);
  },
);

function nameIn(body: unknown): string {
  const parsed = CreateQueue.safeParse(body);
  return parsed.success ? parsed.data.name : "";
}

const deleteQueue = route(
  {
    method: "delete",
    path: "/queues/{queue}",
    tag: "queues",
    summary: "Removes the queue with its messages and bindings; `confirm` is its name",
    role: "admin",
    params: QueueName,
    query: DeleteQueue,
    response: CountReply,
    audit: { action: "delete queue", target: ({ params }) => params.queue ?? "" },
  },
  async ({ parts, params: { queue }, query }) => {
    if (query.confirm !== queue) throw notConfirmed("the queue's name");
    if (isOurQueue(queue)) throw new ApiError(409, "queue_needed", `${queue} is Lovage's own: purge it instead`);
    const count = await askBrokerFor(
      parts.app,
      `deleting ${queue}`,
      async (broker) => {
        const counts = await broker.queues.counts(queue);
        if (!counts) throw noQueue(queue);
        await broker.queues.delete(queue);
        return counts.ready + counts.scheduled + counts.unacked;
      },
      LONG_SECONDS,
    );
    await parts.queues.refresh();
    return { count };
  },
);

const addBinding = route(
  {
    method: "post",
    path: "/queues/{queue}/bindings",
    tag: "queues",
    summary: "Routes messages of an exchange to the queue; the exchange is made when it is not there",
    role: "admin",
    params: QueueName,
    body: Binding,
    response: Binding,
    status: 201,
    audit: { action: "bind queue", target: ({ params }) => params.queue ?? "" },
  },
  async ({ parts, params: { queue }, body }) => {
    await askBrokerFor(parts.app, `binding ${queue}`, async (broker) => {
      await expectQueues(broker, [queue]);
      await broker.bind(queue, { name: body.exchange, type: body.exchangeType }, body.routingKey);
    });
    return body;
  },
);

const removeBinding = route(
  {
    method: "delete",
    path: "/queues/{queue}/bindings",
    tag: "queues",
    summary: "Takes a binding away; one that is not there is no error",
    role: "admin",
    params: QueueName,
    query: BindingName,
    response: BindingName,
    audit: { action: "unbind queue", target: ({ params }) => params.queue ?? "" },
  },
  async ({ parts, params: { queue }, query }) => {
    await askBrokerFor(parts.app, `unbinding ${queue}`, async (broker) => {
      await expectQueues(broker, [queue]);
      await broker.unbind(queue, query.exchange, query.routingKey);
    });
    return query;
  },
);

/** Queues, and the messages in them. */
export const queuesRoutes: readonly Route[] = [
  listQueues,
  createQueue,
  getQueue,
  deleteQueue,
  pauseQueue,
  resumeQueue,
  addBinding,
  removeBinding,
  ...queueMessagesRoutes,
];
