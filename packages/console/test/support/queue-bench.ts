import { type Logger, Lovage, type LovageSettings, silentLogger } from "lovage";
import type { Broker, Message } from "lovage/internal";
import { Worker } from "lovage/worker";
import { sqliteFile } from "../../../lovage/test/support/sqlite-file.js";
import type { ConsoleParts } from "../../src/server/parts.js";
import { QueueSampler } from "../../src/server/queues/queue-sampler.js";
import type { RecordingHub } from "./recording-hub.js";
import { until } from "./until.js";
import { Watch } from "./watch-bench.js";

/** A broker with workers, and a console's parts that watch it: all real. */
export class QueueBench {
  readonly app: Lovage;
  readonly watch: Watch;
  readonly #removals: (() => Promise<void>)[] = [];
  readonly #workers: Worker[] = [];

  private constructor(app: Lovage, watch: Watch) {
    this.app = app;
    this.watch = watch;
  }

  /** The one who opens it closes it. */
  static async open(settings: LovageSettings): Promise<QueueBench> {
    const file = await sqliteFile();
    const app = new Lovage("bench", { taskDefaultQueue: "work", ...settings });
    app.task("t.add", (x: number, y: number) => x + y);
    const bench = new QueueBench(app, new Watch(app, file.url));
    bench.#removals.push(
      () => file.remove(),
      () => app.close(),
      () => bench.watch.close(),
    );
    await bench.watch.start();
    await bench.watch.leads();
    return bench;
  }

  get fleet(): Watch["fleet"] {
    return this.watch.fleet;
  }
  get live(): RecordingHub {
    return this.watch.live;
  }

  /** A sampler that looks when it is told to; stopped by `close`. */
  async sampler(
    options: { readonly now?: () => Date; readonly app?: Lovage; readonly logger?: Logger } = {},
  ): Promise<QueueSampler> {
    const { app, fleet, ingest, series, database, live } = this.watch;
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
    const { app, fleet, series, live, database } = this.watch;
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
    await until(() => this.fleet.get(name)?.pool === "solo");
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
