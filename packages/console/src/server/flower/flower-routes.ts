import type { Hono } from "hono";
import { encodeJson } from "lovage/internal";
import { requireRole } from "../auth/require-role.js";
import type { ConsoleContext, ConsoleEnv } from "../http/console-env.js";
import { userOf } from "../http/request-guard.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError, type User } from "../route.js";
import { SearchError } from "../store/search-language.js";
import { readArguments, readOptions } from "./flower-arguments.js";
import { FLOWER_ORDERS } from "./flower-control.js";
import { FlowerCounters } from "./flower-counters.js";
import { SENDING, sendTask, taskResult } from "./flower-send.js";
import { listTasks, taskInfo, taskTypes } from "./flower-tasks.js";
import { listWorkers } from "./flower-workers.js";

/**
 * Flower's REST API at the root, for clients that were written for it: same routes, parameters, fields, texts and status codes as Flower
 * 2.1. Not copied: HTML-escaped parameters, `Access-Control-Allow-Origin: *`, a 500 for a bad `sort_by` (400 here), empty error bodies.
 */
export function registerFlower(app: Hono<ConsoleEnv>, parts: ConsoleParts): void {
  const counters = new FlowerCounters(parts.ingest);
  const get = (path: string, answer: (context: ConsoleContext, user: User) => Promise<unknown>): void => {
    app.get(path, (context) => reply(context, async () => await answer(context, await userOf(context))));
  };
  const last = (context: ConsoleContext): string => context.req.param("target") ?? "";

  get("/api/workers", async (context, user) => await listWorkers(parts, await readArguments(context), user));
  get("/api/tasks", async (context, user) => await listTasks(parts, await readArguments(context), user));
  get("/api/task/types", async () => await taskTypes(parts));
  get("/api/task/info/:target{.+}", async (context, user) => await taskInfo(parts, last(context), user));
  get("/api/task/result/:target{.+}", async (context, user) => {
    const timeout = (await readArguments(context)).seconds("timeout");
    const shown = await taskResult(parts, last(context), timeout, context.req.raw.signal);
    return user.seesPayloads ? shown : { "task-id": shown["task-id"], state: shown.state };
  });
  get("/api/queues/length", async () => await queueLengths(parts));
  app.get("/healthcheck", (context) => context.text("OK"));
  // The page of that name is everybody else's.
  app.get("/workers", async (context, next) => {
    if (new URL(context.req.url).searchParams.get("json") === null) return await next();
    return await reply(context, async () => {
      await userOf(context);
      return { data: counters.rows(parts) };
    });
  });

  for (const how of SENDING) {
    app.post(`/api/task/${how}/:target{.+}`, (context) =>
      reply(context, async () => {
        requireRole(await userOf(context), "operator");
        note(context, `task/${how}`, last(context));
        const body = await readOptions(context);
        context.get("note").parameters = body;
        return await sendTask(parts, how, last(context), body, context.req.raw.signal);
      }),
    );
  }
  for (const [path, carryOut] of Object.entries(FLOWER_ORDERS)) {
    app.post(`/api/${path}/:target{.+}`, (context) =>
      reply(context, async () => {
        const user = await userOf(context);
        requireRole(user, "operator");
        const args = await readArguments(context);
        note(context, path, last(context));
        context.get("note").parameters = args.all;
        return { message: await carryOut({ parts, user, target: last(context), args }) };
      }),
    );
  }
}

async function queueLengths({ queues }: ConsoleParts): Promise<unknown> {
  const list = await queues.list();
  const active_queues = list.map(({ name, ready, unacked, consumers }) => ({
    name,
    messages: ready.value === null ? null : ready.value + (unacked.value ?? 0),
    messages_ready: ready.value,
    messages_unacknowledged: unacked.value,
    consumers: consumers.value,
  }));
  return { active_queues };
}

/** Flower answers with JSON, and with bare text where it refuses. */
async function reply(context: ConsoleContext, answer: () => Promise<unknown>): Promise<Response> {
  try {
    const text = encodeJson(await answer(), { typedValues: false });
    return new Response(text, { headers: { "content-type": "application/json; charset=UTF-8" } });
  } catch (error) {
    if (error instanceof SearchError) {
      return new Response(encodeJson({ error: error.message }), {
        status: 400,
        headers: { "content-type": "application/json; charset=UTF-8" },
      });
    }
    if (!(error instanceof ApiError)) throw error;
    context.set("refusal", error);
    return new Response(error.message, {
      status: error.status,
      headers: { "content-type": "text/plain; charset=UTF-8" },
    });
  }
}

function note(context: ConsoleContext, action: string, target: string): void {
  const line = context.get("note");
  line.action = action;
  line.target = target;
}
