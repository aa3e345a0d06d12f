import { z } from "@hono/zod-openapi";
import { Json } from "../../api/common.js";
import { TaskType, TaskTypeDetail } from "../../api/tasks.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError, type Route, route } from "../route.js";
import { toSummary } from "../tasks/task-summary.js";
import { histogramOf, optionsOf, sinceMs, taskTypesOf, typeOf } from "../tasks/task-types.js";

const TypeName = z.object({ name: z.string().min(1).max(1000) });
const TypeQuery = z.object({ q: z.string().max(500).optional() });
/** Failures that the page of a type lists. */
const RECENT = 10;

const listTypes = route(
  {
    method: "get",
    path: "/task-types",
    tag: "task types",
    summary: "Tasks by name: of the app, of workers, and those that have run in the last seven days",
    role: "viewer",
    query: TypeQuery,
    response: z.object({ items: z.array(TaskType) }),
  },
  async ({ parts, query }) => {
    const text = query.q?.trim().toLowerCase() ?? "";
    return { items: (await taskTypesOf(parts)).filter(({ name }) => name.toLowerCase().includes(text)) };
  },
);

const getType = route(
  {
    method: "get",
    path: "/task-types/{name}",
    tag: "task types",
    summary: "One of them: options, schema of its input, runtimes, recent failures",
    role: "viewer",
    params: TypeName,
    response: TaskTypeDetail,
  },
  async ({ parts, params: { name }, user }) => {
    const [row] = await parts.tasks.taskTypes(sinceMs(parts), name);
    const definition = parts.app.findTask(name);
    const registered = parts.fleet.registered();
    if (!row && !definition && !registered.has(name)) {
      throw new ApiError(404, "no_such_task_type", `no task ${name} is registered anywhere, and none has run lately`);
    }
    const failures = await parts.tasks.list({
      filter: { name, state: "FAILURE" },
      sort: "-received",
      limit: RECENT,
      cursor: undefined,
    });
    const options = { payloads: user.seesPayloads, nowMs: parts.now().getTime() };
    return {
      ...typeOf(parts.app, name, row, registered),
      description: definition?.options.description ?? null,
      options: definition ? optionsOf(definition) : {},
      schema: schemaOf(parts, name),
      passes: definition ? (definition.input ? ("kwargs" as const) : ("args" as const)) : null,
      histogram: histogramOf(row?.runtimes ?? []),
      recentFailures: failures.records.filter((each) => each.name === name).map((each) => toSummary(each, options)),
    };
  },
);

function schemaOf({ app }: ConsoleParts, name: string): Record<string, unknown> | null {
  const schema = app.inputSchema(name);
  return schema ? { ...schema } : null;
}

const getSchema = route(
  {
    method: "get",
    path: "/task-types/{name}/schema",
    tag: "task types",
    summary: "JSON Schema (2020-12) of a task's input",
    role: "viewer",
    params: TypeName,
    response: z.record(z.string(), Json),
  },
  async ({ parts, params: { name } }) => {
    const schema = schemaOf(parts, name);
    if (!schema) throw new ApiError(404, "no_schema", `${name} has no input schema that can be told in JSON Schema`);
    return schema;
  },
);

/** Kinds of tasks. */
export const taskTypesRoutes: readonly Route[] = [listTypes, getType, getSchema];
