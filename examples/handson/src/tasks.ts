import { currentTask, Lovage } from "lovage";
import { z } from "zod";
import { makeReport, REPORT_STEPS } from "./make-report.js";
import { readSettings } from "./settings.js";

const { brokerUrl, resultBackend, reportSeconds } = readSettings(process.env);

/** The app that the web server and the worker share, and that the pool's processes load again. */
export const app = new Lovage("handson", { brokerUrl, resultBackend });

/** The slow work of this example as a task: the same function that the first step calls inside the request. */
export const report = app.task(
  "handson.report",
  { input: z.object({ city: z.string().max(100), fails: z.boolean().default(false) }), timeLimit: 3600 },
  async (order) => {
    const task = currentTask();
    return await makeReport(order, {
      length: reportSeconds,
      signal: task.signal,
      onStep: (step) => task.progress(step, REPORT_STEPS),
    });
  },
);
