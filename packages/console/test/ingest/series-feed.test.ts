import { silentLogger } from "lovage";
import { expect, onTestFinished, test } from "vitest";
import { SeriesFeed } from "../../src/server/ingest/series-feed.js";
import { SqlSeriesStore } from "../../src/server/store/sql-series-store.js";
import { emptyRecord } from "../../src/server/store/task-record.js";
import { sqlitePlace } from "../support/console-database.js";

test("workers have lines of their own, a thousand at a time, also those that come after a thousand others have gone", async () => {
  const database = await (await sqlitePlace()).open();
  let nowMs = Date.UTC(2026, 0, 31, 10, 30);
  const series = new SqlSeriesStore({ database, logger: silentLogger, nowMs: () => nowMs });
  onTestFinished(() => series.stop());
  const feed = new SeriesFeed({ ingest: { onMerged: () => () => undefined }, series, nowMs: () => nowMs });
  const starts = (worker: string): void =>
    feed.note(undefined, { ...emptyRecord(`${worker} ${nowMs}`, nowMs), state: "STARTED", startedMs: nowMs, worker });
  const linesNow = async (): Promise<readonly string[]> => {
    const lines = await series.read({
      metric: "started",
      fromMs: nowMs,
      toMs: nowMs + 10_000,
      stepMs: 10_000,
      as: "sum",
    });
    return [...lines.keys()].sort();
  };

  for (let n = 0; n < 1_000; n += 1) starts(`pod-${n}`);
  nowMs += 60_000;
  starts("pod-7");
  starts("new");
  expect(await linesNow()).toEqual(["", "worker:other", "worker:pod-7"]);
  nowMs += 3_590_000;
  starts("pod-7");
  starts("new");
  expect(await linesNow()).toEqual(["", "worker:new", "worker:pod-7"]);
});
