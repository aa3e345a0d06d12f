import { z } from "@hono/zod-openapi";
import { ListQuery } from "../../api/common.js";
import { Operation, OperationDetail, OperationPage, StartOperation, StopAllCounts } from "../../api/operations.js";
import { TaskFilter } from "../../api/tasks.js";
import { csvLine } from "../http/export-rows.js";
import type { OperationRunner } from "../operations/operation-runner.js";
import { ApiError, type Route, route, StreamReply } from "../route.js";

const OperationName = z.object({ id: z.string().min(1).max(100) });
const Outcome = z.enum(["done", "failed", "skipped"]);
const ItemQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().optional(),
  outcome: Outcome.optional(),
});
const DownloadQuery = z.object({ format: z.enum(["csv", "json"]).default("csv"), outcome: Outcome.optional() });

/** Items that a download reads at a time. */
const PAGE = 1000;

const noOperation = (id: string): ApiError => new ApiError(404, "no_such_operation", `there is no operation ${id}`);

const listOperations = route(
  {
    method: "get",
    path: "/operations",
    tag: "operations",
    summary: "What was done in bulk, newest first",
    role: "viewer",
    query: ListQuery,
    response: OperationPage,
  },
  async ({ parts, query }) => {
    const { items, nextCursor, total } = await parts.operations.list({ limit: query.limit, cursor: query.cursor });
    return { items: [...items], nextCursor, total: { count: total, exact: true } };
  },
);

const startOperation = route(
  {
    method: "post",
    path: "/operations",
    tag: "operations",
    summary: "Do something with many tasks; it goes on in the background, and after a restart",
    role: "operator",
    body: StartOperation,
    response: Operation,
    status: 202,
    audit: { action: "start operation", target: ({ body }) => kindIn(body) },
  },
  async ({ parts, body, user }) => await parts.operations.start(body, user),
);

function kindIn(body: unknown): string {
  const kind: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "kind") : undefined;
  return typeof kind === "string" ? kind : "";
}

const stopAllCounts = route(
  {
    method: "get",
    path: "/operations/stop-all",
    tag: "operations",
    summary: "How many tasks that match wait, and how many run: what a stop-all would end now",
    role: "viewer",
    query: TaskFilter,
    response: StopAllCounts,
  },
  async ({ parts, query }) => await parts.operations.stopAllCounts(query),
);

const getOperation = route(
  {
    method: "get",
    path: "/operations/{id}",
    tag: "operations",
    summary: "One operation, with what became of its tasks",
    role: "viewer",
    params: OperationName,
    query: ItemQuery,
    response: OperationDetail,
  },
  async ({ parts, params, query }) => {
    const operation = await parts.operations.get(params.id);
    if (!operation) throw noOperation(params.id);
    const { items, nextCursor } = await parts.operations.items(params.id, query);
    return { ...operation, items: [...items], nextCursor };
  },
);

const downloadItems = route(
  {
    method: "get",
    path: "/operations/{id}/items",
    tag: "operations",
    summary: "What became of each task, as CSV or JSON",
    role: "viewer",
    params: OperationName,
    query: DownloadQuery,
    response: z.string(),
    contentType: "text/csv",
    deadline: 600,
  },
  async ({ parts, params, query }) => {
    if (!(await parts.operations.get(params.id))) throw noOperation(params.id);
    const fileName = `operation-${params.id}.${query.format}`;
    const contentType = query.format === "csv" ? "text/csv; charset=utf-8" : "application/json";
    return new StreamReply(writeItems(parts.operations, params.id, query), { contentType, fileName });
  },
);

async function* writeItems(
  operations: OperationRunner,
  id: string,
  { format, outcome }: z.output<typeof DownloadQuery>,
): AsyncGenerator<string> {
  let separator = "[\n";
  if (format === "csv") yield csvLine(["target", "outcome", "detail"]);
  for (let cursor: string | undefined; ; ) {
    const page = await operations.items(id, { limit: PAGE, cursor, outcome });
    if (format === "csv") {
      yield page.items.map((item) => csvLine([item.target, item.outcome, item.detail])).join("");
    } else if (page.items.length > 0) {
      yield separator + page.items.map((item) => JSON.stringify(item)).join(",\n");
      separator = ",\n";
    }
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  if (format === "json") yield separator === "[\n" ? "[]\n" : "\n]\n";
}

const cancelOperation = route(
  {
    method: "post",
    path: "/operations/{id}/cancel",
    tag: "operations",
    summary: "End an operation; what it has done stays done",
    role: "operator",
    params: OperationName,
    response: Operation,
    audit: { action: "cancel operation", target: ({ params }) => params.id ?? "" },
  },
  async ({ parts, params }) => {
    const operation = await parts.operations.cancel(params.id);
    if (!operation) throw noOperation(params.id);
    return operation;
  },
);

/** Bulk operations. `/operations/stop-all` stands before `/operations/{id}`, which would match it too. */
export const operationsRoutes: readonly Route[] = [
  listOperations,
  startOperation,
  stopAllCounts,
  getOperation,
  downloadItems,
  cancelOperation,
];
