import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type ApplyOptions, Lovage, silentLogger } from "lovage";
import { z } from "zod";
import { LovageConsole } from "../../../packages/console/src/server/console.js";
import type { ConsoleOptions } from "../../../packages/console/src/server/console-options.js";
import { type ProcessOptions, SuiteProcess } from "../../interop/support/process.js";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const TASKS = join(REPOSITORY, "test/browser/fixtures/tasks.ts");
const CELERY_FOLDER = join(REPOSITORY, "test/browser/fixtures");
const CLI = join(REPOSITORY, "packages/lovage/bin/lovage.js");
const WEB_ROOT = process.env.LOVAGE_TEST_WEB_ROOT ?? join(REPOSITORY, "packages/console/dist/web");

/** Where a stage's messages and results are. */
export interface Place {
  readonly broker: string;
  readonly backend: string;
  /** Where the console keeps its own; a file where it says nothing. */
  readonly store?: string;
  /** The Python whose Celery can work there as well. Unset where Celery does not know the broker or the result backend. */
  readonly python?: string;
  /** Removes what was made there. */
  remove(): Promise<void>;
}

/** A console over a broker, with workers as processes of their own, as a team has it. */
export class Stage {
  readonly app: Lovage;
  readonly url: string;
  #console: LovageConsole;
  readonly #options: Partial<ConsoleOptions>;
  readonly #place: Place;
  readonly #folder: string;
  readonly #processes = new Set<SuiteProcess>();

  private constructor(parts: {
    app: Lovage;
    console: LovageConsole;
    url: string;
    options: Partial<ConsoleOptions>;
    place: Place;
    folder: string;
  }) {
    this.app = parts.app;
    this.#console = parts.console;
    this.url = parts.url;
    this.#options = parts.options;
    this.#place = parts.place;
    this.#folder = parts.folder;
  }

  static async open(place: Place, options: Partial<ConsoleOptions> = {}): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), "lovage-browser-"));
    const app = await loadApp(place);
    const store = place.store ?? `sqlite:${join(folder, "console.db")}`;
    const console = newConsole(app, { port: 0, store, ...options });
    const { url } = await console.start();
    // As it is bound now, so that the one after it is found at the same address.
    const bound = { store, ...options, port: Number(new URL(url).port) };
    return new Stage({ app, console, url, options: bound, place, folder });
  }

  get console(): LovageConsole {
    return this.#console;
  }

  /** Ends the console and starts another on its store and address; resolves when it has the events. */
  async restartConsole(): Promise<void> {
    await this.#console.stop();
    this.#console = newConsole(this.app, this.#options);
    await this.#console.start();
    await until(() => this.#console.parts.ingest.status.leader, "the console has the events");
  }

  /**
   * Starts `celery worker` beside ours, for the queue `py` and the tasks of `fixtures/celery_tasks.py`; resolves when it takes tasks. Its
   * `settings` are Celery's own. Throws where the place has no Python.
   */
  async startPythonWorker(
    name = "celery@py",
    {
      more = [],
      settings = {},
    }: { readonly more?: readonly string[]; readonly settings?: Readonly<Record<string, unknown>> } = {},
  ): Promise<SuiteProcess> {
    const { python } = this.#place;
    if (python === undefined) throw new Error("Celery cannot work in this place");
    const args = [
      "-A",
      "celery_tasks",
      "worker",
      "--hostname",
      name,
      "--concurrency",
      "2",
      "-E",
      "-l",
      "INFO",
      ...more,
    ];
    const env = {
      ...this.#workerEnv(),
      BROWSER_CELERY: JSON.stringify(settings),
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
    };
    return await this.#start(name, [python, "-m", "celery", ...args], {
      env,
      cwd: CELERY_FOLDER,
      readyWhen: / ready\.$/,
    });
  }

  /** Starts `lovage worker`; resolves when it takes tasks. */
  async startWorker(name = "shop@one", more: readonly string[] = []): Promise<SuiteProcess> {
    const args = [
      "worker",
      "--app",
      TASKS,
      "--hostname",
      name,
      "--concurrency",
      "2",
      "-E",
      "--log-format",
      "text",
      ...more,
    ];
    const command = [process.execPath, CLI, ...args];
    return await this.#start(name, command, { env: this.#workerEnv(), cwd: REPOSITORY, readyWhen: /ready/ });
  }

  /** Sends tasks by name and gives their ids, in order. Python's are sent to the queue `py`. */
  async send(
    name: string,
    calls: readonly (readonly unknown[])[],
    options: ApplyOptions = name.startsWith("py.") ? { queue: "py" } : {},
  ): Promise<readonly string[]> {
    const sent = await Promise.all(calls.map((args) => this.app.sendTask(name, args, options)));
    return sent.map(({ id }) => id);
  }

  /** Ends what runs or was taken by a worker, and waits until the console knows: nothing a test leaves holds up the next one. */
  async endRunning(): Promise<void> {
    const { tasks } = this.#console.parts;
    const running = () => tasks.unfinished({ states: ["STARTED", "RECEIVED"], limit: 100 });
    const left = await running();
    await Promise.all(left.map(({ id }) => this.app.asyncResult(id).revoke({ terminate: true })));
    await until(async () => (await running()).length === 0, `${left.length} tasks have ended`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes].map((process) => process.stop("SIGKILL")));
    await this.#console.stop();
    await this.app.close();
    await this.#place.remove();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #workerEnv(): NodeJS.ProcessEnv {
    return { ...process.env, BROWSER_BROKER: this.#place.broker, BROWSER_BACKEND: this.#place.backend };
  }

  async #start(name: string, command: readonly string[], options: ProcessOptions): Promise<SuiteProcess> {
    const started = new SuiteProcess(name, command, options);
    this.#processes.add(started);
    return await started.ready();
  }
}

function newConsole(app: Lovage, options: Partial<ConsoleOptions>): LovageConsole {
  return new LovageConsole({ app, logger: silentLogger, webRoot: WEB_ROOT, options });
}

/**
 * The fixture's app in this process, for the console: its tasks, schemas and jobs are known, and nothing runs here. Each stage has one of its
 * own: the query makes the module a new one.
 */
async function loadApp({ broker, backend }: Place): Promise<Lovage> {
  Object.assign(process.env, { BROWSER_BROKER: broker, BROWSER_BACKEND: backend });
  const module = `${pathToFileURL(TASKS).href}?stage=${randomUUID()}`;
  const loaded: unknown = await import(/* @vite-ignore */ module);
  return z.object({ app: z.instanceof(Lovage) }).parse(loaded).app;
}

/** A place in files of its own. */
export async function sqlitePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "lovage-browser-queue-"));
  const url = `sqlite:${join(folder, "queue.db")}`;
  return { broker: url, backend: url, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Resolves when the condition holds, by looking again and again: for what the store is told of by events. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
