import { z } from "@hono/zod-openapi";
import { RANGES } from "../../api/operations.js";
import { ErrorGroup } from "../../api/tasks.js";
import { errorFingerprint } from "../ingest/error-fingerprint.js";
import { type Route, route } from "../route.js";
import type { ErrorGroupRow } from "../store/task-store.js";

const ErrorQuery = z.object({
  range: z.enum(RANGES).default("24h"),
  task: z.string().max(1000).optional(),
  queue: z.string().max(255).optional(),
});

const RANGE_SECONDS: Readonly<Record<(typeof RANGES)[number], number>> = {
  "15m": 900,
  "1h": 3600,
  "6h": 21_600,
  "24h": 86_400,
  "7d": 604_800,
  "30d": 2_592_000,
};

const listErrors = route(
  {
    method: "get",
    path: "/errors",
    tag: "errors",
    summary: "Failures grouped by task, class and message, those that happen most first",
    role: "viewer",
    query: ErrorQuery,
    response: z.object({ items: z.array(ErrorGroup) }),
  },
  async ({ parts, query }) => {
    const toMs = parts.now().getTime();
    const fromMs = toMs - RANGE_SECONDS[query.range] * 1000;
    const groups = await parts.tasks.errorGroups({ fromMs, toMs, task: query.task, queue: query.queue });
    return { items: groups.map(toErrorGroup) };
  },
);

/** A group as the API shows it. */
export function toErrorGroup(row: ErrorGroupRow): z.input<typeof ErrorGroup> {
  const { fingerprint, task, count, trend, workers, sampleId } = row;
  const { class: errorClass, message } = errorFingerprint(task, row.error);
  return {
    fingerprint,
    class: errorClass,
    message,
    task,
    count,
    trend: [...trend],
    firstSeen: new Date(row.firstMs).toISOString(),
    lastSeen: new Date(row.lastMs).toISOString(),
    workers: [...workers],
    sampleId,
  };
}

/** Failures, grouped. */
export const errorsRoutes: readonly Route[] = [listErrors];
