import type { Logger, Lovage } from "lovage";
import { isFields, type JobDefinition } from "lovage/internal";
import type { ActionOutcome } from "../../api/common.js";
import type {
  JobDefinition as AskedDefinition,
  JobDetail,
  JobLogs,
  JobStats,
  JobSummary,
  RunSummary,
} from "../../api/jobs.js";
import type { ActionDesk } from "../actions/action-desk.js";
import { objectFromApi } from "../actions/exact-json.js";
import { phaseOf } from "../actions/task-phases.js";
import { holdsMask, redactValue } from "../ingest/redact.js";
import type { Ingest, Jobs, LiveHub } from "../parts.js";
import { ApiError, type User } from "../route.js";
import type { Database } from "../store/database.js";
import type { TaskRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import { toLogLine } from "../tasks/task-summary.js";
import { JobDefinitionStore, type StoredJob } from "./job-definition-store.js";
import { formOf } from "./job-form.js";
import { finishedLength, percentile, statsOf } from "./job-stats.js";
import { RunSender } from "./run-sender.js";
import { RunStore, type StoredRun, WAITING } from "./run-store.js";
import { RunTracker } from "./run-tracker.js";
import { toRunSummary } from "./run-view.js";

/** Milliseconds between looks for what was not heard. */
const CATCH_UP_MS = 15_000;
/** Runs that the share of successes, and the length shown in the list, are taken over. */
const LATEST = 50;
/** Runs that statistics are taken over. */
const MOST_COUNTED = 5000;
/** Tasks of a run that stopping it reaches. */
const MOST_STOPPED = 500;

export interface JobBookOptions {
  readonly app: Lovage;
  readonly database: Database;
  readonly tasks: TaskStore;
  readonly ingest: Pick<Ingest, "onTasks" | "makeGood">;
  readonly actions: ActionDesk;
  readonly live: Pick<LiveHub, "publish">;
  readonly logger: Logger;
  /** @default the system's */
  readonly now?: () => Date;
}

/** A job, and where it is written down: in the program, or here, with the version of it. */
interface KnownJob {
  readonly definition: JobDefinition;
  readonly source: "app" | "console";
  readonly version: number | null;
}

/** The jobs of the program, which are read-only, and those made in the console; their runs, however they were started. */
export class JobBook implements Jobs {
  readonly #options: JobBookOptions;
  readonly #definitions: JobDefinitionStore;
  readonly #runs: RunStore;
  readonly #sender: RunSender;
  readonly #tracker: RunTracker;
  readonly #now: () => Date;
  #consoleSlugs: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #catchingUp: Promise<void> | undefined;

  constructor(options: JobBookOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.#definitions = new JobDefinitionStore(options);
    this.#runs = new RunStore(options);
    const shared = { ...options, runs: this.#runs, now: this.#now };
    this.#sender = new RunSender(shared);
    this.#tracker = new RunTracker({ ...shared, onEnded: (job) => this.#sender.giveTurn(job) });
  }

  /** Makes the tables, makes good what was missed, and goes on with runs that wait for their turn. Idempotent. */
  async start(): Promise<void> {
    if (this.#timer) return;
    await this.#definitions.open();
    await this.#runs.open();
    this.#consoleSlugs = (await this.#definitions.list()).map(({ definition }) => definition.slug);
    this.#tracker.start();
    this.#timer = setInterval(() => this.#catchUpLater([]), CATCH_UP_MS);
    this.#catchUpLater(this.jobSlugs);
    await this.#catchingUp;
  }

  /** Resolves when what is under way is done. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#tracker.stop();
    await this.#catchingUp;
  }

  #catchUpLater(jobs: readonly string[]): void {
    this.#catchingUp ??= this.#catchUp(jobs).finally(() => {
      this.#catchingUp = undefined;
    });
  }

  async #catchUp(jobs: readonly string[]): Promise<void> {
    try {
      await this.#tracker.catchUp(jobs);
      await this.#sender.catchUp();
    } catch (error) {
      this.#options.logger.warn("runs of jobs could not be brought up to date", { error: String(error) });
    }
  }

  get jobSlugs(): readonly string[] {
    return [...new Set([...this.#options.app.jobSlugs, ...this.#consoleSlugs])].sort();
  }

  async counts(): Promise<readonly { readonly job: string; readonly state: string; readonly runs: number }[]> {
    return (await this.#runs.counts()).map(({ job, state, runs }) => ({ job, state, runs }));
  }

  /** All jobs, by slug. */
  async list(options: { readonly payloads: boolean }): Promise<readonly JobSummary[]> {
    const stored = await this.#definitions.list();
    this.#consoleSlugs = stored.map(({ definition }) => definition.slug);
    const known = [
      ...this.#programJobs(),
      ...stored.filter(({ definition }) => !this.#options.app.findJob(definition.slug)).map(ofConsole),
    ];
    known.sort((a, b) => (a.definition.slug < b.definition.slug ? -1 : 1));
    const counts = await this.#runs.counts();
    return await Promise.all(known.map((job) => this.#summary(job, counts, options)));
  }

  /** Throws an `ApiError` (404, `no_such_job`). */
  async get(slug: string, options: JobReader): Promise<JobDetail> {
    const job = await this.#known(slug);
    const { definition, version } = job;
    const summary = await this.#summary(job, await this.#runs.counts(), options);
    const defaults = options.payloads ? definition.defaults : {};
    const form = formOf({ ...definition, defaults }, this.#options.app.inputSchema(definition.task));
    return {
      ...summary,
      fixed: shownFixed(definition, options),
      defaults: { ...defaults },
      form: form && { ...form },
      queue: definition.queue,
      etag: version === null ? null : etagOf(version),
    };
  }

  /** Throws an `ApiError`: 409 `job_exists`, 400 `validation`. */
  async create(asked: AskedDefinition, by: User): Promise<JobDetail> {
    const definition = { ...asked, slug: asked.slug ?? slugOf(asked.title) };
    if (definition.slug === EDITOR) throw validationError("slug", "that is the address of the page for a new job");
    this.#checkDefinition(definition);
    const taken = new ApiError(409, "job_exists", `there is a job ${definition.slug} already`);
    if (this.#options.app.findJob(definition.slug)) throw taken;
    if (!(await this.#definitions.add(definition, this.#change(by)))) throw taken;
    return await this.get(definition.slug, { payloads: by.seesPayloads, edits: true });
  }

  /**
   * Puts another definition in place of one made here. Throws an `ApiError`: 404 `no_such_job`, 409 `job_read_only`, 428 `if_match_missing`,
   * 412 `changed_meanwhile`, 400 `validation`.
   */
  async replace(slug: string, asked: AskedDefinition, ifMatch: string | null, by: User): Promise<JobDetail> {
    const version = await this.#editable(slug);
    if (ifMatch === null) {
      throw new ApiError(428, "if_match_missing", "say which version is changed: send its ETag as If-Match");
    }
    const definition = { ...asked, slug };
    this.#checkDefinition(definition);
    const isCurrent = matchesEtag(ifMatch, etagOf(version));
    const replaced = isCurrent ? await this.#definitions.replace(definition, version, this.#change(by)) : undefined;
    if (!replaced) throw new ApiError(412, "changed_meanwhile", `job ${slug} was changed by somebody else meanwhile`);
    return await this.get(slug, { payloads: by.seesPayloads, edits: true });
  }

  /** Its runs stay, and its numbers. Throws an `ApiError`: 404 `no_such_job`, 409 `job_read_only`. */
  async remove(slug: string): Promise<void> {
    await this.#editable(slug);
    await this.#definitions.remove(slug);
    this.#consoleSlugs = this.#consoleSlugs.filter((each) => each !== slug);
  }

  /** See `RunSender.start`; also throws an `ApiError` (404, `no_such_job`). */
  async startRun(slug: string, parameters: Readonly<Record<string, unknown>>, by: User): Promise<StoredRun> {
    const { definition } = await this.#known(slug);
    return await this.#sender.start(definition, parameters, by.name);
  }

  /** A job's runs, newest first. Throws an `ApiError` (404, `no_such_job`). */
  async listRuns(
    slug: string,
    page: { readonly limit: number; readonly cursor: string | undefined; readonly states: readonly string[] },
    options: { readonly payloads: boolean },
  ): Promise<{ readonly items: RunSummary[]; readonly nextCursor: string | null; readonly total: number }> {
    await this.#known(slug);
    const before = /^\d{1,15}$/.test(page.cursor ?? "") ? Number(page.cursor) : undefined;
    const [found, total] = await Promise.all([
      this.#runs.list(slug, { before, limit: page.limit + 1, states: page.states }),
      this.#runs.count(slug, page.states),
    ]);
    const shown = found.slice(0, page.limit);
    const last = shown.at(-1);
    return {
      items: shown.map((run) => this.#toSummary(run, options)),
      nextCursor: found.length > page.limit && last ? String(last.number) : null,
      total,
    };
  }

  async findRun(id: string): Promise<StoredRun | undefined> {
    return await this.#runs.get(id);
  }

  /** What people call a job; its slug where it is gone. */
  async titleOf(slug: string): Promise<{ readonly title: string; readonly task: string | null }> {
    const job = this.#options.app.findJob(slug) ?? (await this.#definitions.get(slug))?.definition;
    return job ? { title: job.title, task: job.task } : { title: slug, task: null };
  }

  /**
   * Stops a run: takes it back while it waits for its turn, else revokes those of its tasks that wait and asks those that run to stop.
   * Undefined when there is no such run.
   */
  async stopRun(id: string, by: User): Promise<readonly ActionOutcome[] | undefined> {
    const run = await this.#runs.get(id);
    if (!run) return undefined;
    if (run.state === WAITING) {
      const taken = await this.#runs.takeBack(id, this.#now().getTime());
      if (taken) {
        this.#options.live.publish(`run:${id}`, "run", this.#toSummary(taken, { payloads: true }), id);
        return [{ target: id, outcome: "done", detail: "it waited for its turn, and was not sent" }];
      }
    }
    const family = await this.#options.tasks.family(id, MOST_STOPPED);
    const inPhase = (phase: ReturnType<typeof phaseOf>): readonly string[] =>
      family.filter((task: TaskRecord) => phaseOf(task.state) === phase).map((task) => task.id);
    const waiting = family.length === 0 ? [id] : inPhase("waiting");
    const running = inPhase("running");
    if (waiting.length + running.length === 0) {
      return [{ target: id, outcome: "skipped", detail: `it is over: ${run.state}` }];
    }
    // First those that wait: what runs may send no more of them, and none begins as another ends.
    const revoked = waiting.length === 0 ? [] : await this.#options.actions.revoke(waiting, by);
    return [...revoked, ...(running.length === 0 ? [] : await this.#options.actions.stop(running, by))];
  }

  /** Over the newest 5,000 runs. Throws an `ApiError` (404, `no_such_job`). */
  async stats(slug: string): Promise<JobStats> {
    await this.#known(slug);
    const runs = await this.#runs.list(slug, { before: undefined, limit: MOST_COUNTED, states: [] });
    return { ...statsOf(runs, this.#now().getTime()), runs: await this.#runs.count(slug) };
  }

  /** Lines of all runs, newest first. Throws an `ApiError` (404, `no_such_job`). */
  async logs(
    slug: string,
    query: {
      readonly q?: string | undefined;
      readonly levels: readonly string[];
      readonly run?: string | undefined;
      readonly before?: number | undefined;
      readonly limit: number;
    },
  ): Promise<JobLogs> {
    await this.#known(slug);
    const runs = await this.#runs.list(slug, { before: undefined, limit: MOST_COUNTED, states: [] });
    const numbers = new Map(runs.map(({ id, number }) => [id, number]));
    const ids = [...numbers.keys()].filter(
      (id) => query.run === undefined || id === query.run || String(numbers.get(id)) === query.run,
    );
    if (ids.length === 0) return { items: [], nextBefore: null };
    const lines = await this.#options.tasks.logsOfRuns(ids, {
      beforeSeq: query.before,
      limit: query.limit,
      ...(query.levels.length > 0 && { level: query.levels }),
      ...(query.q !== undefined && { q: query.q }),
    });
    return {
      items: lines.map((line) => ({ ...toLogLine(line), run: numbers.get(line.runId) ?? 0 })),
      nextBefore: lines.length < query.limit ? null : (lines.at(-1)?.seq ?? null),
    };
  }

  /** The exact parameters of a run by its root task's id; undefined when they were redacted, or there is no such run. */
  async argumentsOf(id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const run = await this.#runs.get(id);
    if (!run || holdsMask(JSON.stringify(run.parameters)) || this.#options.app.redact) return undefined;
    return objectFromApi(run.parameters);
  }

  #programJobs(): readonly KnownJob[] {
    const { app } = this.#options;
    return app.jobSlugs.flatMap((slug) => {
      const definition = app.findJob(slug);
      return definition ? [{ definition, source: "app" as const, version: null }] : [];
    });
  }

  async #known(slug: string): Promise<KnownJob> {
    const ofProgram = this.#programJobs().find(({ definition }) => definition.slug === slug);
    if (ofProgram) return ofProgram;
    const stored = await this.#definitions.get(slug);
    if (!stored) throw new ApiError(404, "no_such_job", `there is no job ${slug}`);
    return ofConsole(stored);
  }

  async #editable(slug: string): Promise<number> {
    const { version } = await this.#known(slug);
    if (version !== null) return version;
    throw new ApiError(409, "job_read_only", `job ${slug} is written in the program: change it there`);
  }

  /** Parameters may not be both fixed and asked for; a task of the app must take them by name. */
  #checkDefinition({ task, fixed, defaults, asked, queue }: JobDefinition): void {
    const errors: { path: string; message: string }[] = [];
    const twice = [...new Set([...Object.keys(defaults), ...(asked ?? [])])].filter((name) =>
      Object.hasOwn(fixed, name),
    );
    for (const name of twice)
      errors.push({ path: `fixed.${name}`, message: "it is asked for, or has a default, as well" });
    const known = this.#options.app.findTask(task);
    if (known && !known.input)
      errors.push({
        path: "task",
        message: `${task} takes positional arguments; a job needs one with an input schema`,
      });
    if (queue === "") errors.push({ path: "queue", message: "a queue has a name; leave it out for the task's own" });
    if (errors.length > 0) throw new ApiError(400, "validation", "this is no job that could run", { errors });
  }

  async #summary(
    { definition, source }: KnownJob,
    counts: Awaited<ReturnType<RunStore["counts"]>>,
    options: { readonly payloads: boolean },
  ): Promise<JobSummary> {
    const { slug, title, task, description, concurrency } = definition;
    const nowMs = this.#now().getTime();
    const latest = await this.#runs.list(slug, { before: undefined, limit: LATEST * 2, states: [] });
    const ended = latest.filter(({ open, state }) => !open && state !== "LOST").slice(0, LATEST);
    const own = counts.filter(({ job }) => job === slug);
    const sum = (pick: (each: (typeof own)[number]) => number): number =>
      own.reduce((total, each) => total + pick(each), 0);
    const [last] = latest;
    return {
      slug,
      title,
      task,
      description: description ?? this.#options.app.findTask(task)?.options.description ?? null,
      source,
      concurrency,
      lastRun: last ? this.#toSummary(last, options) : null,
      running: sum((each) => (each.state === WAITING ? 0 : each.open)),
      successRate: ended.length === 0 ? null : ended.filter(({ state }) => state === "SUCCESS").length / ended.length,
      lengthP95: percentile(
        ended.flatMap((run) => finishedLength(run, nowMs) ?? []),
        0.95,
      ),
      // Schedules are to come.
      nextRun: null,
      runs: sum((each) => each.runs),
    };
  }

  #toSummary(run: StoredRun, { payloads }: { readonly payloads: boolean }): RunSummary {
    return toRunSummary(run, { payloads, nowMs: this.#now().getTime() });
  }

  #change(by: User): { readonly by: string; readonly nowMs: number } {
    return { by: by.name, nowMs: this.#now().getTime() };
  }
}

/** Who looks at a job. */
interface JobReader {
  readonly payloads: boolean;
  /** Whether they may change it. */
  readonly edits: boolean;
}

/** The last part of the address of the page that makes a job, beside those of jobs. */
const EDITOR = "new";

function ofConsole({ definition, version }: StoredJob): KnownJob {
  return { definition, source: "console", version };
}

function etagOf(version: number): string {
  return `"${version}"`;
}

/** As `If-Match` names versions: a list, perhaps weak ones, or any. */
function matchesEtag(ifMatch: string, etag: string): boolean {
  return ifMatch.split(",").some((each) => [etag, "*"].includes(each.trim().replace(/^W\//, "")));
}

/** Small letters, digits and dashes of a title. */
function slugOf(title: string): string {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const slug = plain
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  if (slug === EDITOR) return `${slug}-job`;
  if (slug !== "") return slug;
  throw validationError("slug", "no slug can be made of this title: give one, of small letters, digits and dashes");
}

function validationError(path: string, message: string): ApiError {
  return new ApiError(400, "validation", message, { errors: [{ path, message }] });
}

/** Who may change it must see what there is to change: what is masked could not be put back. */
function shownFixed({ fixed }: JobDefinition, { payloads, edits }: JobReader): JobDetail["fixed"] {
  if (!payloads) return {};
  const { value } = edits ? { value: fixed } : redactValue(fixed);
  return isFields(value) ? { ...value } : {};
}
