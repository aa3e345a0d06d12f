import { fileURLToPath } from "node:url";
import type { Logger } from "lovage";
import { Worker } from "lovage/worker";
import { followRun } from "./follow-run.js";
import { JobRunner, type StartedRun } from "./job-runner.js";
import type { Options } from "./options.js";
import { describeCounts } from "./run-job.js";
import { SampleBlogServer } from "./sample-blog/sample-blog-server.js";
import { readSettings } from "./settings.js";
import type { StopSignals } from "./stop-signals.js";
import { openRepository } from "./storage/open-repository.js";
import { FINAL_STATUSES, type Job, type JobDraft, type Repository } from "./storage/repository.js";
import { app } from "./tasks.js";
import { createRunView, type RunView, type Terminal } from "./terminal/run-view.js";
import { formatTable } from "./terminal/table.js";
import { printable } from "./terminal/text-width.js";
import { PageServer } from "./web/page-server.js";

/** Where the sample blog is served if it can be: its posts keep their addresses, so a second run updates them. */
const SAMPLE_BLOG_PORT = 4011;
const PAGES_PORT = 4010;
/** Seconds the sample blog takes for an answer; without, the bar would be full before anyone has seen it. */
const SAMPLE_BLOG_LATENCY = 0.06;
const CONCURRENCY = 2;
const POSTS_SHOWN = 50;

export interface ProgramDeps {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly signals: StopSignals;
}

/** Something that was opened and must be closed again. */
type Cleanup = () => Promise<void>;

/**
 * All of `npm start`: a worker, the job, its run on the terminal, the posts as a table, and unless `once` the pages until
 * Ctrl-C. What was opened is closed in every case.
 *
 * @returns the exit code.
 */
export async function runProgram(options: Options, deps: ProgramDeps): Promise<number> {
  const cleanups: Cleanup[] = [];
  try {
    return await new Program(options, deps, cleanups).run();
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

class Program {
  readonly #options: Options;
  readonly #terminal: Terminal;
  readonly #env: NodeJS.ProcessEnv;
  readonly #signals: StopSignals;
  readonly #cleanups: Cleanup[];
  readonly #view: RunView;

  constructor(options: Options, { terminal, env, signals }: ProgramDeps, cleanups: Cleanup[]) {
    this.#options = options;
    this.#terminal = terminal;
    this.#env = env;
    this.#signals = signals;
    this.#cleanups = cleanups;
    this.#view = createRunView(terminal);
  }

  async run(): Promise<number> {
    const repository = await this.#opened(openRepository(readSettings(this.#env).store), (opened) => opened.close());
    const blogUrl = this.#options.blog ?? (await this.#startSampleBlog());
    this.#cleanups.push(() => app.close());
    const runner = await this.#opened(new JobRunner(repository), (opened) => opened.close());
    const pages = this.#options.once ? undefined : await this.#startPages(repository, runner);
    const worker = await this.#startWorker();

    const job = await repository.findOrCreateJob(this.#draft(blogUrl));
    this.#say(`Job "${job.name}": ${job.blogUrl}`);
    const run = await runner.start(job.id);
    this.#say(`Sent task blog.scrape ${run.id}\n`);
    const stopping = this.#stopOnSignal(worker);
    const succeeded = await this.#watch(repository, run, worker);
    await this.#showPosts(repository, job);
    await this.#showEnding(repository, run);
    if (this.#signals.first.aborted) {
      await stopping;
      return this.#signals.exitCode ?? 0;
    }
    if (pages === undefined) return succeeded ? 0 : 1;
    this.#say(`\nThe pages are at ${pages}  (Ctrl-C ends)`);
    await Promise.race([stopping, worker.stopped]);
    return 0;
  }

  async #startSampleBlog(): Promise<string> {
    const server = await this.#opened(new SampleBlogServer({ latency: SAMPLE_BLOG_LATENCY }), (opened) =>
      opened.stop(),
    );
    const address = await server.start(SAMPLE_BLOG_PORT);
    this.#say(`The sample blog is at ${address}`);
    return address;
  }

  async #startPages(repository: Repository, runner: JobRunner): Promise<string> {
    const startRun = async (jobId: number): Promise<string> => (await runner.start(jobId)).id;
    const open = (): PageServer =>
      new PageServer({
        repository,
        startRun,
        now: () => new Date(),
        onError: (error) => this.#logger.error(`pages: ${error.message}`),
      });
    const { port } = this.#options;
    const candidates = port === undefined ? [PAGES_PORT, 0] : [port];
    for (const candidate of candidates) {
      const server = open();
      try {
        const address = await server.start(candidate);
        this.#cleanups.push(() => server.stop());
        return address;
      } catch (error) {
        if (!isPortTaken(error)) throw error;
      }
    }
    throw new Error(`port ${port} is taken; choose another by --port, or leave it out`);
  }

  async #startWorker(): Promise<Worker> {
    const worker = new Worker({
      app,
      // Beside this file, as .js when built and as .ts when run from source.
      appPath: fileURLToPath(new URL(`./tasks${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url)),
      concurrency: CONCURRENCY,
      pool: "processes",
      events: true,
      logger: this.#logger,
    });
    this.#cleanups.push(() => worker.stop());
    await worker.start();
    this.#say(`Worker ${worker.hostname} is ready: ${CONCURRENCY} processes`);
    return worker;
  }

  /** Resolves once a signal came and the worker has ended: warmly after the first, cold after the second. */
  async #stopOnSignal(worker: Worker): Promise<void> {
    await aborted(this.#signals.first);
    this.#log("warning", "Stopping: a running task may finish; press Ctrl-C again to give it back to the queue");
    const cold = aborted(this.#signals.second).then(() => worker.abort());
    await Promise.race([worker.stop(), cold]);
  }

  /** Shows the run until it is over, or the worker was stopped under it. Resolves to whether the task succeeded. */
  async #watch(repository: Repository, run: StartedRun, worker: Worker): Promise<boolean> {
    const watching = new AbortController();
    void worker.stopped.then(() => watching.abort(new Error("the worker has stopped")));
    let isOver = false;
    try {
      for await (const { run: state, entries } of followRun(repository, run.id, watching.signal)) {
        for (const entry of entries) this.#view.log(entry);
        isOver = FINAL_STATUSES.has(state.status);
        if (!isOver) this.#view.progress(state);
      }
    } finally {
      this.#view.end();
    }
    if (!isOver) return false;
    return run.ended.then(
      () => true,
      () => false,
    );
  }

  async #showPosts(repository: Repository, job: Job): Promise<void> {
    const count = await repository.countPosts(job.id);
    if (count === 0) return;
    const posts = await repository.listPosts(job.id, { offset: 0, limit: POSTS_SHOWN });
    const rows = posts.map(({ date, time, title, author }) => [
      `${date ?? "no date"} ${time ?? ""}`,
      title ?? "(untitled)",
      author ?? "–",
    ]);
    const columns = [{ title: "Date" }, { title: "Title", least: 16 }, { title: "Author", least: 8 }];
    this.#say("");
    for (const line of formatTable(columns, rows, this.#terminal.columns ?? 100)) this.#say(line);
    if (count > posts.length) this.#say(`… and ${count - posts.length} more`);
  }

  async #showEnding(repository: Repository, { id }: StartedRun): Promise<void> {
    const run = await repository.findRun(id);
    if (run === undefined) return;
    this.#say(`\n${run.status}: ${describeCounts(run.counts)}`);
    if (run.error !== null) this.#say(printable(run.error));
    if (!FINAL_STATUSES.has(run.status))
      this.#say("The task went back to the queue: the next worker takes it up again.");
  }

  #draft(blogUrl: string): JobDraft {
    const { blog, since, until, skip, limit } = this.#options;
    return {
      name: blog === undefined ? "The Lovage Patch (sample)" : new URL(blog).host,
      blogUrl,
      since,
      until,
      skip,
      limit,
    };
  }

  /** Only what needs attention; what is about one task is in its run's log, too. */
  get #logger(): Logger {
    const logAs =
      (level: "warning" | "error"): Logger["warn"] =>
      (message, fields = {}) => {
        if (!("task" in fields)) this.#log(level, `worker: ${message}`);
      };
    return { debug: () => {}, info: () => {}, warn: logAs("warning"), error: logAs("error") };
  }

  #log(level: "warning" | "error", message: string): void {
    this.#view.log({ at: new Date(), level, message });
  }

  #say(line: string): void {
    this.#terminal.write(`${line}\n`);
  }

  async #opened<T>(opening: T | Promise<T>, close: (opened: T) => Promise<void>): Promise<T> {
    const opened = await opening;
    this.#cleanups.push(() => close(opened));
    return opened;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
