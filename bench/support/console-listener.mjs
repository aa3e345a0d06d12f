/**
 * A console's ingestion in a process of its own: what `console-ingest.mjs` measures. Told by its arguments: the broker's URL, the store's.
 * Says `ready` to its parent, then each second what it has written and how late; ends when it is told to.
 */
import { Lovage, silentLogger } from "lovage";
import { EventIngest } from "../../packages/console/dist/server/ingest/event-ingest.js";
import { SeriesFeed } from "../../packages/console/dist/server/ingest/series-feed.js";
import { openDatabase } from "../../packages/console/dist/server/store/open-database.js";
import { SqlSeriesStore } from "../../packages/console/dist/server/store/series-store.js";
import { SqlTaskStore } from "../../packages/console/dist/server/store/sql-task-store.js";

const [, , brokerUrl = "", storeUrl = ""] = process.argv;
const logger = { ...silentLogger, warn: console.error, error: console.error };
const app = new Lovage("bench-console", { brokerUrl, logger });
const database = openDatabase(storeUrl, { logger });
await database.open();
const tasks = new SqlTaskStore({ database });
await tasks.open();
const live = { publish() {}, hasListeners: () => false, clientCount: 0 };
const series = new SqlSeriesStore({ database, logger });
const ingest = new EventIngest({ app, database, tasks, live, logger });
const feed = new SeriesFeed({ ingest, series });
let written = 0;
/** @type {number[]} */
let lags = [];
ingest.onEvent(({ type, timestamp }) => {
  if (!type.startsWith("task-")) return;
  written += 1;
  // From its sending to its being in the store: one machine, one clock.
  lags.push(Date.now() / 1000 - timestamp);
});
await series.start();
await ingest.start();
while (!(ingest.status.leader && ingest.listening.ok)) await new Promise((resolve) => setTimeout(resolve, 50));
process.send?.({ ready: true });
const tell = () => {
  const { dropped, waiting, gaps } = ingest.status;
  const cpu = process.cpuUsage();
  process.send?.({
    written,
    lags,
    dropped,
    waiting,
    gaps: gaps.length,
    memory: process.memoryUsage.rss(),
    cpu: cpu.user + cpu.system,
  });
  lags = [];
};
const timer = setInterval(tell, 1000);
process.once("message", async () => {
  clearInterval(timer);
  tell();
  feed.stop();
  await ingest.stop();
  await series.stop();
  await database.close();
  await app.close();
  process.disconnect();
});
