import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { RouteReply, StreamReply, TakeOverReply } from "../route.js";
import type { ConsoleContext } from "./console-env.js";
import type { StoredReply } from "./idempotent-replies.js";
import { encodeJsonText } from "./json-text.js";

/** The HTTP response of what a handler returned. */
export function replyWith(reply: unknown, status: number, context: ConsoleContext, signal: AbortSignal): Response {
  if (reply instanceof StreamReply) return streamResponse(reply, signal);
  if (reply instanceof TakeOverReply) return takeOver(reply, context);
  const stored = storableReply(reply, status);
  return new Response(stored.body === "" ? null : stored.body, { status: stored.status, headers: stored.headers });
}

/** The same as text, to be kept. Streams are never kept: they are replies of GET. */
export function storableReply(reply: unknown, status: number): StoredReply {
  const {
    body,
    headers,
    status: ownStatus,
  } = reply instanceof RouteReply ? reply : { body: reply, headers: {}, status };
  if (body === undefined) return { status: ownStatus, headers, body: "" };
  return { status: ownStatus, headers: { "content-type": "application/json", ...headers }, body: encodeJsonText(body) };
}

function takeOver(reply: TakeOverReply, context: ConsoleContext): Response {
  // HEAD asks for the headers of GET only: nothing would ever end the stream.
  if (context.req.raw.method === "HEAD") return new Response(null);
  reply.take(context.env.outgoing);
  const sent = new Response(null, { headers: RESPONSE_ALREADY_SENT.headers });
  // Another Hono server of this process may have replaced the global Response by one that is written without a look at its headers,
  // until somebody has looked into it.
  void sent.type;
  return sent;
}

/** Chunks are made as the client takes them, and no more once it is gone. */
function streamResponse(reply: StreamReply, signal: AbortSignal): Response {
  const chunks = reply.chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (signal.aborted) {
          await chunks.return?.();
          controller.close();
          return;
        }
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, {
    headers: { "content-type": reply.contentType, "content-disposition": attachment(reply.fileName) },
  });
}

/** Names of tasks and queues are in file names: nothing of them may end the header's quotes (RFC 6266). */
function attachment(fileName: string): string {
  const plain = fileName.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, 150);
  return `attachment; filename="${plain}"`;
}
