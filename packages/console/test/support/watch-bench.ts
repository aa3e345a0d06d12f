import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { Lovage, type LovageOptions, silentLogger } from "lovage";
import { encodeBody, type Message } from "lovage/internal";
import { Worker } from "lovage/worker";
import { onTestFinished } from "vitest";
import { WorkerFleet } from "../../src/server/fleet/worker-fleet.js";
import { EventIngest, type EventIngestOptions } from "../../src/server/ingest/event-ingest.js";
import { LostTasks } from "../../src/server/ingest/lost-tasks.js";
import { SeriesFeed } from "../../src/server/ingest/series-feed.js";
import type { Database } from "../../src/server/store/database.js";
import { openDatabase } from "../../src/server/store/open-database.js";
import { SqlSeriesStore } from "../../src/server/store/sql-series-store.js";
import { SqlTaskStore } from "../../src/server/store/sql-task-store.js";
import type { TaskRecord } from "../../src/server/store/task-record.js";
import { RecordingHub } from "./recording-hub.js";
import { until } from "./until.js";

/** A console's eyes and ears on a broker: ingest, fleet and series, all real. */
export class Watch {
  readonly app: Lovage;
  readonly database: Database;
  readonly tasks: SqlTaskStore;
  readonly live = new RecordingHub();
  readonly series: SqlSeriesStore;
  readonly ingest: EventIngest;
  readonly fleet: WorkerFleet;
  readonly lost: LostTasks;
  readonly #feed: SeriesFeed;

  /** Heard is nothing yet: `start`, and `close` at the end. */
  constructor(app: Lovage, storeUrl: string, options: Partial<EventIngestOptions> = {}) {
    const logger = silentLogger;
    this.app = app;
    this.database = openDatabase(storeUrl, { logger });
    this.tasks = new SqlTaskStore({ database: this.database });
    this.series = new SqlSeriesStore({ database: this.database, logger });
    const { database, tasks, live, series } = this;
    this.ingest = new EventIngest({ app, database, tasks, live, logger, ...options });
    this.#feed = new SeriesFeed({ ingest: this.ingest, series });
    const common = { app, database, ingest: this.ingest, live, series, logger, inspectTimeout: 1 };
    this.fleet = new WorkerFleet({ ...common, enableEvents: true, purgeOfflineWorkers: 86_400 });
    this.lost = new LostTasks({ ...common, fleet: this.fleet, tasks, lease: 0.5, lookEvery: 1 });
  }

  /** Hears all that happens from now on. Closed after the test. */
  static async open(app: Lovage, storeUrl: string, options: Partial<EventIngestOptions> = {}): Promise<Watch> {
    const watch = new Watch(app, storeUrl, options);
    onTestFinished(() => watch.close());
    await watch.start();
    return watch;
  }

  async start(): Promise<void> {
    await this.database.open();
    await this.tasks.open();
    await this.ingest.start();
    await this.fleet.start();
    await until(() => this.ingest.listening.ok);
  }

  async leads(): Promise<this> {
    await until(() => this.ingest.status.leader);
    return this;
  }

  /** The record once it is in this state. `also`: what must be known besides; senders and workers tell of a task in messages of their own. */
  async reached(id: string, state: string, also: (record: TaskRecord) => boolean = () => true): Promise<TaskRecord> {
    let record = await this.tasks.get(id);
    await until(async () => {
      record = await this.tasks.get(id);
      return record?.state === state && also(record);
    });
    if (!record) throw new Error(`task ${id} is gone`);
    return record;
  }

  async close(): Promise<void> {
    await this.lost.stop();
    await this.fleet.stop();
    await this.ingest.stop();
    this.#feed.stop();
    await this.series.stop();
    await this.database.close();
  }
}

/** An app on its broker; closed after the test. */
export function makeApp(options: LovageOptions): Lovage {
  const app = new Lovage("watched", { taskDefaultQueue: "work", workerSendTaskEvents: true, ...options });
  onTestFinished(() => app.close());
  return app;
}

/** A worker in this process; ended after the test. */
export async function startWorker(app: Lovage, name = `w1@${hostname()}`): Promise<Worker> {
  const worker = new Worker({ app, pool: "solo", hostname: name, logger: silentLogger });
  onTestFinished(() => worker.abort());
  await worker.start();
  return worker;
}

/** Says something as anybody could who reaches the broker. */
export async function publishEvents(app: Lovage, events: unknown, routingKey = "task.multi"): Promise<void> {
  const broker = await app.direct.broker();
  const { body, contentType, contentEncoding } = encodeBody(events, { place: "event", typedValues: false });
  const message: Message = { headers: { hostname: "stranger@x" }, properties: {}, body, contentType, contentEncoding };
  await broker.broadcast.publish("events", routingKey, message);
}

/** A process of Python's Celery with `watched.py`; killed after the test. */
export async function startPythonWorker(
  python: string,
  place: {
    readonly brokerUrl: string;
    readonly resultUrl: string;
    readonly settings?: Readonly<Record<string, unknown>>;
  },
  args: readonly string[] = [],
): Promise<{ readonly name: string; kill(): Promise<void> }> {
  const name = `py${randomBytes(3).toString("hex")}@${hostname()}`;
  const folder = fileURLToPath(new URL("python", import.meta.url));
  const child: ChildProcess = spawn(
    python,
    ["-m", "celery", "-A", "watched", "worker", "-n", name, "--loglevel", "INFO", "--without-mingle", ...args],
    {
      cwd: folder,
      env: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: "1",
        C_FORCE_ROOT: "1",
        WATCHED_BROKER: place.brokerUrl,
        WATCHED_RESULTS: place.resultUrl,
        WATCHED_SETTINGS: JSON.stringify(place.settings ?? {}),
      },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: its pool's processes end with it.
      detached: true,
    },
  );
  const exited = once(child, "exit");
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    process.kill(-child.pid, "SIGKILL");
    await exited;
  };
  onTestFinished(kill);
  let said = "";
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes(" ready.")) resolve();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", () => reject(new Error(`the Python worker ended: ${said.slice(-2000)}`)));
  });
  return { name, kill };
}
