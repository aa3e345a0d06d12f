import { readFile } from "node:fs/promises";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { NoSuchRecordError, type Repository } from "../storage/repository.js";
import { guard } from "./guard.js";
import { parseJobForm } from "./job-form.js";
import { jobPage, POSTS_PER_PAGE } from "./pages/job-page.js";
import { jobsPage } from "./pages/jobs-page.js";
import { errorPage } from "./pages/layout.js";
import { postPage } from "./pages/post-page.js";
import { runPage, viewRun } from "./pages/run-page.js";

export interface PagesDeps {
  readonly repository: Repository;
  /** Sends the task that runs a job and returns its id, which is the run's id too. */
  readonly startRun: (jobId: number) => Promise<string>;
  readonly now: () => Date;
  /** Told about errors that no page foresees. */
  readonly onError: (error: Error) => void;
}

const ASSETS: Readonly<Record<string, string>> = {
  "style.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "leaf.svg": "image/svg+xml",
};
const RUNS_SHOWN = 20;
const LOG_LINES_SHOWN = 1000;
const FORM_SIZE_BYTES = 64 * 1024;

/** All addresses of the page server. Pages for people; `POST /jobs/:id/run` and `GET /runs/:id/state` also for programs. */
export function createPages(deps: PagesDeps): Hono {
  const app = new Hono();
  app.use(guard());
  app.use(bodyLimit({ maxSize: FORM_SIZE_BYTES, onError: (c) => c.text("that form is too large\n", 413) }));

  app.get("/", async (c) => c.html(jobsPage(await deps.repository.listJobs())));
  app.post("/jobs", (c) => createJob(c, deps));
  app.get("/jobs/:id", (c) => showJob(c, deps));
  app.post("/jobs/:id/run", (c) => runJob(c, deps));
  app.get("/runs/:id", (c) => showRun(c, deps));
  app.get("/runs/:id/state", (c) => showRunState(c, deps));
  app.get("/posts/:id", (c) => showPost(c, deps));
  app.get("/assets/:name", (c) => serveAsset(c));

  app.notFound((c) => notFound(c, "There is no such page."));
  app.onError((error, c) => {
    if (error instanceof NoSuchRecordError) return notFound(c, "It does not exist, or not any more.");
    deps.onError(error);
    if (!wantsPage(c)) return c.json({ error: "internal error" }, 500);
    return c.html(errorPage("Something went wrong", "The server could not do that. Its log says why."), 500);
  });
  return app;
}

async function createJob(c: Context, { repository }: PagesDeps): Promise<Response> {
  const form = parseJobForm(await c.req.parseBody());
  if (!form.ok) return c.html(jobsPage(await repository.listJobs(), form), 422);
  const job = await repository.createJob(form.draft);
  return c.redirect(`/jobs/${job.id}`, 303);
}

async function showJob(c: Context, { repository, now }: PagesDeps): Promise<Response> {
  const job = await repository.findJob(idOf(c));
  if (job === undefined) return notFound(c, "There is no such job.");
  const postCount = await repository.countPosts(job.id);
  const pages = Math.max(1, Math.ceil(postCount / POSTS_PER_PAGE));
  const page = Math.min(pages, wholeNumber(c.req.query("page")) || 1);
  const posts = await repository.listPosts(job.id, { offset: (page - 1) * POSTS_PER_PAGE, limit: POSTS_PER_PAGE });
  const runs = await repository.listRuns(job.id, RUNS_SHOWN);
  return c.html(jobPage({ job, runs, posts, postCount, page, now: now() }));
}

/** Programs get 202 with the task's id at once; a browser is sent to the page of the run. */
async function runJob(c: Context, { repository, startRun }: PagesDeps): Promise<Response> {
  const job = await repository.findJob(idOf(c));
  if (job === undefined) return notFound(c, "There is no such job.");
  const taskId = await startRun(job.id);
  const location = `/runs/${taskId}`;
  if (wantsPage(c)) return c.redirect(location, 303);
  return c.json({ taskId, run: location }, 202, { location });
}

async function showRun(c: Context, { repository, now }: PagesDeps): Promise<Response> {
  const run = await repository.findRun(c.req.param("id") ?? "");
  const job = run === undefined ? undefined : await repository.findJob(run.jobId);
  if (run === undefined || job === undefined) return notFound(c, "There is no such run.");
  return c.html(runPage(job, run, await repository.listLog(run.id, 0, LOG_LINES_SHOWN), now()));
}

/** The state of a run and the log entries after the one named by `?after=`. */
async function showRunState(c: Context, { repository, now }: PagesDeps): Promise<Response> {
  // The run first: should it end in between, the log is then complete all the same.
  const run = await repository.findRun(c.req.param("id") ?? "");
  if (run === undefined) return notFound(c, "There is no such run.");
  const log = await repository.listLog(run.id, wholeNumber(c.req.query("after")), LOG_LINES_SHOWN);
  return c.json({ ...viewRun(run, now()), log });
}

async function showPost(c: Context, { repository }: PagesDeps): Promise<Response> {
  const post = await repository.findPost(idOf(c));
  const job = post === undefined ? undefined : await repository.findJob(post.jobId);
  if (post === undefined || job === undefined) return notFound(c, "There is no such post.");
  return c.html(postPage(job, post));
}

async function serveAsset(c: Context): Promise<Response> {
  const name = c.req.param("name") ?? "";
  const contentType = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  if (contentType === undefined) return notFound(c, "There is no such file.");
  // The same folder seen from src/web and from dist/web.
  const body = await readFile(new URL(`../../assets/${name}`, import.meta.url), "utf8");
  return c.body(body, 200, { "content-type": contentType });
}

function notFound(c: Context, text: string): Response | Promise<Response> {
  return wantsPage(c) ? c.html(errorPage("Not found", text), 404) : c.json({ error: text }, 404);
}

function wantsPage(c: Context): boolean {
  return (c.req.header("accept") ?? "").includes("text/html");
}

/** The id in the address; 0, which nothing has, when it is not a number. */
function idOf(c: Context): number {
  return wholeNumber(c.req.param("id"));
}

function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
