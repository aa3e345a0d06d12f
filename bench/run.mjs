/**
 * Runs the benchmarks, or those named:
 *
 *   npm run bench                                  all
 *   npm run bench -- sqlite-enqueue pool-overhead  some
 *   BENCH_ITERATIONS=1 npm run bench               once and small, as CI does: to see that they run
 *
 * Each is a program of its own, so that none finds the other's garbage and compiled code. Exit code 1 when one failed to run;
 * what it measured is printed and never judged.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { machine } from "./support/report.mjs";

const HERE = new URL("./", import.meta.url);
const NOT_BENCHMARKS = ["run.mjs", "tasks.mjs"];

const known = readdirSync(HERE)
  .filter((file) => file.endsWith(".mjs") && !NOT_BENCHMARKS.includes(file))
  .map((file) => file.slice(0, -".mjs".length));
const named = process.argv.slice(2);
const unknown = named.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`bench: there is no ${unknown.join(", ")}: ${known.join(", ")}`);
  process.exit(2);
}

console.log(`Lovage ${versionOf("../packages/lovage/package.json")}, ${machine().join(", ")}`);
const failed = (named.length > 0 ? named : known).filter((name) => {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(`${name}.mjs`, HERE))], { stdio: "inherit" });
  return status !== 0;
});
if (failed.length > 0) {
  console.error(`\nbench: could not run: ${failed.join(", ")}`);
  process.exitCode = 1;
}

/** @param {string} manifest */
function versionOf(manifest) {
  return String(JSON.parse(readFileSync(new URL(manifest, HERE), "utf8")).version);
}
