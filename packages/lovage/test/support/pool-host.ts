/** A small worker: opens a pool of processes, runs the tasks named on its command line, and prints JSON lines of what happens. */
import { fileURLToPath } from "node:url";
import { silentLogger } from "../../src/util/logger.js";
import { openPool } from "../../src/worker/pools/open-pool.js";
import { RecordingGateway } from "./recording-gateway.js";
import { taskRequest } from "./task-request.js";

const print = (line: object): void => console.log(JSON.stringify(line));
process.on("SIGINT", () => print({ signal: "SIGINT" }));

const tasks = process.argv.slice(2);
const pool = openPool("processes", {
  size: tasks.length + 1,
  appPath: fileURLToPath(new URL("./pool-app.ts", import.meta.url)),
  maxTasksPerChild: null,
  maxMemoryPerChild: null,
  startTimeout: 30,
  gateway: new RecordingGateway(),
  logger: silentLogger,
  hostname: "worker@test",
  onFree: () => undefined,
});
await pool.start();

let begun = 0;
const nothing = (): void => undefined;
const onStarted = (): void => {
  begun++;
  if (begun === tasks.length) print({ pids: pool.slots().map((slot) => slot.pid) });
};
const runs = tasks.map((task) =>
  pool.run(taskRequest(task, [2]), { onStarted, onLog: nothing, onProgress: nothing, onState: nothing }),
);
for (const { outcome } of runs) print({ outcome: await outcome });
await pool.stop();
