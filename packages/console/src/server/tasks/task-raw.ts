import type { TaskMeta } from "lovage/internal";
import { withDeadline } from "lovage/internal";
import type { TaskRaw } from "../../api/tasks.js";
import { isObject, toApiJson } from "../actions/exact-json.js";
import { redactValue } from "../ingest/redact.js";
import type { ConsoleParts } from "../parts.js";
import { messageView, SINGLE_BYTES } from "../queues/message-view.js";
import type { User } from "../route.js";
import type { TaskRecord } from "../store/task-record.js";
import { redactedByApp } from "./redacted-contents.js";
import { toEvent } from "./task-summary.js";

/** Seconds that the broker, and the result backend, are each given. */
const TIMEOUT = 3;

/**
 * What is on the wire of a task: its message while it can be looked at without disturbing its queue, what the result backend keeps of it,
 * and its events. A source that does not answer shows nothing; the others do.
 */
export async function rawOf(parts: ConsoleParts, record: TaskRecord, user: User): Promise<TaskRaw> {
  const [message, result, events] = await Promise.all([
    orNull(parts, "the broker", () => messageOf(parts, record, user)),
    orNull(parts, "the result backend", () => resultOf(parts, record, user)),
    parts.tasks.events(record.id),
  ]);
  return { message, result, events: events.map((event) => toEvent(event, { payloads: user.seesPayloads })) };
}

async function messageOf(parts: ConsoleParts, record: TaskRecord, user: User): Promise<TaskRaw["message"]> {
  const found = await parts.actions.arguments.findMessage(record);
  if (!found) return null;
  const view = messageView(
    { key: "", message: found.message, state: "ready", eta: undefined, deliveries: 0, published: undefined },
    { position: 0, seesPayloads: user.seesPayloads, redact: parts.app.redact, decodedBytes: SINGLE_BYTES },
  );
  const { headers, properties, body, bodyText } = view;
  return { queue: found.queue, headers, properties, body: body ?? bodyText };
}

async function resultOf(parts: ConsoleParts, record: TaskRecord, user: User): Promise<TaskRaw["result"]> {
  if (parts.app.settings.resultBackend === null) return null;
  const backend = await parts.app.direct.backend();
  const meta = backend.capabilities.readers === "all" ? await backend.get(record.id) : undefined;
  return meta ? resultView(parts, meta, record, user) : null;
}

function resultView(parts: ConsoleParts, meta: TaskMeta, record: TaskRecord, user: User): TaskRaw["result"] {
  const { args, kwargs, result, traceback, children, dateDone, ...plain } = meta;
  const name = record.name ?? meta.name ?? null;
  const contents = user.seesPayloads ? redactedByApp(parts, name, { args, kwargs, result }) : {};
  const whole = { ...plain, dateDone: dateDone?.toISOString() ?? null, traceback, children, ...contents };
  const clean = toApiJson(redactValue(whole).value);
  return isObject(clean) ? { ...clean } : null;
}

async function orNull<T>(parts: ConsoleParts, what: string, look: () => Promise<T | null>): Promise<T | null> {
  try {
    return await withDeadline(look(), TIMEOUT, () => new Error(`no answer within ${TIMEOUT} s`));
  } catch (error) {
    parts.logger.warn(`${what} could not be asked for a task`, { error: String(error) });
    return null;
  }
}
