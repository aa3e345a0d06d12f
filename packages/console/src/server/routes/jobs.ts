import { z } from "@hono/zod-openapi";
import { ActionReply } from "../../api/common.js";
import {
  JobDefinition,
  JobDetail,
  JobList,
  JobLogQuery,
  JobLogs,
  JobStats,
  RunDetail,
  RunListQuery,
  RunPage,
  StartedRun,
  StartRun,
} from "../../api/jobs.js";
import { runDetailOf } from "../jobs/run-detail.js";
import { ApiError, type Route, RouteReply, route } from "../route.js";

const JobName = z.object({ slug: z.string().min(1).max(100) });
const RunName = z.object({ id: z.string().min(1).max(1000) });

const slugOf = ({ params }: { readonly params: Readonly<Record<string, string>> }): string => params.slug ?? "";
const noRun = (id: string): ApiError => new ApiError(404, "no_such_run", `there is no run ${id}`);

/** The parts of a comma-separated list; none of an empty one. */
function listOf(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

const listJobs = route(
  {
    method: "get",
    path: "/jobs",
    tag: "jobs",
    summary: "Jobs of the program and those made here, with their last runs",
    role: "viewer",
    response: JobList,
  },
  async ({ parts, user }) => ({ items: [...(await parts.jobs.list({ payloads: user.seesPayloads }))] }),
);

const createJob = route(
  {
    method: "post",
    path: "/jobs",
    tag: "jobs",
    summary: "Make a job: a saved use of a task",
    role: "operator",
    body: JobDefinition,
    response: JobDetail,
    status: 201,
    audit: { action: "create job", target: ({ body }) => titleIn(body) },
  },
  async ({ parts, body, user }) => {
    const job = await parts.jobs.create(body, user);
    return new RouteReply(job, { status: 201, headers: etagHeader(job.etag) });
  },
);

function titleIn(body: unknown): string {
  const title: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "title") : undefined;
  return typeof title === "string" ? title : "";
}

function etagHeader(etag: string | null): Readonly<Record<string, string>> {
  return etag === null ? {} : { etag };
}

const getJob = route(
  {
    method: "get",
    path: "/jobs/{slug}",
    tag: "jobs",
    summary: "One job",
    role: "viewer",
    params: JobName,
    response: JobDetail,
  },
  async ({ parts, params, user }) => {
    const job = await parts.jobs.get(params.slug, { payloads: user.seesPayloads, edits: user.role !== "viewer" });
    return new RouteReply(job, { headers: etagHeader(job.etag) });
  },
);

const replaceJob = route(
  {
    method: "put",
    path: "/jobs/{slug}",
    tag: "jobs",
    summary: "Change a job that was made here; `If-Match` names the version that is changed",
    role: "operator",
    params: JobName,
    body: JobDefinition,
    response: JobDetail,
    audit: { action: "change job", target: slugOf },
  },
  async ({ parts, params, body, headers, user }) => {
    const job = await parts.jobs.replace(params.slug, body, headers.get("if-match"), user);
    return new RouteReply(job, { headers: etagHeader(job.etag) });
  },
);

const deleteJob = route(
  {
    method: "delete",
    path: "/jobs/{slug}",
    tag: "jobs",
    summary: "Delete a job that was made here; its runs stay",
    role: "operator",
    params: JobName,
    response: z.object({ slug: z.string() }),
    audit: { action: "delete job", target: slugOf },
  },
  async ({ parts, params }) => {
    await parts.jobs.remove(params.slug);
    return { slug: params.slug };
  },
);

const listRuns = route(
  {
    method: "get",
    path: "/jobs/{slug}/runs",
    tag: "jobs",
    summary: "A job's runs, newest first",
    role: "viewer",
    params: JobName,
    query: RunListQuery,
    response: RunPage,
  },
  async ({ parts, params, query, user }) => {
    const page = { limit: query.limit, cursor: query.cursor, states: listOf(query.state) };
    const { items, nextCursor, total } = await parts.jobs.listRuns(params.slug, page, { payloads: user.seesPayloads });
    return { items, nextCursor, total: { count: total, exact: true } };
  },
);

const startRun = route(
  {
    method: "post",
    path: "/jobs/{slug}/runs",
    tag: "jobs",
    summary: "Run a job",
    role: "operator",
    params: JobName,
    body: StartRun,
    response: StartedRun,
    status: 201,
    audit: { action: "run job", target: slugOf },
  },
  async ({ parts, params, body, user }) => {
    const { id, number } = await parts.jobs.startRun(params.slug, body.parameters, user);
    return { id, number };
  },
);

const getRun = route(
  {
    method: "get",
    path: "/runs/{id}",
    tag: "jobs",
    summary: "One run",
    role: "viewer",
    params: RunName,
    response: RunDetail,
  },
  async ({ parts, params, user }) => {
    const run = await parts.jobs.findRun(params.id);
    if (!run) throw noRun(params.id);
    return await runDetailOf(parts, run, user);
  },
);

const stopRun = route(
  {
    method: "post",
    path: "/runs/{id}/stop",
    tag: "jobs",
    summary: "Stop a run: revoke those of its tasks that wait, ask those that run to stop",
    role: "operator",
    params: RunName,
    response: ActionReply,
    audit: { action: "stop run", target: ({ params }) => params.id ?? "" },
  },
  async ({ parts, params, user }) => {
    const outcomes = await parts.jobs.stopRun(params.id, user);
    if (!outcomes) throw noRun(params.id);
    return { outcomes: [...outcomes] };
  },
);

const getStats = route(
  {
    method: "get",
    path: "/jobs/{slug}/stats",
    tag: "jobs",
    summary: "Statistics over a job's runs",
    role: "viewer",
    params: JobName,
    response: JobStats,
  },
  async ({ parts, params }) => await parts.jobs.stats(params.slug),
);

const getLogs = route(
  {
    method: "get",
    path: "/jobs/{slug}/logs",
    tag: "jobs",
    summary: "What a job's runs logged, newest first",
    role: "viewer",
    params: JobName,
    query: JobLogQuery,
    response: JobLogs,
  },
  async ({ parts, params, query, user }) => {
    if (!user.seesPayloads) return { items: [], nextBefore: null };
    const { q, level, run, before, limit } = query;
    return await parts.jobs.logs(params.slug, { q, run, before, limit, levels: listOf(level) });
  },
);

/** Jobs and their runs. */
export const jobsRoutes: readonly Route[] = [
  listJobs,
  createJob,
  getJob,
  replaceJob,
  deleteJob,
  listRuns,
  startRun,
  getRun,
  stopRun,
  getStats,
  getLogs,
];
