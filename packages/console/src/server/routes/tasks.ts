import { z } from "@hono/zod-openapi";
import { type ActionOutcome, ActionReply } from "../../api/common.js";
import {
  Attempt,
  LogPage,
  RerunTask,
  SendTask,
  SentTask,
  TASK_VALUE_NAMES,
  TaskDetail,
  TaskEvent,
  TaskFilter,
  TaskListQuery,
  TaskPage,
  TaskRaw,
  TaskTree,
  TerminateTask,
} from "../../api/tasks.js";
import { attemptsOf } from "../actions/attempts.js";
import { ApiError, type Route, route, StreamReply, type User } from "../route.js";
import type { StoreFilter, TaskListResult } from "../store/task-store.js";
import { findRecord, recallRecord } from "../tasks/find-record.js";
import { detailOf } from "../tasks/task-detail.js";
import { exportCsv, exportJson, orderedStates, TASK_SORTS } from "../tasks/task-export.js";
import { rawOf } from "../tasks/task-raw.js";
import { toEvent, toLogLine, toSummary } from "../tasks/task-summary.js";
import { wholeValueOf } from "../tasks/whole-value.js";

const TaskName = z.object({ id: z.string().min(1).max(1000) });
const ExportQuery = TaskFilter.extend({
  format: z.enum(["csv", "json"]).default("csv"),
  sort: z.string().max(60).optional(),
});
const LogQuery = z.object({
  /** Of the last line that is known. */
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
});

/** Tasks of a family that are listed at most. */
const MOST_FAMILY = 500;
const NEWEST_FIRST = "-received";

function sortOf(sort: string | undefined): string {
  if (sort === undefined || TASK_SORTS.includes(sort.replace(/^-/, ""))) return sort ?? NEWEST_FIRST;
  const message = `tasks are sorted by ${TASK_SORTS.join(", ")}, not by ${sort}`;
  throw new ApiError(400, "validation", message, { errors: [{ path: "sort", message }] });
}

/** The filters of a query without what else it says. */
function filterOf(query: TaskFilter, { seesPayloads }: User): StoreFilter {
  return { ...TaskFilter.parse(query), searchesPayloads: seesPayloads };
}

const idOf = ({ params }: { readonly params: Readonly<Record<string, string>> }): string => params.id ?? "";

const listTasks = route(
  {
    method: "get",
    path: "/tasks",
    tag: "tasks",
    summary: "Tasks that match the filters and the search",
    role: "viewer",
    query: TaskListQuery,
    response: TaskPage,
  },
  async ({ parts, query, user }) => {
    const { limit, cursor, sort } = query;
    const found = await parts.tasks.list({ filter: filterOf(query, user), sort: sortOf(sort), limit, cursor });
    const options = { payloads: user.seesPayloads, nowMs: parts.now().getTime() };
    return {
      items: found.records.map((record) => toSummary(record, options)),
      nextCursor: found.nextCursor,
      total: { ...found.total },
      states: orderedStates(found.states),
      searched: searchedOf(found),
    };
  },
);

function searchedOf({ searchedToMs }: TaskListResult): TaskPage["searched"] {
  if (searchedToMs === undefined) return null;
  return { to: searchedToMs === null ? null : new Date(searchedToMs).toISOString() };
}

const exportTasks = route(
  {
    method: "get",
    path: "/tasks/export",
    tag: "tasks",
    summary: "The tasks that match, at most 100,000, as CSV or JSON",
    role: "viewer",
    query: ExportQuery,
    response: z.string(),
    contentType: "text/csv",
    deadline: 600,
  },
  async ({ parts, query, user }) => {
    const request = {
      filter: filterOf(query, user),
      sort: sortOf(query.sort),
      payloads: user.seesPayloads,
      nowMs: parts.now().getTime(),
    };
    // A bad query is refused before anything is written.
    await parts.tasks.list({ filter: request.filter, sort: request.sort, limit: 1, cursor: undefined });
    return query.format === "csv"
      ? new StreamReply(exportCsv(parts.tasks, request), {
          contentType: "text/csv; charset=utf-8",
          fileName: "tasks.csv",
        })
      : new StreamReply(exportJson(parts.tasks, request), { contentType: "application/json", fileName: "tasks.json" });
  },
);

const sendTask = route(
  {
    method: "post",
    path: "/tasks",
    tag: "tasks",
    summary: "Send a task, once its own schema takes its arguments",
    role: "operator",
    body: SendTask,
    response: SentTask,
    status: 201,
    audit: { action: "send task", target: ({ body }) => nameIn(body) },
  },
  async ({ parts, body, user }) => await parts.actions.send(body, user),
);

function nameIn(body: unknown): string {
  const name: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "name") : undefined;
  return typeof name === "string" ? name : "";
}

const getTask = route(
  {
    method: "get",
    path: "/tasks/{id}",
    tag: "tasks",
    summary: "One task; one that no event has told of is looked for in the result backend",
    role: "viewer",
    params: TaskName,
    response: TaskDetail,
  },
  async ({ parts, params, user }) => {
    const record = await recallRecord(parts, await findRecord(parts, params.id));
    return await detailOf(parts, record, user);
  },
);

const forgetTask = route(
  {
    method: "delete",
    path: "/tasks/{id}",
    tag: "tasks",
    summary: "Forget the record of a task that is over",
    role: "operator",
    params: TaskName,
    response: ActionReply,
    audit: { action: "forget task", target: idOf },
  },
  async ({ parts, params, user }) => {
    const record = await parts.tasks.get(params.id);
    if (!record) throw new ApiError(404, "no_record", `no record of task ${params.id}; it may have expired`);
    return replyOf(await parts.actions.forget([params.id], user));
  },
);

const taskEvents = route(
  {
    method: "get",
    path: "/tasks/{id}/events",
    tag: "tasks",
    summary: "All events of a task, oldest first",
    role: "viewer",
    params: TaskName,
    response: z.object({ items: z.array(TaskEvent) }),
  },
  async ({ parts, params, user }) => {
    await findRecord(parts, params.id);
    const events = await parts.tasks.events(params.id);
    return { items: events.map((event) => toEvent(event, { payloads: user.seesPayloads })) };
  },
);

const taskAttempts = route(
  {
    method: "get",
    path: "/tasks/{id}/attempts",
    tag: "tasks",
    summary: "Each try of a task, and how it ended",
    role: "viewer",
    params: TaskName,
    response: z.object({ items: z.array(Attempt) }),
  },
  async ({ parts, params }) => {
    const record = await findRecord(parts, params.id);
    return { items: [...attemptsOf(await parts.tasks.events(params.id), record.state)] };
  },
);

const taskLogs = route(
  {
    method: "get",
    path: "/tasks/{id}/logs",
    tag: "tasks",
    summary: "What a task logged, oldest first, from the line after `after` on",
    role: "viewer",
    params: TaskName,
    query: LogQuery,
    response: LogPage,
  },
  async ({ parts, params, query, user }) => {
    const record = await findRecord(parts, params.id);
    if (!user.seesPayloads) return { items: [], nextSeq: query.after, cut: record.logsCut };
    const lines = await parts.tasks.logs(params.id, { afterSeq: query.after, limit: query.limit });
    return { items: lines.map(toLogLine), nextSeq: lines.at(-1)?.seq ?? query.after, cut: record.logsCut };
  },
);

const taskCanvas = route(
  {
    method: "get",
    path: "/tasks/{id}/canvas",
    tag: "tasks",
    summary: "The family of a task, from its root",
    role: "viewer",
    params: TaskName,
    response: TaskTree,
  },
  async ({ parts, params, user }) => {
    const record = await findRecord(parts, params.id);
    const rootId = record.rootId ?? record.id;
    const family = await parts.tasks.family(rootId, MOST_FAMILY + 1);
    const options = { payloads: user.seesPayloads, nowMs: parts.now().getTime() };
    const shown = family.slice(0, MOST_FAMILY);
    // The task itself belongs on its own page, however large its family is.
    const listed = shown.some(({ id }) => id === record.id) ? shown : [...shown.slice(0, MOST_FAMILY - 1), record];
    return { rootId, tasks: listed.map((each) => toSummary(each, options)), cut: family.length > MOST_FAMILY };
  },
);

const taskRaw = route(
  {
    method: "get",
    path: "/tasks/{id}/raw",
    tag: "tasks",
    summary: "A task's message while it can be looked at, its record in the result backend, and its events",
    role: "viewer",
    params: TaskName,
    response: TaskRaw,
  },
  async ({ parts, params, user }) => await rawOf(parts, await findRecord(parts, params.id), user),
);

const taskValue = route(
  {
    method: "get",
    path: "/tasks/{id}/values/{value}",
    tag: "tasks",
    summary: "A task's arguments or result, whole, as a file: JSON, or the text that a worker made of it",
    role: "viewer",
    params: TaskName.extend({ value: z.enum(TASK_VALUE_NAMES) }),
    response: z.string(),
    contentType: "application/json",
  },
  async ({ parts, params, user }) => {
    const { id, value } = params;
    if (!user.seesPayloads)
      throw new ApiError(403, "forbidden", `arguments and results are hidden from the role ${user.role}`);
    const { text, form } = await wholeValueOf(parts, await findRecord(parts, id), value);
    return form === "json"
      ? new StreamReply(once(text), { contentType: "application/json", fileName: `${id}-${value}.json` })
      : new StreamReply(once(text), { contentType: "text/plain; charset=utf-8", fileName: `${id}-${value}.txt` });
  },
);

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

const revokeTask = route(
  {
    method: "post",
    path: "/tasks/{id}/revoke",
    tag: "tasks",
    summary: "Tell all workers not to run a task",
    role: "operator",
    params: TaskName,
    response: ActionReply,
    audit: { action: "revoke task", target: idOf },
  },
  async ({ parts, params, user }) => replyOf(await parts.actions.revoke([params.id], user)),
);

const stopTask = route(
  {
    method: "post",
    path: "/tasks/{id}/stop",
    tag: "tasks",
    summary: "Ask a running task to stop, by its signal",
    role: "operator",
    params: TaskName,
    response: ActionReply,
    audit: { action: "stop task", target: idOf },
  },
  async ({ parts, params, user }) => replyOf(await parts.actions.stop([params.id], user)),
);

const terminateTask = route(
  {
    method: "post",
    path: "/tasks/{id}/terminate",
    tag: "tasks",
    summary: "End a running task from outside; the reply says what that does in its worker's pool",
    role: "operator",
    params: TaskName,
    body: TerminateTask,
    response: ActionReply,
    audit: { action: "terminate task", target: idOf },
  },
  async ({ parts, params, body, user }) => replyOf(await parts.actions.terminate([params.id], body.signal, user)),
);

const rerunTask = route(
  {
    method: "post",
    path: "/tasks/{id}/rerun",
    tag: "tasks",
    summary: "Send a task again under a new id, with the arguments it had, or with changes",
    role: "operator",
    params: TaskName,
    body: RerunTask,
    response: SentTask,
    status: 201,
    audit: { action: "re-run task", target: idOf },
  },
  async ({ parts, params, body, user }) => {
    const changes = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
    return await parts.actions.rerun(params.id, changes, user);
  },
);

const retryTask = route(
  {
    method: "post",
    path: "/tasks/{id}/retry",
    tag: "tasks",
    summary: "Send a task that is over again under its own id, in its place in its family",
    role: "operator",
    params: TaskName,
    response: SentTask,
    status: 201,
    audit: { action: "retry task", target: idOf },
  },
  async ({ parts, params, user }) => await parts.actions.retry(params.id, user),
);

function replyOf(outcomes: readonly ActionOutcome[]): { outcomes: ActionOutcome[] } {
  return { outcomes: [...outcomes] };
}

/** Everything about tasks. `/tasks/export` stands before `/tasks/{id}`, which would match it too. */
export const tasksRoutes: readonly Route[] = [
  listTasks,
  exportTasks,
  sendTask,
  getTask,
  forgetTask,
  taskEvents,
  taskAttempts,
  taskLogs,
  taskCanvas,
  taskRaw,
  taskValue,
  revokeTask,
  stopTask,
  terminateTask,
  rerunTask,
  retryTask,
];
