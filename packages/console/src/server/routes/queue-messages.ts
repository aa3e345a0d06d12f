import { z } from "@hono/zod-openapi";
import type { Broker } from "lovage/internal";
import { CountReply, MoveMessages, PeekQuery, PurgeQueue, QueueMessages } from "../../api/queues.js";
import { askBrokerFor, brokerProblem } from "../queues/broker-access.js";
import { messageView } from "../queues/message-view.js";
import { isPassing, type Moved, MoveError, moveMessages } from "../queues/move-messages.js";
import { ApiError, type Route, route } from "../route.js";
import { expectQueues, LONG_SECONDS, noQueue, notConfirmed, QueueName, refreshLater } from "./queue-names.js";

const MessageName = QueueName.extend({ id: z.string().min(1).max(1000) });

/** Messages that are taken for a moment at most to see the last ones, where looking disturbs the queue. */
const MAX_DISTURBED = 500;

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

function invalid(path: string, message: string): ApiError {
  return new ApiError(400, "validation", message, { errors: [{ path, message }] });
}

/** The messages in a queue: looking, removing, moving. */
export const queueMessagesRoutes: readonly Route[] = [peekMessages, deleteMessage, purgeQueue, moveRoute];
