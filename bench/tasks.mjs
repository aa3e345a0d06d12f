import { Lovage } from "lovage";

/** What a task does that does nothing. Also called directly, to know what that costs. */
export const add = (/** @type {number} */ x, /** @type {number} */ y) => x + y;

/**
 * An app with the benchmarks' tasks.
 * @param {import("lovage").LovageSettings} [settings]
 */
export function benchApp(settings = {}) {
  const app = new Lovage("bench", settings);
  return {
    app,
    add: app.task("bench.add", add),
    addWithoutResult: app.task("bench.add_without_result", { ignoreResult: true }, add),
    /** When it ran, in Unix milliseconds with fractions: one clock for all processes of a machine. */
    stamp: app.task("bench.stamp", () => performance.timeOrigin + performance.now()),
  };
}

/** What pools load. Its settings do not matter there: what tasks send goes through the worker. */
export const { app } = benchApp();
