import { spawn } from "node:child_process";
import type { DevOutput } from "./dev-output.js";
import { commandLine } from "./dev-process.js";
import { processEnd } from "./process-end.js";

/** Seconds for the app to be loaded. */
const TIMEOUT = 60;

/**
 * Whether the app can be loaded as it is now, tried in a process of its own; what is wrong is written. Aborting ends it, with false.
 */
export async function appLoads(globals: readonly string[], output: DevOutput, signal: AbortSignal): Promise<boolean> {
  // `report` loads the app and connects to nothing.
  const child = spawn(process.execPath, commandLine(["report", ...globals]), {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: TIMEOUT * 1000,
    killSignal: "SIGKILL",
    detached: true,
    windowsHide: true,
    signal,
  });
  output.take("dev", child.stderr);
  // Being aborted is an error to `spawn`; the end is told either way.
  child.on("error", () => undefined);
  await processEnd(child);
  return child.exitCode === 0;
}
