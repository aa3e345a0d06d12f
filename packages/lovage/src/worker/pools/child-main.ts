/** Entry of a pool's process or thread: loads the app, runs what the pool sends, and never lives longer than its worker. */
import { isMainThread } from "node:worker_threads";
import { openChildPort } from "./child-port.js";
import { watchForOrphaning } from "./orphan-watch.js";
import { TaskHost } from "./task-host.js";

process.setSourceMapsEnabled(true);
if (isMainThread) watchForOrphaning(Number(process.argv[2]));
new TaskHost(openChildPort()).start();
