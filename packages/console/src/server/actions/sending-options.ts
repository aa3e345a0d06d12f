import {
  encodeJson,
  JOB_HEADER,
  JOB_RUN_HEADER,
  ORIGIN_HEADERS,
  type SendOptions,
  type TaskMessage,
} from "lovage/internal";
import type { SendTask } from "../../api/tasks.js";
import { ApiError } from "../route.js";
import type { TaskRecord } from "../store/task-record.js";
import { isObject, readExactObject } from "./exact-json.js";
import type { TaskToSend } from "./task-sender.js";

/** The header that names the task which a re-run repeats. */
export const RERUN_HEADER = ORIGIN_HEADERS.rerun_of;

type Wishes = Pick<Partial<SendTask>, "queue" | "priority" | "countdown" | "eta" | "expires">;

/** How a task is sent that somebody asked for. Throws an `ApiError` (400, `validation`) for wishes that exclude each other. */
export function sendingOptions({ queue, priority, countdown, eta, expires }: Wishes): SendOptions {
  if (countdown !== undefined && eta !== undefined) {
    throw new ApiError(400, "validation", "give a countdown or an eta, not both", {
      errors: [{ path: "eta", message: "a countdown is given already" }],
    });
  }
  return {
    ...(queue !== undefined && { queue }),
    ...(priority !== undefined && { priority }),
    ...(countdown !== undefined && { countdown }),
    ...(eta !== undefined && { eta: new Date(eta) }),
    ...(expires !== undefined && { expires }),
  };
}

/**
 * How a task is sent again under a new id: where the first went, as urgent, with its stamps, custom headers and callbacks as far as they
 * are known. Its ETA and its expiry lie in the past and are left out. It is no part of the first one's family, group or job run.
 */
export function rerunOptions(record: TaskRecord, changes: Wishes, message: TaskMessage | undefined): SendOptions {
  return {
    ...placeOf(record),
    ...(record.priority !== null && { priority: record.priority }),
    ...stampsOf(record),
    ...(message && ofMessage(message)),
    ...sendingOptions(changes),
    headers: { ...customHeaders(message), [RERUN_HEADER]: record.id },
  };
}

/** How a task is sent again in its own place: same root, parent, group and job run, and what followed on it as far as its message is known. */
export function retryOptions(record: TaskRecord, message: TaskMessage | undefined): SendOptions {
  const headers = {
    ...customHeaders(message),
    ...(record.job !== null && { [JOB_HEADER]: record.job }),
    ...(record.runId !== null && { [JOB_RUN_HEADER]: record.runId }),
    ...(record.rerunOf !== null && { [RERUN_HEADER]: record.rerunOf }),
    ...(record.schedule !== null && { periodic_task_name: record.schedule }),
  };
  return {
    ...placeOf(record),
    ...(record.priority !== null && { priority: record.priority }),
    ...stampsOf(record),
    ...(message && { ...ofMessage(message), ...followUpsOf(message) }),
    ...(record.rootId !== null && { rootId: record.rootId }),
    ...(record.parentId !== null && { parentId: record.parentId }),
    ...(record.groupId !== null && { groupId: record.groupId }),
    // One more try, not a whole new row of them.
    retries: record.retries,
    headers,
  };
}

/** By queue where it is known; else by where it was published to. */
function placeOf({ queue, exchange, routingKey }: TaskRecord): SendOptions {
  if (queue !== null) return { queue };
  if (routingKey === null) return {};
  // The anonymous exchange routes to the queue of that name.
  return exchange === null || exchange === "" ? { queue: routingKey } : { exchange, routingKey };
}

function stampsOf({ stampsJson }: TaskRecord): SendOptions {
  const stamps = readExactObject(stampsJson);
  return stamps && Object.keys(stamps).length > 0 ? { stamps, stampedHeaders: Object.keys(stamps) } : {};
}

/** What only the message tells: limits of this one call, and who is called back. */
function ofMessage({ timeLimit, embed, shadow, ignoreResult }: TaskMessage): SendOptions {
  return {
    ...(timeLimit.hard !== null && { timeLimit: timeLimit.hard }),
    ...(timeLimit.soft !== null && { softTimeLimit: timeLimit.soft }),
    ...(embed.callbacks && { link: embed.callbacks }),
    ...(embed.errbacks && { linkError: embed.errbacks }),
    ...(shadow !== null && { shadow }),
    ...(ignoreResult !== null && { ignoreResult }),
  };
}

function followUpsOf({ embed, groupIndex, replacedTaskNesting }: TaskMessage): SendOptions {
  return {
    ...(embed.chain && { chain: embed.chain }),
    ...(embed.chord && { chord: embed.chord }),
    ...(groupIndex !== null && { groupIndex }),
    ...(replacedTaskNesting > 0 && { replacedTaskNesting }),
  };
}

/** Marks of brokers, deaths and our own bookkeeping are not the sender's headers. */
const NOT_SENT_AGAIN = /^(?:x-|redelivered$|lovage_)/;

function customHeaders(message: TaskMessage | undefined): Readonly<Record<string, unknown>> {
  const entries = Object.entries(message?.headers ?? {}).filter(([name]) => !NOT_SENT_AGAIN.test(name));
  return Object.fromEntries(entries);
}

/** Arguments longer than this are left to the task's own events, which leave them out too. Characters of JSON. */
const MAX_NOTED = 8 * 1024;

/** What the console knows of a task because it sent it. */
export function newsOfSending({ name, args, kwargs, options }: TaskToSend, now: Date): Partial<TaskRecord> {
  const { queue, priority, eta, countdown, rootId, parentId, groupId, headers, expires } = options;
  const due = eta ?? (countdown ? new Date(now.getTime() + countdown * 1000) : undefined);
  const argsJson = encodeJson(args);
  const kwargsJson = encodeJson(kwargs);
  return {
    name,
    state: "PENDING",
    sentMs: now.getTime(),
    ...(queue !== undefined && { queue }),
    ...(priority !== undefined && { priority }),
    ...(due && { etaMs: due.getTime() }),
    ...(typeof expires === "number" && { expiresMs: now.getTime() + expires * 1000 }),
    rootId: rootId ?? options.taskId,
    ...(parentId !== undefined && { parentId }),
    ...(groupId !== undefined && { groupId }),
    ...headerFacts(headers),
    ...(argsJson.length + kwargsJson.length <= MAX_NOTED && { argsJson, kwargsJson, argsSource: "event" }),
  };
}

function headerFacts(headers: unknown): Partial<TaskRecord> {
  if (!isObject(headers)) return {};
  const { [JOB_HEADER]: job, [JOB_RUN_HEADER]: runId, [RERUN_HEADER]: rerunOf } = headers;
  return {
    ...(typeof job === "string" && { job }),
    ...(typeof runId === "string" && { runId }),
    ...(typeof rerunOf === "string" && { rerunOf }),
  };
}
