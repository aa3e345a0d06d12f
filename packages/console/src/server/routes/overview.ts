import { z } from "@hono/zod-openapi";
import { maskUrls } from "lovage/internal";
import { AttentionItem, Overview, Series, SeriesQuery } from "../../api/operations.js";
import { errorParts } from "../ingest/error-fingerprint.js";
import { percentile } from "../jobs/job-stats.js";
import { chartOf } from "../overview/chart-series.js";
import type { ConsoleParts } from "../parts.js";
import { type Route, route } from "../route.js";
import { parseFields } from "../store/stored-json.js";
import type { TaskRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";

/** Rows of each list of the overview, and milliseconds that they look back. */
const ROWS = 5;
const LOOK_BACK_MS = 3600_000;

const getOverview = route(
  {
    method: "get",
    path: "/overview",
    tag: "overview",
    summary: "Whether it is healthy and what needs a person",
    role: "viewer",
    response: Overview,
  },
  async ({ parts }) => {
    await parts.overview.refresh();
    const { tasks, overview, queues, app } = parts;
    const nowMs = parts.now().getTime();
    const [topErrors, slowest, longestRunning] = await Promise.all([
      topErrorsOf(tasks, nowMs),
      slowestOf(tasks, nowMs),
      longestRunningOf(tasks, nowMs),
    ]);
    const { reachable, error } = queues.state;
    return {
      tiles: overview.tiles,
      attention: [...overview.attention],
      topErrors,
      slowest,
      longestRunning,
      broker: { reachable, url: maskUrls(app.settings.brokerUrl), error },
    };
  },
);

type OverviewData = z.infer<typeof Overview>;

async function topErrorsOf(tasks: TaskStore, nowMs: number): Promise<OverviewData["topErrors"]> {
  const groups = await tasks.errorGroups({ fromMs: nowMs - LOOK_BACK_MS, toMs: nowMs });
  return [...groups]
    .sort((a, b) => b.count - a.count)
    .slice(0, ROWS)
    .map(({ fingerprint, task, error, count }) => ({ fingerprint, task, ...errorParts(error), count }));
}

async function slowestOf(tasks: TaskStore, nowMs: number): Promise<OverviewData["slowest"]> {
  const types = await tasks.taskTypes(nowMs - LOOK_BACK_MS);
  return types
    .flatMap(({ name, runtimes, runs }) => {
      const p95 = percentile(runtimes, 0.95);
      return p95 === null ? [] : [{ task: name, p95, runs }];
    })
    .sort((a, b) => b.p95 - a.p95)
    .slice(0, ROWS);
}

async function longestRunningOf(tasks: TaskStore, nowMs: number): Promise<OverviewData["longestRunning"]> {
  const filter = { state: "STARTED,PROGRESS" };
  const { records } = await tasks.list({ filter, sort: "started", limit: ROWS, cursor: undefined });
  return records.map((record) => ({
    id: record.id,
    name: record.name,
    worker: record.worker,
    elapsed: Math.max(0, (nowMs - (record.startedMs ?? record.firstMs)) / 1000),
    progress: progressOf(record),
  }));
}

function progressOf({ progressJson }: TaskRecord): OverviewData["longestRunning"][number]["progress"] {
  const { current, total } = parseFields(progressJson);
  if (typeof current !== "number") return null;
  return { current, total: typeof total === "number" ? total : null };
}

const getSeries = route(
  {
    method: "get",
    path: "/series",
    tag: "overview",
    summary: "A metric over time, up to now; `by` narrows it to a queue, a task or a worker",
    role: "viewer",
    query: SeriesQuery,
    response: Series,
  },
  async ({ parts, query: { metric, range, by } }) => await chartOf(parts.series, { metric, range, by }, parts.now()),
);

const AttentionItems = z.object({ items: z.array(AttentionItem) });

const getAttention = route(
  {
    method: "get",
    path: "/attention",
    tag: "overview",
    summary: "What needs a person now, the serious first",
    role: "viewer",
    response: AttentionItems,
  },
  async ({ parts }) => await attentionOf(parts),
);

async function attentionOf({ overview }: ConsoleParts): Promise<{ items: AttentionItem[] }> {
  await overview.refresh();
  return { items: [...overview.attention] };
}

/** The first page: figures, warnings, charts. */
export const overviewRoutes: readonly Route[] = [getOverview, getSeries, getAttention];
