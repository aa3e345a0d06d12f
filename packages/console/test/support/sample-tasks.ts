import type {
  Attempt,
  ErrorGroup,
  LogLine,
  TaskDetail,
  TaskEvent,
  TaskRaw,
  TaskSummary,
  TaskTree,
  TaskType,
  TaskTypeDetail,
} from "../../src/api/tasks.js";

/** Tasks as a console might hold them, for looking at pages without a server. Instants are relative to `now`. */
export function sampleTasks(now: Date, count = 120): TaskSummary[] {
  return Array.from({ length: count }, (_, index) => sampleTask(now, index));
}

const STATES = [
  "STARTED",
  "SUCCESS",
  "SUCCESS",
  "FAILURE",
  "PENDING",
  "SUCCESS",
  "RETRY",
  "SCHEDULED",
  "SUCCESS",
  "REVOKED",
  "PROGRESS",
  "LOST",
  "SUCCESS",
  "RECEIVED",
  "REJECTED",
  "INDEXING",
] as const;
const NAMES = [
  "blog.scrape",
  "shop.add",
  "images.resize",
  "reports.build.monthly.for_all_customers",
  "mail.send",
] as const;
const ENDED = new Set<string>(["SUCCESS", "FAILURE", "REVOKED", "REJECTED", "LOST"]);

/** One of them; the state follows from the index, so that a page has some of each. */
export function sampleTask(now: Date, index: number, changes: Partial<TaskSummary> = {}): TaskSummary {
  const state = STATES[index % STATES.length] ?? "SUCCESS";
  const sent = ago(now, index * 37 + 4);
  const begun = !["PENDING", "SCHEDULED", "RECEIVED"].includes(state);
  const hostile = index === 5;
  return {
    id: `${String(index).padStart(8, "0")}-9c1f-4d3e-8a55-0242ac12${String(index).padStart(4, "0")}`,
    name: hostile ? "<img src=x onerror=alert(1)>" : (NAMES[index % NAMES.length] ?? null),
    state,
    args: hostile
      ? "['<script>alert(1)</script>', '\u202Egnp.exe']"
      : `[${index}, "https://example.org/posts/${index}"]`,
    kwargs: index % 3 === 0 ? '{"blog": "allthingsdistributed", "limit": 20}' : "{}",
    result: state === "SUCCESS" ? `{"posts": ${index * 3}, "words": ${index * 811}}` : null,
    error:
      state === "FAILURE" || state === "RETRY"
        ? `ConnectionError('example.org refused the connection on port ${8000 + index}')`
        : null,
    worker: begun ? (index % 2 === 0 ? "lovage@api-1" : "celery@worker-eu-west-1.example.internal") : null,
    queue: index % 4 === 0 ? "images" : "celery",
    exchange: "",
    routingKey: "celery",
    priority: index % 7 === 0 ? 9 : null,
    client: "12345@web-1",
    sent,
    received: state === "PENDING" ? null : ago(now, index * 37 + 3.9),
    started: begun ? ago(now, index * 37 + 3) : null,
    finished: ENDED.has(state) ? ago(now, index * 37) : null,
    eta: state === "SCHEDULED" ? ago(now, -900) : null,
    expires: null,
    wait: begun ? 1 : null,
    runtime: ENDED.has(state) ? 3 + (index % 9) * 11.7 : null,
    retries: state === "RETRY" ? 2 : 0,
    progress:
      state === "PROGRESS"
        ? { current: 34, total: 120, message: "page 34 of 120", counters: { posts: 340, skipped: 12 } }
        : null,
    rootId: null,
    parentId: null,
    groupId: null,
    schedule: index % 11 === 0 ? "nightly-report" : null,
    job: index % 5 === 0 ? "blog-scraper" : null,
    runId: null,
    rerunOf: null,
    revoked: state === "REVOKED",
    version: 1,
    ...changes,
  };
}

/** All that a task's page shows of it. */
export function sampleDetail(summary: TaskSummary, changes: Partial<TaskDetail> = {}): TaskDetail {
  const failed = summary.error !== null;
  const ended = ENDED.has(summary.state);
  const running = ["STARTED", "PROGRESS", "INDEXING"].includes(summary.state);
  const no = (reason: string) => ({ possible: false, reason });
  const yes = { possible: true, reason: null };
  return {
    ...summary,
    argsValue: {
      form: "json",
      value: [7, "https://example.org/posts/7", { $bigint: "9007199254740993123" }],
      sizeBytes: 62,
      cut: false,
    },
    kwargsValue: {
      form: "json",
      value: { blog: "allthingsdistributed", dates: { from: "2026-01-01", to: "2026-01-31" }, limit: 20 },
      sizeBytes: 90,
      cut: false,
    },
    resultValue:
      summary.result === null
        ? null
        : {
            form: "json",
            value: { posts: 21, words: 5677, links: [{ label: "Posts", href: "/posts" }] },
            sizeBytes: 60,
            cut: false,
          },
    traceback: failed ? TRACEBACK : null,
    errorChain: failed
      ? [
          { class: "ScrapeError", message: "could not read page 3" },
          { class: "ConnectionError", message: "example.org refused the connection on port 8003" },
        ]
      : [],
    exactArguments: { known: true, source: "event", reason: null },
    maxRetries: 3,
    timeLimit: 300,
    softTimeLimit: 240,
    contentType: "application/json",
    sizeBytes: 812,
    deliveries: 1,
    slot: running ? "child 2 (pid 4711)" : null,
    stamps: { tenant: "acme" },
    rerunAs: [],
    children: [],
    logsCut: false,
    actions: {
      revoke: running || ended ? no("It has begun") : yes,
      stop: running ? yes : no(ended ? "It has ended" : "It has not begun"),
      terminate: running ? yes : no(ended ? "It has ended" : "It has not begun"),
      rerun: ended ? yes : no("It has not ended"),
      retry: ended && summary.state !== "SUCCESS" ? yes : no(ended ? "It succeeded" : "It has not ended"),
      forget: yes,
    },
    ...changes,
  };
}

const TRACEBACK = `Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/celery/app/trace.py", line 451, in trace_task
    R = retval = fun(*args, **kwargs)
  File "/usr/lib/python3/dist-packages/celery/app/trace.py", line 734, in __protected_call__
    return self.run(*args, **kwargs)
  File "/srv/blog/tasks.py", line 42, in scrape
    page = fetch(url)
  File "/srv/blog/fetch.py", line 17, in fetch
    raise ScrapeError("could not read page 3") from error
blog.errors.ScrapeError: could not read page 3
`;

/** A task that was redelivered, retried and then failed. */
export function sampleAttempts(now: Date): Attempt[] {
  return [
    {
      number: 1,
      worker: "lovage@api-1",
      received: ago(now, 120),
      started: ago(now, 119),
      ended: ago(now, 100),
      runtime: null,
      state: "LOST",
      error: null,
      nextAt: null,
      redelivered: false,
    },
    {
      number: 2,
      worker: "lovage@api-2",
      received: ago(now, 90),
      started: ago(now, 89),
      ended: ago(now, 80),
      runtime: 9,
      state: "RETRY",
      error: "ConnectionError('refused')",
      nextAt: ago(now, 50),
      redelivered: true,
    },
    {
      number: 3,
      worker: "lovage@api-1",
      received: ago(now, 52),
      started: ago(now, 49),
      ended: ago(now, 8),
      runtime: 41,
      state: "FAILURE",
      error: "ScrapeError('could not read page 3')",
      nextAt: null,
      redelivered: false,
    },
  ];
}

/** The events behind `sampleAttempts`. */
export function sampleEvents(now: Date): TaskEvent[] {
  const event = (
    type: string,
    seconds: number,
    worker: string,
    clock: number,
    fields: Record<string, unknown>,
  ): TaskEvent => ({ type, at: ago(now, seconds), worker, clock, fields });
  return [
    event("task-sent", 125, "12345@web-1", 1, { queue: "celery" }),
    event("task-received", 120, "lovage@api-1", 2, { retries: 0 }),
    event("task-started", 119, "lovage@api-1", 3, { pid: 4711 }),
    event("task-received", 90, "lovage@api-2", 9, { retries: 0 }),
    event("task-started", 89, "lovage@api-2", 10, { pid: 812 }),
    event("task-retried", 80, "lovage@api-2", 14, {
      exception: "ConnectionError('refused')",
      lovage: { eta: ago(now, 50) },
    }),
    event("task-received", 52, "lovage@api-1", 15, { retries: 1 }),
    event("task-started", 49, "lovage@api-1", 20, { pid: 4712 }),
    event("task-failed", 8, "lovage@api-1", 31, { exception: "ScrapeError('could not read page 3')" }),
  ];
}

/** Lines of two attempts, some with members, one hostile. */
export function sampleLogs(now: Date, taskId: string, count = 60): LogLine[] {
  const levels = ["info", "debug", "info", "warn", "info", "error"] as const;
  return Array.from({ length: count }, (_, index) => ({
    seq: index + 1,
    taskId,
    at: ago(now, (count - index) * 2),
    level: levels[index % levels.length] ?? "info",
    message:
      index === 7
        ? "<b>not bold</b> \u0000 \u202Eesrever"
        : `page ${index} of ${count}: https://example.org/posts/${index} read, 12 links, nothing new since the last run`,
    fields: index % 5 === 0 ? { page: index, bytes: index * 1024 } : {},
    attempt: index < count / 2 ? 1 : 2,
    worker: "lovage@api-1",
  }));
}

/** A root, two it sent, and one that these sent. */
export function sampleTree(now: Date): TaskTree {
  const root = sampleTask(now, 1);
  const child = (index: number, parentId: string) => sampleTask(now, index, { rootId: root.id, parentId });
  const first = child(2, root.id);
  return { rootId: root.id, tasks: [root, first, child(3, root.id), child(10, first.id)], cut: false };
}

export function sampleRaw(now: Date): TaskRaw {
  return {
    message: null,
    result: {
      status: "FAILURE",
      result: { exc_type: "ScrapeError", exc_message: ["could not read page 3"] },
      date_done: now.toISOString(),
    },
    events: sampleEvents(now),
  };
}

export function sampleErrorGroups(now: Date): ErrorGroup[] {
  return [
    {
      fingerprint: "f1",
      class: "ConnectionError",
      message: "… refused the connection on port #",
      task: "blog.scrape",
      count: 182,
      trend: [0, 0, 3, 1, 9, 20, 14, 30, 41, 22, 12, 30],
      firstSeen: ago(now, 50_000),
      lastSeen: ago(now, 12),
      workers: ["lovage@api-1", "celery@worker-eu-west-1.example.internal"],
      sampleId: sampleTask(now, 3).id,
    },
    {
      fingerprint: "f2",
      class: "ValidationError",
      message: "limit: expected a number, got …",
      task: "images.resize",
      count: 14,
      trend: [14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      firstSeen: ago(now, 80_000),
      lastSeen: ago(now, 79_000),
      workers: ["lovage@api-1"],
      sampleId: sampleTask(now, 19).id,
    },
    {
      fingerprint: "f3",
      class: "TimeLimitExceeded",
      message: "TimeLimitExceeded(#)",
      task: "reports.build.monthly.for_all_customers",
      count: 4,
      trend: [0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1],
      firstSeen: ago(now, 40_000),
      lastSeen: ago(now, 400),
      workers: ["lovage@api-2"],
      sampleId: sampleTask(now, 35).id,
    },
  ];
}

export function sampleTaskTypes(now: Date): TaskType[] {
  return NAMES.map((name, index) => ({
    name,
    registeredOn:
      index === 4
        ? []
        : [
            { worker: "lovage@api-1", kind: "lovage" as const },
            ...(index % 2 === 0
              ? [{ worker: "celery@worker-eu-west-1.example.internal", kind: "celery" as const }]
              : []),
          ],
    inApp: index !== 1,
    queue: index === 2 ? "images" : "celery",
    rateLimit: index === 2 ? "10/m" : null,
    runs: 1200 * (5 - index),
    failures: index * 13,
    runtimeP50: 0.8 * (index + 1),
    runtimeP95: 3.1 * (index + 1),
    waitP95: index === 3 ? null : 0.2,
    lastRun: index === 4 ? null : ago(now, index * 91),
  }));
}

export function sampleTaskTypeDetail(now: Date, name: string): TaskTypeDetail {
  const found = sampleTaskTypes(now).find((type) => type.name === name) ?? sampleTaskTypes(now)[0];
  if (found === undefined) {
    throw new Error("no sample");
  }
  return {
    ...found,
    description: "Reads a blog page by page and stores what is new.\nStops at the first post that is known already.",
    options: {
      queue: found.queue,
      maxRetries: 3,
      retryBackoff: true,
      timeLimit: 300,
      softTimeLimit: 240,
      acksLate: true,
    },
    schema: name === "shop.add" ? null : SCRAPE_SCHEMA,
    passes: name === "shop.add" ? "args" : "kwargs",
    histogram: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60].map((upTo, index) => ({
      upTo,
      count: [2, 14, 88, 240, 190, 70, 22, 6, 1][index] ?? 0,
    })),
    recentFailures: [3, 19, 35].map((index) => sampleTask(now, index)),
  };
}

/** The blog scraper's form: an enum, dates, a default, a number with bounds, a list. */
export const SCRAPE_SCHEMA: Record<string, unknown> = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: {
    blog: { type: "string", enum: ["allthingsdistributed", "martinfowler"], description: "Which blog to read" },
    from: { type: "string", format: "date", description: "Posts since this day" },
    skip: { type: "boolean", default: false, description: "Leave out posts that are stored" },
    limit: { type: "integer", minimum: 1, maximum: 500, default: 20 },
    tags: { type: "array", items: { type: "string" }, default: [] },
  },
  required: ["blog", "limit"],
  additionalProperties: false,
};

function ago(now: Date, seconds: number): string {
  return new Date(now.getTime() - seconds * 1000).toISOString();
}
