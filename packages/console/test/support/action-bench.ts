import { currentTask, Lovage, type LovageOptions, silentLogger } from "lovage";
import { Worker } from "lovage/worker";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { sqliteFile } from "../../../lovage/test/support/sqlite-file.js";
import { LovageConsole } from "../../src/server/console.js";
import type { ConsoleParts } from "../../src/server/parts.js";
import type { Method } from "../../src/server/route.js";
import { allRoutes } from "../../src/server/routes/all.js";
import type { TaskRecord } from "../../src/server/store/task-record.js";
import { type Call, callRoute } from "./call-route.js";
import { OPTIONS } from "./console-http.js";
import { until } from "./until.js";

/** What tasks of the bench do, told by the test. */
export interface TaskOrders {
  /** Error that `bench.fail` throws; it succeeds without one. */
  failure: string | undefined;
}

/** A broker with workers in this process, and a whole console: all real. */
export class ActionBench {
  readonly app: Lovage;
  readonly orders: TaskOrders = { failure: "no luck" };
  /** The program's own job. */
  readonly scrape: ReturnType<typeof defineTasks>;
  readonly #store: string;
  readonly #workers: Worker[] = [];
  #console: LovageConsole;

  private constructor(app: Lovage, store: string) {
    this.app = app;
    this.#store = store;
    this.scrape = defineTasks(app, this.orders);
    this.#console = this.#newConsole();
  }

  /** Closed after the test. */
  static async open(settings: LovageOptions = {}): Promise<ActionBench> {
    const file = await sqliteFile();
    const app = new Lovage("bench", {
      brokerUrl: "memory://",
      resultBackend: "memory://",
      taskDefaultQueue: "work",
      workerSendTaskEvents: true,
      ...settings,
    });
    const bench = new ActionBench(app, file.url);
    onTestFinished(async () => {
      await bench.stopWorkers();
      await bench.#console.stop();
      await app.close();
      await file.remove();
    });
    await bench.#start();
    return bench;
  }

  #newConsole(): LovageConsole {
    const options = { ...OPTIONS, store: this.#store, inspectTimeout: 0.5 };
    return new LovageConsole({ app: this.app, hasApp: true, options, logger: silentLogger });
  }

  async #start(): Promise<void> {
    await this.#console.start();
    const { ingest } = this.#console.parts;
    // Standing by, it would be told of tasks later.
    await until(() => ingest.status.leader);
  }

  async stopConsole(): Promise<void> {
    await this.#console.stop();
  }

  /** The console as it begins again, on the same store. */
  async restartConsole(): Promise<void> {
    await this.stopConsole();
    this.#console = this.#newConsole();
    await this.#start();
  }

  async worker(name = "w1@bench", queues: readonly string[] = ["work"]): Promise<Worker> {
    const worker = new Worker({ app: this.app, pool: "solo", hostname: name, queues, logger: silentLogger });
    this.#workers.push(worker);
    await worker.start();
    await until(() => this.parts.fleet.get(name)?.pool === "solo");
    return worker;
  }

  async stopWorkers(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.abort()));
  }

  get parts(): ConsoleParts {
    return this.#console.parts;
  }
  get actions(): ConsoleParts["actions"] {
    return this.parts.actions;
  }
  get tasks(): ConsoleParts["tasks"] {
    return this.parts.tasks;
  }

  async call<T>(method: Method, path: string, call: Call = {}): Promise<T> {
    return (await callRoute(allRoutes, this.parts, method, path, call)) as T;
  }

  /** The record once it is in this state. */
  async reached(id: string, state: string): Promise<TaskRecord> {
    await until(async () => (await this.tasks.get(id))?.state === state);
    const record = await this.tasks.get(id);
    if (!record) throw new Error(`task ${id} is gone`);
    return record;
  }
}

function defineTasks(app: Lovage, orders: TaskOrders) {
  app.task("bench.add", (x: number, y: number) => x + y);
  app.task("bench.fail", (_n: number) => {
    if (orders.failure !== undefined) throw new TypeError(orders.failure);
    return "well";
  });
  app.task("bench.hold", { description: "Waits until it is told to stop." }, async () => {
    const { signal } = currentTask();
    await new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  });
  const scrape = app.task(
    "bench.scrape",
    { input: z.object({ blog: z.string(), limit: z.int().min(1), token: z.string().optional() }) },
    async ({ limit }) => {
      const task = currentTask();
      task.log.info("scraping", { limit });
      await task.progress(1, limit, "first page", { seen: 1 });
      if (limit === 13) throw new Error("unlucky");
      return { saved: limit, links: [{ label: "Posts", href: "/posts" }] };
    },
  );
  return app.job("scrape", { task: scrape, title: "Scrape a blog", defaults: { limit: 3 }, concurrency: "allow" });
}
