import type { Page } from "../../src/api/common.js";
import type { JobDetail, JobStats, RunDetail, RunSummary } from "../../src/api/jobs.js";
import type {
  AuditEntry,
  Me,
  Operation,
  OperationDetail,
  Overview,
  Series,
  SystemInfo,
  TokenItem,
  UserItem,
} from "../../src/api/operations.js";
import type { DeadLetterPage, QueueDetail, QueueMessage, QueueSummary } from "../../src/api/queues.js";
import type {
  Attempt,
  ErrorGroup,
  LogLine,
  TaskDetail,
  TaskEvent,
  TaskSummary,
  TaskTypeDetail,
} from "../../src/api/tasks.js";
import type { WorkerDetail, WorkerList } from "../../src/api/workers.js";
import { sampleDeadLetters, sampleMessages, sampleQueueDetail, sampleQueues } from "./sample-queues.js";
import { sampleWorkerDetail, sampleWorkerList } from "./sample-workers.js";

/**
 * What a busy console would answer, typed as its API: for looking at pages, and for tests of pages alone. Some of it is hostile on purpose.
 * Every instant is counted from `now`, so that pages look alive.
 */
export class SampleData {
  readonly #now: number;
  constructor(now: Date = new Date()) {
    this.#now = now.getTime();
  }

  /** An instant so many seconds ago; negative ones are to come. */
  ago(seconds: number): string {
    return new Date(this.#now - seconds * 1000).toISOString();
  }

  me(role: Me["role"] = "admin"): Me {
    return {
      name: "ada",
      role,
      authMode: "basic",
      readOnly: role === "viewer",
      seesPayloads: true,
      environment: { name: "staging", color: "#c26a12" },
      links: [{ label: "Posts", href: "http://127.0.0.1:3000/posts" }],
      version: "0.1.0",
      hasApp: true,
      views: [
        { id: "v1", page: "tasks", name: "Failures of today", search: "state=FAILURE", shared: true, own: false },
        { id: "v2", page: "tasks", name: "Slow adds", search: "q=name%3Aadd", shared: false, own: true },
      ],
    };
  }

  tasks(): TaskSummary[] {
    const states = [
      "STARTED",
      "SUCCESS",
      "FAILURE",
      "SUCCESS",
      "RETRY",
      "RECEIVED",
      "SUCCESS",
      "REVOKED",
      "LOST",
      "SCHEDULED",
      "SUCCESS",
      "PENDING",
      "REJECTED",
      "IGNORED",
      "CRAWLING",
    ];
    const names = ["shop.orders.charge", "mail.send_receipt", "images.resize", "reports.nightly_export", "scrape-blog"];
    return Array.from({ length: 50 }, (_, index) =>
      this.task(index, states[index % states.length] ?? "PENDING", names[index % names.length] ?? "task"),
    );
  }

  task(index: number, state: string, name: string): TaskSummary {
    const begun = !["PENDING", "SCHEDULED", "RECEIVED"].includes(state);
    const final = ["SUCCESS", "FAILURE", "REVOKED", "REJECTED", "IGNORED"].includes(state);
    const age = 4 + index * 37;
    return {
      id: `9f6c1d0e-3b7a-4c55-8e21-${String(index).padStart(12, "0")}`,
      name,
      state,
      args: index === 3 ? '["<img src=x onerror=alert(1)>", "‮txt.exe"]' : `[${1000 + index}, "eu-west"]`,
      kwargs: index % 3 === 0 ? '{"dry_run": false}' : "{}",
      result: state === "SUCCESS" ? '{"charged": 4210, "currency": "EUR"}' : null,
      error:
        state === "FAILURE"
          ? "PaymentDeclined: card 4242 was declined by the issuer"
          : state === "RETRY"
            ? "TimeoutError: no answer within 5 s"
            : null,
      worker: begun ? `celery@web-${(index % 3) + 1}` : null,
      queue: ["default", "mail", "images"][index % 3] ?? "default",
      exchange: "",
      routingKey: "default",
      priority: null,
      client: "gen1@api-1",
      sent: this.ago(age + 1),
      received: state === "PENDING" ? null : this.ago(age),
      started: begun ? this.ago(age - 0.4) : null,
      finished: final ? this.ago(age - 2.6) : null,
      eta: state === "SCHEDULED" ? this.ago(-600) : null,
      expires: null,
      wait: begun ? 0.42 + index / 10 : null,
      runtime: final ? 0.084 * (index + 1) : null,
      retries: state === "RETRY" ? 2 : 0,
      progress:
        state === "STARTED" ? { current: 37, total: 120, message: "page 37 of 120", counters: { posts: 412 } } : null,
      rootId: null,
      parentId: null,
      groupId: null,
      schedule: index === 3 ? "nightly-export" : null,
      job: name === "scrape-blog" ? "scrape-blog" : null,
      runId: null,
      rerunOf: null,
      revoked: state === "REVOKED",
      version: 1,
    };
  }

  taskDetail(id: string): TaskDetail {
    const found = this.tasks().find((task) => task.id === id) ?? this.task(2, "FAILURE", "shop.orders.charge");
    const allowed = { possible: true, reason: null };
    const refused = { possible: false, reason: "it has finished" };
    return {
      ...found,
      id,
      argsValue: {
        form: "json",
        value: [
          1002,
          "eu-west",
          { items: [{ sku: "A-1", amount: { $bigint: "9007199254740993123" } }], note: "<b>fast</b>" },
        ],
        sizeBytes: 412,
        cut: false,
      },
      kwargsValue: {
        form: "repr",
        value: "{'dry_run': False, 'client': <Client 'acme' at 0x7f>}",
        sizeBytes: 51,
        cut: false,
      },
      resultValue:
        found.state === "SUCCESS"
          ? { form: "json", value: { charged: 4210, currency: "EUR" }, sizeBytes: 36, cut: false }
          : null,
      traceback: found.state === "FAILURE" ? TRACE : null,
      errorChain:
        found.state === "FAILURE"
          ? [
              { class: "PaymentDeclined", message: "card 4242 was declined by the issuer" },
              { class: "HttpError", message: "402 Payment Required" },
            ]
          : [],
      exactArguments: { known: true, source: "result backend", reason: null },
      maxRetries: 3,
      timeLimit: 300,
      softTimeLimit: 240,
      contentType: "application/json",
      sizeBytes: 812,
      deliveries: 1,
      slot: "2",
      stamps: {},
      rerunAs: [],
      children: [],
      logsCut: false,
      actions: { revoke: refused, stop: refused, terminate: refused, rerun: allowed, retry: allowed, forget: allowed },
    };
  }

  attempts(): Attempt[] {
    return [1, 2, 3].map((number) => ({
      number,
      worker: "celery@web-1",
      received: this.ago(200 - number * 40),
      started: this.ago(199 - number * 40),
      ended: this.ago(195 - number * 40),
      runtime: 4.1,
      state: number === 3 ? "FAILURE" : "RETRY",
      error:
        number === 3 ? "PaymentDeclined: card 4242 was declined by the issuer" : "TimeoutError: no answer within 5 s",
      nextAt: number === 3 ? null : this.ago(160 - number * 40),
      redelivered: number === 2,
    }));
  }

  logs(taskId: string): LogLine[] {
    const levels = ["info", "debug", "warn", "error"] as const;
    return Array.from({ length: 60 }, (_, index) => ({
      seq: index + 1,
      taskId,
      at: this.ago(120 - index),
      level: levels[index % levels.length] ?? "info",
      message: index === 5 ? "<script>alert('log')</script>" : `fetched page ${index} of the archive`,
      fields: { page: index },
      attempt: index < 30 ? 1 : 2,
      worker: "celery@web-1",
    }));
  }

  taskEvents(): TaskEvent[] {
    return ["task-sent", "task-received", "task-started", "task-failed"].map((type, index) => ({
      type,
      at: this.ago(60 - index * 5),
      worker: "celery@web-1",
      clock: 1200 + index,
      fields: { uuid: "9f6c1d0e", local_received: 1.5 },
    }));
  }

  errors(): ErrorGroup[] {
    const classes = ["PaymentDeclined", "TimeoutError", "KeyError", "ConnectionResetError"];
    return classes.map((name, index) => ({
      fingerprint: `f${index}`,
      class: name,
      message: index === 2 ? "'…'" : "card … was declined by the issuer",
      task: ["shop.orders.charge", "mail.send_receipt"][index % 2] ?? "",
      count: 412 - index * 97,
      trend: [1, 4, 9, 3, 0, 12, 22, 8, 4, 14, 30, 26].map((value) => value * (4 - index)),
      firstSeen: this.ago(86_400 * (index + 1)),
      lastSeen: this.ago(40 * (index + 1)),
      workers: ["celery@web-1", "celery@web-2"],
      sampleId: "9f6c1d0e-3b7a-4c55-8e21-000000000002",
    }));
  }

  taskTypes(): TaskTypeDetail[] {
    const names = ["shop.orders.charge", "mail.send_receipt", "images.resize", "reports.nightly_export", "scrape-blog"];
    return names.map((name, index) => ({
      name,
      registeredOn: [
        { worker: "celery@web-1", kind: "celery" },
        { worker: "lovage@web-3", kind: "lovage" },
      ],
      inApp: index % 2 === 0,
      queue: "default",
      rateLimit: index === 1 ? "10/m" : null,
      runs: 18_240 - index * 3_100,
      failures: 210 - index * 40,
      runtimeP50: 0.12 * (index + 1),
      runtimeP95: 1.4 * (index + 1),
      waitP95: 0.6,
      lastRun: this.ago(14 * (index + 1)),
      description: "Charges an order's card and writes the receipt.",
      options: { queue: "default", maxRetries: 3, ackLate: true },
      schema: index === 4 ? BLOG_SCHEMA : null,
      passes: index === 4 ? "args" : null,
      histogram: [0.01, 0.05, 0.1, 0.5, 1, 5].map((upTo, place) => ({ upTo, count: 40 * ((place * 7) % 5) + 12 })),
      recentFailures: this.tasks().filter((task) => task.state === "FAILURE"),
    }));
  }

  workers(): WorkerList {
    return sampleWorkerList(this.#date);
  }
  workerDetail(name: string): WorkerDetail | undefined {
    return sampleWorkerDetail(this.#date, name);
  }
  queues(internal = false): QueueSummary[] {
    return sampleQueues(this.#date, internal);
  }
  queueDetail(name: string, peek: QueueDetail["peek"] = "disturbs"): QueueDetail | undefined {
    return sampleQueueDetail(this.#date, name, peek);
  }
  messages(): QueueMessage[] {
    return sampleMessages(this.#date);
  }
  deadLetters(filter?: URLSearchParams): DeadLetterPage {
    return sampleDeadLetters(this.#date, filter);
  }
  get #date(): Date {
    return new Date(this.#now);
  }

  runs(): RunSummary[] {
    const states = ["STARTED", "SUCCESS", "SUCCESS", "FAILURE", "REVOKED"];
    return states.map((state, index) => ({
      id: `run-${index}`,
      job: "scrape-blog",
      number: 42 - index,
      state,
      queuedAt: this.ago(index * 3_600 + 61),
      started: this.ago(index * 3_600 + 60),
      finished: state === "STARTED" ? null : this.ago(index * 3_600),
      length: 60 + index,
      progress:
        state === "STARTED" ? { current: 12, total: 40, message: "page 12 of 40", counters: { posts: 96 } } : null,
      by: "ada",
      parameters: { blog: "https://example.org/blog", pages: 40 },
      counters: { posts: 96, skipped: 4 },
    }));
  }

  runDetail(id: string): RunDetail {
    const run = this.runs().find((each) => each.id === id) ?? this.runs()[0];
    if (!run) throw new Error("there are runs");
    return {
      ...run,
      jobTitle: "Scrape a blog",
      taskName: "scrape-blog",
      result: {
        form: "json",
        value: { posts: 96, links: [{ label: "Posts", href: "/posts" }] },
        sizeBytes: 60,
        cut: false,
      },
      error: null,
      traceback: null,
      links: [{ label: "Posts", href: "http://127.0.0.1:3000/posts" }],
      actions: { stop: { possible: true, reason: null }, rerun: { possible: true, reason: null } },
    };
  }

  jobs(): JobDetail[] {
    const [lastRun = null] = this.runs();
    return ["scrape-blog", "nightly-export"].map((slug, index) => ({
      slug,
      title: index === 0 ? "Scrape a blog" : "Nightly export",
      task: index === 0 ? "scrape-blog" : "reports.nightly_export",
      description: "Reads every post of a blog and keeps it.",
      source: index === 0 ? "app" : "console",
      concurrency: "skip",
      lastRun: index === 0 ? lastRun : null,
      running: index === 0 ? 1 : 0,
      successRate: index === 0 ? 0.92 : null,
      lengthP95: index === 0 ? 74 : null,
      nextRun: null,
      runs: index === 0 ? 42 : 0,
      fixed: {},
      defaults: { pages: 40 },
      form: BLOG_SCHEMA,
      queue: null,
      etag: index === 0 ? null : "1",
    }));
  }

  jobStats(): JobStats {
    return {
      days: Array.from({ length: 14 }, (_, index) => ({
        day: this.ago((13 - index) * 86_400).slice(0, 10),
        states: { SUCCESS: 3 + (index % 4), FAILURE: index % 3 },
      })),
      lengths: Array.from({ length: 30 }, (_, index) => ({
        number: index + 12,
        at: this.ago((30 - index) * 7_200),
        length: 55 + ((index * 13) % 22),
        state: "SUCCESS",
      })),
      counters: [{ name: "posts", sum: 4_012, last: 96 }],
      runs: 42,
      succeeded: 38,
      failed: 3,
      revoked: 1,
      lengthP50: 58,
      lengthP95: 74,
    };
  }

  overview(): Overview {
    return {
      tiles: {
        workersOnline: 2,
        workersKnown: 4,
        running: 13,
        slots: 16,
        ready: 336,
        reserved: 24,
        scheduled: 12,
        finishedPerMinute: 812.4,
        failureRate: 0.024,
        failures: 38,
        oldestWaiting: 126,
        deadLetters: 6,
      },
      attention: [
        {
          id: "a1",
          kind: "worker-silent",
          severity: "serious",
          title: "celery@web-3 is silent",
          detail: "No heartbeat for 1 m 20 s; 3 of its tasks are lost.",
          since: this.ago(80),
          link: "/workers/celery%40web-3",
        },
        {
          id: "a2",
          kind: "no-consumer",
          severity: "serious",
          title: "Queue q.é 1/50% has 168 messages and no consumer",
          detail: "Nothing takes them.",
          since: this.ago(610),
          link: "/queues/q.%C3%A9%201%2F50%25",
        },
        {
          id: "a3",
          kind: "events-off",
          severity: "warning",
          title: "Events are off on celery@web-3",
          detail: "Its tasks are not seen.",
          since: this.ago(3_000),
          link: "/workers/celery%40web-3",
        },
      ],
      topErrors: this.errors().map((error) => ({
        fingerprint: error.fingerprint,
        task: error.task,
        class: error.class,
        message: error.message,
        count: error.count,
      })),
      slowest: this.taskTypes().map((type) => ({ task: type.name, p95: (type.runtimeP95 ?? 0) * 4, runs: type.runs })),
      longestRunning: this.tasks()
        .filter((task) => task.state === "STARTED")
        .map((task, index) => ({
          id: task.id,
          name: task.name,
          worker: task.worker,
          elapsed: 412 - index * 60,
          progress: index % 2 === 0 ? { current: 37, total: 120 } : null,
        })),
      broker: { reachable: true, url: "redis://127.0.0.1:6379/0", error: null },
    };
  }

  series(metric: string, range: string): Series {
    const shape = SERIES[metric] ?? { unit: "count" as const, lines: ["value"], scale: 10 };
    const length = 90;
    const step = (RANGE_SECONDS[range] ?? 3600) / length;
    return {
      metric: (metric in SERIES ? metric : "queue") as Series["metric"],
      from: this.ago(length * step),
      to: this.ago(0),
      step,
      unit: shape.unit,
      lines: shape.lines.map((name, line) => ({
        name,
        points: points(length, shape.scale / (line * 2 + 1), line, name === "capacity"),
      })),
    };
  }

  operations(): Operation[] {
    const states = ["running", "done", "cancelled", "failed", "waiting"] as const;
    const kinds = ["rerun", "revoke", "terminate", "forget", "stop-all"] as const;
    return states.map((state, index) => ({
      id: `op-${index + 1}`,
      kind: kinds[index] ?? "rerun",
      state,
      filter: index === 4 ? null : { state: "FAILURE", q: "name:charge" },
      by: "ada",
      createdAt: this.ago(60 + index * 900),
      startedAt: state === "waiting" ? null : this.ago(58 + index * 900),
      finishedAt: state === "running" || state === "waiting" ? null : this.ago(index * 900),
      total: state === "waiting" ? null : 3_000,
      done: [1_204, 2_980, 400, 12, 0][index] ?? 0,
      failed: [3, 8, 0, 2, 0][index] ?? 0,
      skipped: [12, 12, 0, 0, 0][index] ?? 0,
      error: state === "failed" ? "the broker could not be reached" : null,
    }));
  }

  operation(id: string): OperationDetail {
    const operation = this.operations().find((each) => each.id === id) ?? this.operations()[0];
    if (!operation) throw new Error("there are operations");
    const outcomes = ["done", "done", "failed", "skipped"] as const;
    return {
      ...operation,
      items: this.tasks()
        .slice(0, 24)
        .map((task, index) => {
          const outcome = outcomes[index % outcomes.length] ?? "done";
          return {
            target: task.id,
            outcome,
            detail:
              outcome === "failed"
                ? "its arguments are not known exactly"
                : outcome === "skipped"
                  ? "it has been re-run meanwhile"
                  : "re-run as 81c2…",
          };
        }),
      nextCursor: null,
    };
  }

  audit(): AuditEntry[] {
    const actions = ["task.revoke", "queue.purge", "worker.pool.grow", "operation.start", "login", "token.create"];
    return Array.from({ length: 40 }, (_, index) => ({
      id: 4_000 - index,
      at: this.ago(index * 431 + 12),
      user: index % 4 === 0 ? "grace" : "ada",
      role: index % 4 === 0 ? "operator" : "admin",
      via: (["page", "api", "flower"] as const)[index % 3] ?? "page",
      action: actions[index % actions.length] ?? "login",
      target: index % 2 === 0 ? "9f6c1d0e-3b7a-4c55-8e21-000000000002" : "q.é 1/50%",
      parameters: index % 5 === 0 ? { signal: "SIGTERM", password: "***" } : {},
      outcome: index % 7 === 3 ? "refused: needs admin" : "done",
      address: "127.0.0.1",
    }));
  }

  users(): UserItem[] {
    return [
      {
        name: "ada",
        role: "admin",
        disabled: false,
        createdAt: this.ago(8_640_000),
        lastSeen: this.ago(4),
        source: "store",
      },
      {
        name: "grace",
        role: "operator",
        disabled: false,
        createdAt: this.ago(4_320_000),
        lastSeen: this.ago(86_400),
        source: "store",
      },
      {
        name: "visitor",
        role: "viewer",
        disabled: true,
        createdAt: this.ago(320_000),
        lastSeen: null,
        source: "store",
      },
      {
        name: "root",
        role: "admin",
        disabled: false,
        createdAt: this.ago(8_640_000),
        lastSeen: null,
        source: "settings",
      },
    ];
  }

  tokens(): TokenItem[] {
    return [
      {
        id: "t1",
        name: "grafana",
        role: "viewer",
        createdAt: this.ago(864_000),
        expires: this.ago(-8_640_000),
        lastUsed: this.ago(12),
        disabled: false,
      },
      {
        id: "t2",
        name: "deploy",
        role: "operator",
        createdAt: this.ago(86_400),
        expires: null,
        lastUsed: null,
        disabled: false,
      },
    ];
  }

  system(): SystemInfo {
    return {
      version: "0.1.0",
      startedAt: this.ago(40_000),
      broker: {
        url: "redis://127.0.0.1:6379/0",
        reachable: true,
        error: null,
        capabilities: { peek: "clean", priorities: 10, delays: true, broadcasts: true },
      },
      backend: { url: "redis://127.0.0.1:6379/1", capabilities: { expires: true } },
      store: { url: "sqlite:.lovage/console.db", sizeBytes: 412 * 1024 * 1024, tasks: 812_431, trouble: null },
      ingest: {
        leader: true,
        ratePerSecond: 214.2,
        lag: 0.12,
        dropped: 0,
        waiting: 3,
        gaps: [{ from: this.ago(9_000), to: this.ago(8_700), reason: "the broker could not be reached" }],
      },
      retention: {
        taskDays: 7,
        taskCount: 1_000_000,
        failureDays: 30,
        logDays: 3,
        logBytesPerTask: 262_144,
        auditDays: 365,
      },
      streamClients: 2,
    };
  }
}

/** A list's page with all items on it. */
export function pageOf<T>(items: readonly T[], count = items.length): Page<T> {
  return { items, nextCursor: count > items.length ? "next" : null, total: { count, exact: count <= 10_000 } };
}

const RANGE_SECONDS: Readonly<Record<string, number>> = {
  "15m": 900,
  "1h": 3600,
  "6h": 21_600,
  "24h": 86_400,
  "7d": 604_800,
  "30d": 2_592_000,
};
const SERIES: Readonly<
  Record<string, { readonly unit: Series["unit"]; readonly lines: readonly string[]; readonly scale: number }>
> = {
  throughput: { unit: "per-minute", lines: ["SUCCESS", "FAILURE", "REVOKED"], scale: 800 },
  wait: { unit: "seconds", lines: ["p50", "p95", "p99"], scale: 0.4 },
  runtime: { unit: "seconds", lines: ["p50", "p95", "p99"], scale: 3 },
  failures: { unit: "share", lines: ["failures"], scale: 0.05 },
  depth: { unit: "count", lines: ["default", "mail", "images", "q.é 1/50%", "other"], scale: 400 },
  slots: { unit: "count", lines: ["busy", "capacity"], scale: 14 },
  queue: { unit: "per-minute", lines: ["in", "deliver", "ack", "redelivered"], scale: 240 },
};

function points(length: number, scale: number, line: number, flat: boolean): (number | null)[] {
  return Array.from({ length }, (_, index) => {
    if (flat) return 16;
    if (index > 40 && index < 44) return null;
    return scale * (0.7 + 0.3 * Math.sin(index / 7 + line) + 0.08 * Math.sin(index * 2.3 + line * 3));
  });
}

const TRACE = `Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/celery/app/trace.py", line 451, in trace_task
    R = retval = fun(*args, **kwargs)
  File "/usr/lib/python3.11/site-packages/celery/app/trace.py", line 734, in __protected_call__
    return self.run(*args, **kwargs)
  File "/srv/shop/orders.py", line 88, in charge
    raise PaymentDeclined(card) from error
shop.errors.PaymentDeclined: card 4242 was declined by the issuer
`;

const BLOG_SCHEMA = {
  type: "object",
  properties: {
    blog: { type: "string", format: "uri", title: "Blog", description: "Where its list of posts is." },
    pages: { type: "integer", minimum: 1, maximum: 500, default: 10, title: "Pages" },
    since: { type: "string", format: "date", title: "Since" },
    order: { type: "string", enum: ["newest", "oldest"], default: "newest" },
    skip: { type: "array", items: { type: "string" }, title: "Skip" },
    images: { type: "boolean", default: true, title: "Images too" },
    login: { type: "object", properties: { user: { type: "string" }, retries: { type: "integer" } } },
  },
  required: ["blog", "pages"],
};
