/**
 * A whole console in a process of its own. Told by its arguments: the broker's URL, the store's. Says to its parent where it is (`url`) once it
 * hears events, then each second what it has written, how late and at what cost; ends when it is told to, or when its parent is gone.
 *
 * @typedef {object} ConsoleFigures
 * @property {number} written events of tasks that are in the store
 * @property {number[]} lags of those since the last report: seconds from the event to its being in the store
 * @property {number} dropped
 * @property {number} gaps
 * @property {NodeJS.MemoryUsage} memory bytes
 * @property {number} cpu seconds since its start
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LovageConsole } from "@lovage/console";
import { silentLogger } from "lovage";
import { EventIngest } from "../../packages/console/dist/server/ingest/event-ingest.js";
import { benchApp } from "../tasks.mjs";

const [, , brokerUrl = "", store = ""] = process.argv;
const logger = { ...silentLogger, warn: console.error, error: console.error };
const { app } = benchApp({ brokerUrl });
const webRoot = process.env.LOVAGE_TEST_WEB_ROOT;
const running = new LovageConsole({ app, logger, options: { port: 0, store }, ...(webRoot && { webRoot }) });
// Internal, and so not in the package's types.
const { ingest } = /** @type {{ ingest: unknown }} */ (Reflect.get(running, "parts"));
if (!(ingest instanceof EventIngest)) throw new Error("this console hears no events itself");
let written = 0;
/** @type {number[]} */
let lags = [];
ingest.onEvent(({ type, timestamp }) => {
  if (!type.startsWith("task-")) return;
  written += 1;
  // From its sending to its being in the store: one machine, one clock.
  lags.push(Date.now() / 1000 - timestamp);
});
const { url } = await running.start();
while (!(ingest.status.leader && ingest.listening.ok)) await sleep(50);
process.send?.({ url });

const tell = () => {
  const { dropped, gaps } = ingest.status;
  const cpu = process.cpuUsage();
  process.send?.({
    written,
    lags,
    dropped,
    gaps: gaps.length,
    memory: process.memoryUsage(),
    cpu: (cpu.user + cpu.system) / 1e6,
  });
  lags = [];
};
const timer = setInterval(tell, 1000);
process.once("message", async () => {
  clearInterval(timer);
  tell();
  await running.stop();
  await app.close();
  process.disconnect();
});
// A parent that was killed says nothing.
process.once("disconnect", () => process.exit());
