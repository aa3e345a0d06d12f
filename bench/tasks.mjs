import { Lovage } from "lovage";

/**
 * The app that the benchmarks send to and that pools load. Where it lives comes from the environment
 * (`LOVAGE_BROKER_URL`, `LOVAGE_RESULT_BACKEND`): each benchmark has a file of its own.
 */
export const app = new Lovage("bench");

/** What a task does that does nothing. Also called directly, to know what that costs. */
export const add = (/** @type {number} */ x, /** @type {number} */ y) => x + y;

export const addTask = app.task("bench.add", add);
export const addWithoutResult = app.task("bench.add_without_result", { ignoreResult: true }, add);

/** When it ran, in Unix milliseconds with fractions: one clock for all processes of a machine. */
export const stampTask = app.task("bench.stamp", () => performance.timeOrigin + performance.now());
