import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { LovageConsole } from "@lovage/console";
import type { AsyncResult, Logger } from "lovage";
import { Worker } from "lovage/worker";
import { RunFollower } from "./follow-run.js";
import type { Options } from "./options.js";
import { SampleBlogServer } from "./sample-blog/sample-blog-server.js";
import { describeCounts } from "./scrape-run.js";
import type { ScrapeCounts } from "./scraper/scrape-blog.js";
import { PAGES_PORT, readSettings, SAMPLE_BLOG_PORT } from "./settings.js";
import type { StopSignals } from "./stop-signals.js";
import { openRepository } from "./storage/open-repository.js";
import type { Repository } from "./storage/repository.js";
import { createRunView, type RunView, type Terminal } from "./terminal/run-view.js";
import { formatTable } from "./terminal/table.js";
import { printable } from "./terminal/text-width.js";
import { PageServer } from "./web/page-server.js";

/** Loaded once it is known where the sample blog and the pages are: the job's form and the links name them. */
type Tasks = typeof import("./tasks.js");

const CONSOLE_PORT = 8000;
/** Seconds the sample blog takes for an answer; without, the bar would be full before anyone has seen it. */
const SAMPLE_BLOG_LATENCY = 0.06;
const CONCURRENCY = 2;
const POSTS_SHOWN = 50;
/** Seconds in which the last events of a run arrive after its result. */
const LAST_EVENTS = 2;

export interface ProgramDeps {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly signals: StopSignals;
}

/** Something that was opened and must be closed again. */
type Cleanup = () => Promise<void>;

/**
 * All of `npm start`: a worker, the job, one run of it on the terminal, the posts as a table, and unless `once` the console and the
 * pages of posts until Ctrl-C. What was opened is closed in every case.
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
    const { once, blog } = this.#options;
    const repository = await this.#opened(openRepository(readSettings(this.#env).store), (opened) => opened.close());
    this.#env.BLOG_SCRAPER_BLOG = blog ?? (await this.#startSampleBlog());
    if (!once) this.#env.BLOG_SCRAPER_PAGES = await this.#startPages(repository);
    const tasks = await import("./tasks.js");
    this.#cleanups.push(() => tasks.app.close());
    const consoleUrl = once ? undefined : await this.#startConsole(tasks);
    const worker = await this.#startWorker(tasks);
    const stopping = this.#stopOnSignal(worker);

    const succeeded = await this.#runJob(tasks, this.#env.BLOG_SCRAPER_BLOG, worker);
    await this.#showPosts(repository, this.#env.BLOG_SCRAPER_BLOG);
    if (this.#signals.first.aborted) {
      await stopping;
      return this.#signals.exitCode ?? 0;
    }
    if (consoleUrl === undefined) return succeeded ? 0 : 1;
    this.#say(`\nThe console is at ${new URL("jobs/scrape-blog", consoleUrl).href} : press Run there  (Ctrl-C ends)`);
    this.#say(`The posts are at ${this.#env.BLOG_SCRAPER_PAGES}`);
    await Promise.race([stopping, worker.stopped]);
    return 0;
  }

  async #startSampleBlog(): Promise<string> {
    return await this.#listen([SAMPLE_BLOG_PORT, 0], () => new SampleBlogServer({ latency: SAMPLE_BLOG_LATENCY }));
  }

  async #startPages(repository: Repository): Promise<string> {
    const onError = (error: Error): void => this.#logger.error(`pages: ${error.message}`);
    return await this.#listen([PAGES_PORT, 0], () => new PageServer({ repository, onError }));
  }

  async #startConsole({ app }: Tasks): Promise<string> {
    const { port } = this.#options;
    return await this.#listen(port === undefined ? [CONSOLE_PORT, 0] : [port], (candidate) => {
      const server = new LovageConsole({ app, options: { port: candidate }, logger: this.#logger });
      return { start: async () => (await server.start()).url, stop: () => server.stop() };
    });
  }

  /** Starts what `open` makes on the first of the ports that is free, and returns its address. */
  async #listen(
    ports: readonly number[],
    open: (port: number) => { start(port: number): Promise<string>; stop(): Promise<void> },
  ): Promise<string> {
    for (const port of ports) {
      const server = open(port);
      try {
        const address = await server.start(port);
        this.#cleanups.push(() => server.stop());
        return address;
      } catch (error) {
        await server.stop();
        if (!isPortTaken(error)) throw error;
      }
    }
    throw new Error(`port ${ports.join(", ")} is taken; choose another by --port, or leave it out`);
  }

  async #startWorker({ app }: Tasks): Promise<Worker> {
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

  /** Runs the job and shows it until it is over, or the worker was stopped under it. Resolves to whether it succeeded. */
  async #runJob({ app, scrapeJob }: Tasks, blog: string, worker: Worker): Promise<boolean> {
    const { since, until, skip, limit: number } = this.#options;
    const id = randomUUID();
    const follower = await RunFollower.start(app, id, this.#view);
    try {
      const result = await scrapeJob.run({ blog, since, until, skip, number }, { taskId: id });
      this.#say(`Job scrape-blog, run ${id}: ${blog}\n`);
      const stopped = worker.stopped.then(() => undefined);
      const outcome = await Promise.race([outcomeOf(result), stopped]);
      await Promise.race([follower.ended, stopped, seconds(LAST_EVENTS)]);
      this.#view.end();
      if (outcome === undefined) {
        this.#say("\nThe task went back to the queue: the next worker takes it up again.");
        return false;
      }
      this.#say(`\n${outcome.state}: ${printable(outcome.text)}`);
      return outcome.state === "SUCCESS";
    } finally {
      this.#view.end();
      await follower.stop();
    }
  }

  async #showPosts(repository: Repository, blog: string): Promise<void> {
    const filter = { blog: new URL(blog).href };
    const count = await repository.countPosts(filter);
    if (count === 0) return;
    const posts = await repository.listPosts(filter, { offset: 0, limit: POSTS_SHOWN });
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

  /** Only what needs attention; what is about one task is in its run's log, too. */
  get #logger(): Logger {
    const logAs =
      (level: "warning" | "error"): Logger["warn"] =>
      (message, fields = {}) => {
        if (!("task" in fields)) this.#log(level, message);
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

/** Waits for the end of a run: its counts, or why it failed. */
async function outcomeOf(
  result: AsyncResult<ScrapeCounts>,
): Promise<{ readonly state: string; readonly text: string }> {
  try {
    return { state: "SUCCESS", text: describeCounts(await result.get()) };
  } catch (error) {
    return { state: await result.status(), text: error instanceof Error ? error.message || error.name : String(error) };
  }
}

function seconds(length: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1000).unref());
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function isPortTaken(error: unknown): boolean {
  // The console's error has the system's as its cause.
  return error instanceof Error && (("code" in error && error.code === "EADDRINUSE") || isPortTaken(error.cause));
}
