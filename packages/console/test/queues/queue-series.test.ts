import { silentLogger } from "lovage";
import { expect, onTestFinished, test } from "vitest";
import { type QueueLook, QueueSeriesRecorder } from "../../src/server/queues/queue-series.js";
import { SqlSeriesStore } from "../../src/server/store/sql-series-store.js";
import { sqlitePlace } from "../support/console-database.js";

const INSPECTION = { held: true, scheduled: true, queues: "all" } as const;

test("of two consoles that see the same go through a queue one counts it", async () => {
  const database = await (await sqlitePlace()).open();
  const nowMs = Date.UTC(2026, 0, 31, 10, 30);
  const recorderOf = (isLeader: boolean): { recorder: QueueSeriesRecorder; series: SqlSeriesStore } => {
    const series = new SqlSeriesStore({ database, logger: silentLogger, nowMs: () => nowMs });
    onTestFinished(() => series.stop());
    return { series, recorder: new QueueSeriesRecorder({ series, isLeader: () => isLeader }) };
  };
  const consoles = [recorderOf(true), recorderOf(false)];
  const look = (done: number): QueueLook => ({
    queue: "work",
    counts: { ready: 1, unacked: 0, scheduled: 0, consumers: 1, oldest: undefined },
    traffic: { sent: done, received: done, done, redelivered: 0 },
  });
  for (const { recorder, series } of consoles) {
    recorder.record([look(0)], INSPECTION, nowMs - 40_000);
    recorder.record([look(301)], INSPECTION, nowMs - 30_000);
    expect(recorder.totals("work")).toMatchObject({ acked: 301, published: 301 });
    await series.flush();
  }
  const range = { fromMs: nowMs - 60_000, toMs: nowMs, stepMs: 60_000, as: "sum" } as const;
  const acked = await consoles[0]?.series.read({ metric: "acked", label: "queue:work", ...range });
  expect(acked?.get("queue:work")).toEqual([301]);
});
