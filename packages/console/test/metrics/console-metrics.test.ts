import { silentLogger } from "lovage";
import { beforeEach, describe, expect, test } from "vitest";
import type { QueueSummary } from "../../src/api/queues.js";
import type { WorkerSummary } from "../../src/api/workers.js";
import { ConsoleMetrics } from "../../src/server/metrics/console-metrics.js";
import { LabelLimit } from "../../src/server/metrics/label-limit.js";
import type { HeardEvent } from "../../src/server/parts.js";
import { emptyRecord, type TaskRecord } from "../../src/server/store/task-record.js";
import { heard } from "../support/heard-event.js";
import { queue, worker } from "../support/summaries.js";

describe("metrics", () => {
  let workers: WorkerSummary[];
  let queues: QueueSummary[];
  let nowMs: number;
  let hear: (event: HeardEvent) => void;
  let learn: (records: readonly TaskRecord[]) => void;
  let metrics: ConsoleMetrics;
  let jobs: () => Promise<{ job: string; state: string; runs: number }[]>;

  beforeEach(async () => {
    workers = [worker({ name: "w1@a", active: 2, slots: 4, busy: 2 })];
    queues = [queue({ ready: { value: 7 }, unacked: { value: null, reason: "not told" } })];
    nowMs = Date.parse("2026-01-31T10:00:00.000Z");
    jobs = async () => [{ job: "scrape", state: "SUCCESS", runs: 3 }];
    metrics = new ConsoleMetrics({
      ingest: {
        onEvent: (listener) => {
          hear = listener;
          return () => undefined;
        },
        onTasks: (listener) => {
          learn = listener;
          return () => undefined;
        },
        status: { leader: true, ratePerSecond: 0, lag: 0.5, dropped: 0, waiting: 0, gaps: [] },
      },
      fleet: { list: () => workers, get: (name) => workers.find((each) => each.name === name) },
      queues: {
        current: () => queues,
        totals: () => ({ published: 10, delivered: 8, acked: 7, redelivered: 1 }),
        deadLetters: { counts: [{ queue: "images", reason: "not_decodable", count: 2 }] } as never,
        state: { reachable: true, error: null, since: new Date(0) },
      },
      jobs: { counts: () => jobs() },
      live: { clientCount: 3 },
      database: { size: async () => 4096 },
      logger: silentLogger,
      now: () => new Date(nowMs),
    });
    await metrics.start();
  });

  const lines = async (start: string): Promise<string[]> =>
    (await metrics.metricsText()).split("\n").filter((line) => line.startsWith(start));

  const task = { name: "shop.add", queue: "images", sentMs: 1000, receivedMs: 2000, startedMs: 3000 };

  test("have Flower's names, labels and buckets", async () => {
    hear(heard("task-received", { name: "shop.add" }, { ...task, state: "RECEIVED", startedMs: null }));
    expect(await lines("flower_worker_prefetched_tasks{")).toEqual([
      'flower_worker_prefetched_tasks{worker="w1@a",task="shop.add"} 1',
    ]);
    hear(heard("task-started", {}, { ...task, state: "STARTED" }));
    expect(await lines("flower_worker_prefetched_tasks{")).toEqual([
      'flower_worker_prefetched_tasks{worker="w1@a",task="shop.add"} 0',
    ]);
    expect(await lines("flower_task_prefetch_time_seconds{")).toEqual([
      'flower_task_prefetch_time_seconds{worker="w1@a",task="shop.add"} 1',
    ]);
    hear(
      heard(
        "task-succeeded",
        { runtime: 0.06 },
        { ...task, state: "SUCCESS", runtime: 0.06, finishedMs: 3060 },
        "w1@a",
        { state: "STARTED" },
      ),
    );
    expect(await lines("flower_events_total{")).toContain(
      'flower_events_total{worker="w1@a",type="task-succeeded",task="shop.add"} 1',
    );
    const buckets = await lines("flower_task_runtime_seconds_bucket");
    expect(buckets.map((line) => /le="([^"]+)"/.exec(line)?.[1])).toEqual([
      "0.005",
      "0.01",
      "0.025",
      "0.05",
      "0.075",
      "0.1",
      "0.25",
      "0.5",
      "0.75",
      "1",
      "2.5",
      "5",
      "7.5",
      "10",
      "+Inf",
    ]);
    expect(buckets.filter((line) => line.endsWith(" 1"))).toHaveLength(11);
    expect(await lines("flower_worker_online")).toEqual(['flower_worker_online{worker="w1@a"} 1']);
    expect(await lines("flower_worker_number_of_currently_executing_tasks{")).toEqual([
      'flower_worker_number_of_currently_executing_tasks{worker="w1@a"} 2',
    ]);
  });

  test("have ours beside them", async () => {
    hear(heard("task-started", {}, { ...task, state: "STARTED" }));
    hear(
      heard(
        "task-succeeded",
        { runtime: 2 },
        { ...task, state: "SUCCESS", runtime: 2, finishedMs: 5000, job: "scrape", runId: "t1" },
        "w1@a",
        { state: "STARTED" },
      ),
    );
    // Heard again, it is not counted again.
    hear(
      heard("task-succeeded", { runtime: 2 }, { ...task, state: "SUCCESS", runtime: 2 }, "w1@a", { state: "SUCCESS" }),
    );
    learn([{ ...emptyRecord("t2", 0), state: "LOST", worker: "w1@a" }]);
    learn([{ ...emptyRecord("t2", 0), state: "LOST", worker: "w1@a" }]);
    const text = await metrics.metricsText();
    for (const line of [
      'lovage_tasks_total{task="shop.add",queue="images",state="SUCCESS"} 1',
      'lovage_task_runtime_seconds_sum{task="shop.add",queue="images"} 2',
      'lovage_task_wait_seconds_sum{task="shop.add",queue="images"} 2',
      'lovage_tasks_lost_total{worker="w1@a"} 1',
      'lovage_queue_ready{queue="images"} 7',
      'lovage_queue_published_total{queue="images"} 10',
      'lovage_queue_redelivered_total{queue="images"} 1',
      'lovage_dead_letters{queue="images",reason="not_decodable"} 2',
      'lovage_worker_up{worker="w1@a"} 1',
      'lovage_worker_slots{worker="w1@a"} 4',
      'lovage_worker_slots_busy{worker="w1@a"} 2',
      'lovage_job_runs_total{job="scrape",state="SUCCESS"} 3',
      'lovage_job_run_duration_seconds_sum{job="scrape"} 2',
      "lovage_console_events_total 3",
      "lovage_console_ingest_lag_seconds 0.5",
      "lovage_console_stream_clients 3",
      "lovage_console_store_bytes 4096",
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    for (const name of [
      "lovage_topic_published_total",
      "lovage_subscription_backlog",
      "lovage_schedule_missed_total",
      "lovage_beat_leader",
    ]) {
      expect(text).toContain(`# TYPE ${name} `);
    }
    // What the broker cannot tell is no 0.
    expect(text).not.toContain('lovage_queue_unacked{queue="images"}');
  });

  test("stay the same when nothing happened in between", async () => {
    expect(await metrics.metricsText()).toBe(await metrics.metricsText());
  });

  test("of a silent worker say that it is down, and no figures of before", async () => {
    hear(heard("worker-heartbeat"));
    workers = [worker({ name: "w1@a", status: "silent", active: 2 })];
    const text = await metrics.metricsText();
    expect(text).toContain('flower_worker_online{worker="w1@a"} 0');
    expect(text).not.toContain('lovage_worker_slots{worker="w1@a"}');
  });

  test("of a worker go ten minutes after it", async () => {
    hear(heard("task-succeeded", { runtime: 1 }, { ...task, state: "SUCCESS" }));
    workers = [worker({ name: "w1@a", status: "offline" })];
    expect(await lines("flower_worker_online{")).toEqual(['flower_worker_online{worker="w1@a"} 0']);
    nowMs += 599_000;
    expect(await metrics.metricsText()).toContain('worker="w1@a"');
    nowMs += 2000;
    expect(await metrics.metricsText()).not.toContain('worker="w1@a"');
    // It may come back.
    workers = [worker({ name: "w1@a" })];
    hear(heard("worker-online"));
    expect(await lines("flower_worker_online{")).toEqual(['flower_worker_online{worker="w1@a"} 1']);
  });

  test("of senders are all called client", async () => {
    hear(heard("task-sent", { name: "shop.add" }, task, "gen123@host"));
    expect(await lines("flower_events_total{")).toEqual([
      'flower_events_total{worker="client",type="task-sent",task="shop.add"} 1',
    ]);
  });

  test("name a thousand tasks, and the rest is other", async () => {
    for (let n = 0; n < 1200; n++)
      hear(heard("task-received", { name: `t${n}` }, { name: `t${n}`, state: "RECEIVED" }));
    expect(await lines("flower_events_total{")).toHaveLength(1001);
    expect(await lines('flower_events_total{worker="w1@a",type="task-received",task="other"}')).toEqual([
      'flower_events_total{worker="w1@a",type="task-received",task="other"} 200',
    ]);
  });

  test("are ten thousand series of events at most, whatever names are invented together, and then other", async () => {
    for (let n = 0; n < 15_000; n += 1) hear(heard(`task-x${n % 3}`, { name: `t${n % 50}` }, undefined, `w${n % 997}`));
    const told = await lines("flower_events_total{");
    expect(told.length).toBeLessThanOrEqual(11_000);
    expect(told.filter((line) => line.includes('type="other",task="other"')).length).toBeGreaterThan(0);
    const sum = told.reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
    expect(sum).toBe(15_000);
  });

  test("hold hostile names as texts", async () => {
    hear(heard("task-received", { name: 'a"} 1\nx{b="' }, { name: "x", state: "RECEIVED" }));
    expect(await lines("x{")).toEqual([]);
    expect((await lines("flower_events_total{"))[0]).toContain('task="a\\"} 1\\nx{b=\\""');
  });

  test("are told without the jobs when the store is away", async () => {
    jobs = async () => {
      throw new Error("locked");
    };
    const text = await metrics.metricsText();
    expect(text).not.toContain("lovage_job_runs_total{");
    expect(text).toContain('lovage_worker_up{worker="w1@a"} 1');
  });
});

test("a limited label makes room for others when values are forgotten", () => {
  const limit = new LabelLimit(1);
  expect([limit.of("a"), limit.of("b"), limit.of("a")]).toEqual(["a", "other", "a"]);
  limit.forget("a");
  expect(limit.of("b")).toBe("b");
});
