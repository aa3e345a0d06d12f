import { ConfigurationError, type Logger, type Lovage } from "lovage";
import { ActionDesk } from "./actions/action-desk.js";
import { AuditTrail } from "./audit/audit-trail.js";
import { hiddenContents } from "./audit/hidden-contents.js";
import { AccountBook } from "./auth/accounts.js";
import { LoginThrottle } from "./auth/login-throttle.js";
import { PasswordLogin } from "./auth/password-login.js";
import { SavedViews } from "./auth/saved-views.js";
import { type ConsoleOptions, consoleOptions } from "./console-options.js";
import { WorkerFleet } from "./fleet/worker-fleet.js";
import { registerFlower } from "./flower/flower-routes.js";
import { ConsoleHealth } from "./http/console-health.js";
import { ConsoleHttp } from "./http/console-http.js";
import { EventIngest } from "./ingest/event-ingest.js";
import { LostTasks } from "./ingest/lost-tasks.js";
import { SeriesFeed } from "./ingest/series-feed.js";
import { JobBook } from "./jobs/job-book.js";
import { SseHub } from "./live/sse-hub.js";
import { ConsoleMetrics } from "./metrics/console-metrics.js";
import { registerMetrics } from "./metrics/metrics-route.js";
import { OperationRunner } from "./operations/operation-runner.js";
import { OverviewSampler } from "./overview/overview-sampler.js";
import type { ConsoleParts } from "./parts.js";
import { QueueSampler } from "./queues/queue-sampler.js";
import { RetentionKeeper } from "./retention.js";
import { allRoutes } from "./routes/all.js";
import { openDatabase } from "./store/open-database.js";
import { SqlSeriesStore } from "./store/sql-series-store.js";
import { SqlTaskStore } from "./store/sql-task-store.js";

export interface LovageConsoleOptions {
  /** Whose broker and results are shown. The caller closes it, after the console. */
  readonly app: Lovage;
  /** Whether it is the program's own app, with its tasks and jobs, and not one made of a broker's URL. @default true */
  readonly hasApp?: boolean;
  /** Over the app's `console…` settings. @default {} */
  readonly options?: Partial<ConsoleOptions>;
  /** @default the app's */
  readonly logger?: Logger;
  /** Folder of the built pages. @default the package's own */
  readonly webRoot?: string;
}

/** A part that was started, and how it ends. */
interface Step {
  readonly what: string;
  start(): Promise<unknown>;
  stop(): unknown;
}

/**
 * The console: its parts, made of each other here and nowhere else, started in the order in which they need each other and stopped in the
 * reverse. The broker may be away when it starts: pages then say so, and everything goes on once it is there.
 */
export class LovageConsole {
  /**
   * For tests that look inside. Programs and clients use the API: these are left out of the package's types, and with them those of the
   * libraries that they are made of.
   *
   * @internal
   */
  readonly parts: ConsoleParts;
  readonly #steps: readonly Step[];
  readonly #http: ConsoleHttp;
  readonly #logger: Logger;
  readonly #started: Step[] = [];
  #starting: Promise<{ readonly url: string }> | undefined;
  #stopping: Promise<void> | undefined;

  /** Opens nothing. Throws a `ConfigurationError` for a store, users or proxies that cannot be read. */
  constructor({ app, hasApp = true, options: given = {}, logger = app.logger, webRoot }: LovageConsoleOptions) {
    const options = consoleOptions(app, given);
    this.#logger = logger;
    const startedAt = new Date();
    const database = openDatabase(options.store, { logger });
    const live = new SseHub();
    const tasks = new SqlTaskStore({ database });
    const audit = new AuditTrail({ database, logger, hide: hiddenContents({ app, logger }) });
    const series = new SqlSeriesStore({ database, logger });
    const ingest: EventIngest = new EventIngest({
      app,
      database,
      tasks,
      live,
      logger,
      inspectTimeout: options.inspectTimeout,
      logBytesPerTask: () => retention.limits.logBytesPerTask,
    });
    const retention = new RetentionKeeper({
      database,
      tasks,
      logger,
      sweeps: () => ingest.status.leader,
      others: [(limits) => audit.sweep(limits.auditDays)],
    });
    const feed = new SeriesFeed({ ingest, series });
    const { inspectTimeout, enableEvents, purgeOfflineWorkers } = options;
    const fleet = new WorkerFleet({
      app,
      database,
      ingest,
      live,
      series,
      logger,
      inspectTimeout,
      enableEvents,
      purgeOfflineWorkers,
    });
    const lost = new LostTasks({ app, ingest, fleet, tasks, logger, inspectTimeout });
    const queues = new QueueSampler({ app, fleet, ingest, series, database, live, logger });
    const jobArguments = (id: string): ReturnType<JobBook["argumentsOf"]> => jobs.argumentsOf(id);
    const actions = new ActionDesk({ app, database, tasks, fleet, ingest, logger, jobArguments });
    const jobs: JobBook = new JobBook({ app, database, tasks, ingest, actions, live, logger });
    const operations = new OperationRunner({ database, tasks, actions, live, logger });
    const overview = new OverviewSampler({ fleet, queues, ingest, series, tasks, database, live, logger });
    const accounts = new AccountBook({ database, users: options.users });
    const throttle = new LoginThrottle({ database });
    const metrics = new ConsoleMetrics({ ingest, fleet, queues, jobs, live, database, logger });
    const health = new ConsoleHealth({ app, queues, database, logger, ingests: () => ingest.status.leader });
    this.parts = {
      app,
      hasApp,
      options,
      database,
      tasks,
      series,
      fleet,
      queues,
      ingest,
      actions,
      operations,
      jobs,
      overview,
      live,
      audit,
      accounts,
      logins: new PasswordLogin({ accounts, throttle }),
      views: new SavedViews({ database }),
      health,
      retention,
      logger,
      startedAt,
      now: () => new Date(),
    };
    this.#http = new ConsoleHttp({
      parts: this.parts,
      hub: live,
      throttle,
      routes: allRoutes,
      extraRoutes: (root) => {
        registerFlower(root, this.parts);
        registerMetrics(root, this.parts, metrics);
      },
      ...(webRoot === undefined ? {} : { webRoot }),
    });
    this.#steps = [
      { what: "the store", start: () => database.open(), stop: () => database.close() },
      { what: "its accounts", start: () => this.#http.prepare(), stop: () => undefined },
      { what: "its tasks", start: () => tasks.open(), stop: () => undefined },
      service("the series", series),
      service("retention", retention),
      service("the ingest", ingest),
      { what: "the series' feed", start: async () => undefined, stop: () => feed.stop() },
      service("the workers", fleet),
      service("the search for lost tasks", lost),
      service("the queues", queues),
      service("metrics", metrics),
      service("health", health),
      { what: "its actions", start: () => actions.open(), stop: () => undefined },
      { what: "operations", start: () => operations.open(), stop: () => operations.close() },
      service("jobs", jobs),
      service("the overview", overview),
    ];
  }

  /**
   * Resolves with the address for a browser once requests are answered. Rejects, with nothing left running, with a `ConfigurationError`
   * for a console that nobody or everybody could use, with a `StoreError` when its store cannot be opened, and when it is stopped meanwhile.
   */
  start(): Promise<{ readonly url: string }> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Ends streams and requests first, then the parts, last the store. Idempotent; a stopped console is not started again. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<{ readonly url: string }> {
    try {
      for (const step of this.#steps) {
        this.#refuseWhenStopping();
        // Noted before: what failed half-way is taken down as well.
        this.#started.push(step);
        await step.start();
      }
      this.#refuseWhenStopping();
      return await this.#http.start();
    } catch (error) {
      await this.#takeDown();
      throw error;
    }
  }

  async #stop(): Promise<void> {
    // What is starting ends at its next step, and must have ended before what it stands on is taken away.
    await this.#starting?.catch(() => undefined);
    await this.#takeDown();
  }

  async #takeDown(): Promise<void> {
    await this.#end({ what: "HTTP", stop: () => this.#http.stop() });
    for (const step of this.#started.splice(0).reverse()) await this.#end(step);
  }

  #refuseWhenStopping(): void {
    if (this.#stopping)
      throw new ConfigurationError("the console was stopped before it had started", { code: "console_stopped" });
  }

  /** One part that does not end must not keep the others from it. */
  async #end({ what, stop }: Pick<Step, "what" | "stop">): Promise<void> {
    try {
      await stop();
    } catch (error) {
      this.#logger.warn(`${what} did not stop as it should`, { error: String(error) });
    }
  }
}

function service(what: string, part: { start(): Promise<unknown>; stop(): Promise<unknown> }): Step {
  return { what, start: () => part.start(), stop: () => part.stop() };
}
