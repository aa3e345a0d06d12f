import { EventReceiver, type Logger, Lovage, type LovageSettings, silentLogger } from "lovage";
import type { Broker, Message } from "lovage/internal";
import { Worker } from "lovage/worker";
import { sqliteFile } from "../../../lovage/test/support/sqlite-file.js";
import type { LiveEventName, LiveEvents } from "../../src/api/live.js";
import type { ConsoleParts, HeardEvent, LiveHub } from "../../src/server/parts.js";
import { QueueSampler } from "../../src/server/queues/queue-sampler.js";
import type { User } from "../../src/server/route.js";
import type { Database } from "../../src/server/store/database.js";
import { openDatabase } from "../../src/server/store/open-database.js";
import { SqlSeriesStore } from "../../src/server/store/series-store.js";
import { ControlFleet } from "./control-fleet.js";

export const ADMIN: User = { name: "ann", role: "admin", seesPayloads: true, via: "api", address: "127.0.0.1" };

/** A broker with workers, and the parts of a console that watch its queues. */
export class QueueBench {
  readonly app: Lovage;
  readonly database: Database;
  readonly series: SqlSeriesStore;
  readonly fleet: ControlFleet;
  readonly live = new RecordingHub();
  readonly #removals: (() => Promise<void>)[] = [];
  readonly #listeners = new Set<(event: HeardEvent) => void>();
  readonly #workers: Worker[] = [];

  private constructor(app: Lovage, database: Database) {
    this.app = app;
    this.database = database;
    this.series = new SqlSeriesStore({ database, logger: silentLogger });
    this.fleet = new ControlFleet(app);
  }

  static async open(settings: LovageSettings): Promise<QueueBench> {
    const file = await sqliteFile();
    const database = openDatabase(file.url, { logger: silentLogger });
    await database.open();
    const bench = new QueueBench(new Lovage("bench", { taskDefaultQueue: "work", ...settings }), database);
    bench.app.task("t.add", (x: number, y: number) => x + y);
    bench.#removals.push(
      file.remove,
      () => database.close(),
      () => bench.series.stop(),
      () => bench.app.close(),
    );
    await bench.series.start();
    const receiver = new EventReceiver({
      broadcast: (await bench.app.direct.broker()).broadcast,
      onEvent: ({ type, hostname, timestamp, fields }) => {
        for (const listener of bench.#listeners)
          listener({ type, hostname, timestamp, fields, before: undefined, after: undefined });
      },
    });
    await receiver.start();
    bench.#removals.push(() => receiver.stop());
    return bench;
  }

  readonly ingest = {
    onEvent: (listener: (event: HeardEvent) => void): (() => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };

  /** A sampler that looks when it is told to; stopped by `close`. */
  async sampler(
    options: { readonly now?: () => Date; readonly app?: Lovage; readonly logger?: Logger } = {},
  ): Promise<QueueSampler> {
    const { app, fleet, ingest, series, database, live } = this;
    const sampler = new QueueSampler({
      app,
      fleet,
      ingest,
      series,
      database,
      live,
      logger: silentLogger,
      every: 3600,
      ...options,
    });
    await sampler.start();
    this.#removals.push(() => sampler.stop());
    return sampler;
  }

  /** What routes are given. */
  parts(queues: QueueSampler): ConsoleParts {
    const { app, fleet, series, live, database } = this;
    const parts = {
      app,
      fleet,
      series,
      live,
      database,
      queues,
      now: () => new Date(),
      logger: silentLogger,
      options: { inspectTimeout: 1 },
    };
    // The other parts are not looked at by what is tested.
    return parts as unknown as ConsoleParts;
  }

  async worker(name: string, queues: readonly string[], app = this.app): Promise<Worker> {
    const worker = new Worker({ app, pool: "solo", hostname: name, queues, events: true, logger: silentLogger });
    this.#workers.push(worker);
    await worker.start();
    await this.fleet.refresh();
    return worker;
  }

  async broker(): Promise<Broker> {
    return await this.app.direct.broker();
  }
  async declare(...queues: readonly string[]): Promise<void> {
    for (const name of queues)
      await (await this.broker()).declare({ name, exchange: { name, type: "direct" }, routingKey: name });
  }
  async fill(queue: string, count: number, route: { readonly eta?: Date } = {}): Promise<void> {
    const broker = await this.broker();
    for (let n = 0; n < count; n++) await broker.publish(numbered(n), { exchange: "", routingKey: queue, ...route });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    for (const remove of this.#removals.reverse()) await remove();
  }
}

/** A task's message with the id `t<n>`. */
export function numbered(n: number): Message {
  return {
    headers: { id: `t${n}`, task: "t.unknown", lang: "js", argsrepr: `[${n}]` },
    properties: { correlation_id: `t${n}`, delivery_mode: 2 },
    body: Buffer.from(`[[${n}], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]`),
    contentType: "application/json",
    contentEncoding: "utf-8",
  };
}

/** Keeps what is published. */
export class RecordingHub implements LiveHub {
  readonly said: { readonly topic: string; readonly event: LiveEventName; readonly data: unknown }[] = [];
  readonly clientCount = 1;
  publish<E extends LiveEventName>(topic: string, event: E, data: LiveEvents[E]): void {
    this.said.push({ topic, event, data });
  }
  hasListeners(): boolean {
    return true;
  }
}

/** Resolves when it holds, by looking again and again: for what no event tells. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
