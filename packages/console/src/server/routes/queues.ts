import { z } from "@hono/zod-openapi";
import type { Broker, QueueSpec } from "lovage/internal";
import { ActionReply } from "../../api/common.js";
import {
  Binding,
  BindingName,
  CountReply,
  CreateQueue,
  DeleteQueue,
  MoveMessages,
  PeekQuery,
  PurgeQueue,
  QueueDetail,
  QueueList,
  QueueListQuery,
  QueueMessages,
  type QueueSummary,
} from "../../api/queues.js";
import type { ConsoleParts } from "../parts.js";
import { askBrokerFor, brokerProblem } from "../queues/broker-access.js";
import { isOurQueue } from "../queues/internal-queues.js";
import { messageView } from "../queues/message-view.js";
import { isPassing, type Moved, MoveError, moveMessages } from "../queues/move-messages.js";
import { queueUse } from "../queues/queue-consumers.js";
import { ApiError, type Route, route } from "../route.js";

const QueueName = z.object({ queue: z.string().min(1).max(255) });
const MessageName = QueueName.extend({ id: z.string().min(1).max(1000) });

/** Seconds that a purge or a move may take, the answer being waited for. */
const LONG_SECONDS = 25;
/** Messages that are taken for a moment at most to see the last ones, where looking disturbs the queue. */
const MAX_DISTURBED = 500;

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

function peekOf(parts: ConsoleParts): "clean" | "disturbs" {
  return parts.queues.capabilities?.peek ?? "disturbs";
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
    const summary = await knownQueue(parts, params.queue);
    return { ...summary, ...queueUse(parts.fleet, params.queue), peek: peekOf(parts) };
  },
);

async function knownQueue(parts: ConsoleParts, name: string): Promise<QueueSummary> {
  const found = await parts.queues.get(name);
  if (found) return found;
  if (!parts.queues.state.reachable) {
    throw new ApiError(
      503,
      "broker_unavailable",
      `whether there is a queue ${name} is not known: ${parts.queues.state.error}`,
    );
  }
  throw noQueue(name);
}

function noQueue(name: string): ApiError {
  return new ApiError(404, "no_such_queue", `there is no queue ${JSON.stringify(name)}`);
}

const peekMessages = route(
  {
    method: "get",
    path: "/queues/{queue}/messages",
    tag: "queues",
    summary:
      "Looks at up to 50 messages from the head or the tail; where `peek` is `disturbs`, they are taken for a moment",
    role: "viewer",
    params: QueueName,
    query: PeekQuery,
    response: QueueMessages,
  },
  async ({ parts, params: { queue }, query: { from, limit }, user }) => {
    const { app } = parts;
    return await askBrokerFor(app, `messages of ${queue}`, async (broker) => {
      const counts = await broker.queues.counts(queue);
      if (!counts) throw noQueue(queue);
      const { peek } = broker.capabilities;
      const offset = from === "tail" ? Math.max(0, counts.ready - limit) : 0;
      if (peek === "disturbs" && offset + limit > MAX_DISTURBED) throw tooDeep(queue, counts.ready);
      const found = await broker.queues.peek(queue, { limit, offset });
      const options = { seesPayloads: user.seesPayloads, redact: app.redact };
      const items = found.map((each, at) => messageView(each, { ...options, position: offset + at + 1 }));
      return { items, peek, ready: counts.ready };
    });
  },
);

function tooDeep(queue: string, ready: number): ApiError {
  return new ApiError(
    409,
    "peek_too_deep",
    `to see the last of ${queue}, all ${ready} messages would have to be taken for a moment; up to ${MAX_DISTURBED} are`,
  );
}

const deleteMessage = route(
  {
    method: "delete",
    path: "/queues/{queue}/messages/{id}",
    tag: "queues",
    summary: "Removes one message, by the key that looking gave it",
    role: "admin",
    params: MessageName,
    response: CountReply,
    audit: { action: "delete message", target: ({ params }) => `${params.queue}: ${params.id}` },
  },
  async ({ parts, params: { queue, id } }) => {
    const count = await askBrokerFor(parts.app, `removing a message of ${queue}`, async (broker) => {
      const taken = await broker.queues.take(queue, [id]);
      for (const delivery of taken) await delivery.ack();
      return taken.length;
    });
    if (count === 0)
      throw new ApiError(404, "no_such_message", `${queue} has no such message any more, or a worker holds it`);
    refreshLater(parts);
    return { count };
  },
);

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
    if (!parts.queues.paused().includes(params.queue))
      throw new ApiError(409, "not_paused", `${params.queue} is not paused`);
    return { outcomes: [...(await parts.queues.resume(params.queue, user))] };
  },
);

const purgeQueue = route(
  {
    method: "post",
    path: "/queues/{queue}/purge",
    tag: "queues",
    summary: "Drops all ready and scheduled messages; what workers hold stays",
    role: "admin",
    params: QueueName,
    body: PurgeQueue,
    response: CountReply,
    audit: { action: "purge queue", target: ({ params }) => params.queue ?? "" },
  },
  async ({ parts, params: { queue }, body }) => {
    const count = await askBrokerFor(
      parts.app,
      `purging ${queue}`,
      async (broker) => {
        const counts = await broker.queues.counts(queue);
        if (!counts) throw noQueue(queue);
        const number = counts.ready + counts.scheduled;
        if (body.confirm !== queue && body.confirm !== String(number))
          throw notConfirmed(`the queue's name, or ${number}`);
        return await broker.queues.purge(queue);
      },
      LONG_SECONDS,
    );
    refreshLater(parts);
    return { count };
  },
);

function notConfirmed(expected: string): ApiError {
  const message = `expected ${expected}`;
  return new ApiError(400, "not_confirmed", `type ${expected} to confirm`, { errors: [{ path: "confirm", message }] });
}

const moveRoute = route(
  {
    method: "post",
    path: "/queues/{queue}/move",
    tag: "queues",
    summary: "Moves messages to another queue: each is there before it leaves this one",
    role: "admin",
    params: QueueName,
    body: MoveMessages,
    response: CountReply,
    audit: { action: "move messages", target: ({ params }) => params.queue ?? "" },
  },
  async ({ parts, params: { queue }, body, signal }) => {
    if (body.to === queue) throw invalid("to", "the messages are in this queue already");
    const what = movedOf(body);
    const ends = AbortSignal.any([signal, AbortSignal.timeout(LONG_SECONDS * 1000)]);
    await askBrokerFor(parts.app, "whether both queues are there", async (broker) => {
      await expectQueues(broker, [queue, body.to]);
    });
    const count = await moveOrExplain(await parts.app.direct.broker(), {
      from: queue,
      to: body.to,
      what,
      signal: ends,
    });
    refreshLater(parts);
    return { count };
  },
);

function movedOf({ keys, n, all }: z.output<typeof MoveMessages>): Moved {
  const given = [keys !== undefined, n !== undefined, all].filter(Boolean).length;
  if (given !== 1) throw invalid("", "say which: keys, n or all, and one of them");
  if (keys) return { keys };
  return n === undefined ? { all: true } : { n };
}

async function expectQueues(broker: Broker, names: readonly string[]): Promise<void> {
  for (const name of names) if (!(await broker.queues.counts(name))) throw noQueue(name);
}

async function moveOrExplain(broker: Broker, options: Parameters<typeof moveMessages>[1]): Promise<number> {
  try {
    return await moveMessages(broker, options);
  } catch (error) {
    if (!(error instanceof MoveError)) throw error;
    const problem = brokerProblem(error.cause);
    const why = options.signal.aborted
      ? `not finished within ${LONG_SECONDS} s`
      : String(problem instanceof Error ? problem.message : problem);
    const detail = `moved ${error.moved} to ${options.to}; the rest is still in ${options.from}: ${why}`;
    throw new ApiError(isPassing(error) ? 503 : 409, "move_unfinished", detail, { cause: error });
  }
}

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
    return { ...(await knownQueue(parts, name)), ...queueUse(parts.fleet, name), peek: peekOf(parts) };
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

function invalid(path: string, message: string): ApiError {
  return new ApiError(400, "validation", message, { errors: [{ path, message }] });
}

/** Figures that have just changed: whoever looks sees them in a moment. `refresh` never rejects. */
function refreshLater(parts: ConsoleParts): void {
  void parts.queues.refresh();
}

/** Queues and the messages in them. */
export const queuesRoutes: readonly Route[] = [
  listQueues,
  createQueue,
  getQueue,
  deleteQueue,
  peekMessages,
  deleteMessage,
  pauseQueue,
  resumeQueue,
  purgeQueue,
  moveRoute,
  addBinding,
  removeBinding,
];
