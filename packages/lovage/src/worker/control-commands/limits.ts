import { parseRate } from "../../protocol/control.js";
import type { Worker } from "../worker.js";
import { type CommandContext, type ControlCommands, errorText, ok, refused } from "./command.js";

/** Source: celery-protocol 9.4. What is set holds until the worker ends. */
export const LIMIT_COMMANDS: ControlCommands = {
  rate_limit: { required: ["task_name", "rate_limit"], run: setRateLimit },
  time_limit: { required: ["task_name"], run: setTimeLimits },
  limits: { run: ({ worker }) => currentLimits(worker) },
};

/**
 * Ours: the limits that hold now, by task. `rate_limit` as it was written, or tasks a second where nobody wrote it; limits in seconds,
 * null for none. `origin`: who set the one that was set last.
 */
function currentLimits(worker: Worker): Readonly<Record<string, object>> {
  const { rules, rateLimiter, orderedRates } = worker.parts;
  const { settings } = worker.app;
  const entries = worker.app.taskNames.flatMap((name): [string, object][] => {
    const definition = worker.app.findTask(name);
    if (!definition) return [];
    const { options } = definition;
    const { hard, soft } = rules.timeLimits(definition);
    const ordered = orderedRates.get(name);
    const written = ordered ?? options.rateLimit ?? settings.taskDefaultRateLimit;
    const own = options.rateLimit ?? options.timeLimit ?? options.softTimeLimit;
    const origin =
      ordered !== undefined || rules.hasOrderedTimeLimits(name) ? "control" : own === undefined ? "settings" : "task";
    const rate_limit = rateLimiter.rateOf(name) === undefined ? null : String(written);
    return [[name, { rate_limit, time_limit: hard, soft_time_limit: soft, origin }]];
  });
  return Object.fromEntries(entries);
}

function setRateLimit({ worker, args }: CommandContext): object {
  const name = args.text("task_name");
  const given = args.raw("rate_limit") ?? 0;
  let rate: number | undefined;
  try {
    rate = parseRate(given);
  } catch (error) {
    return refused(`Invalid rate limit string: ${errorText(error)}`);
  }
  if (!worker.app.findTask(name)) return refused("unknown task");
  worker.parts.rateLimiter.setRate(name, rate);
  worker.parts.orderedRates.set(name, String(given));
  const lifted = rate === undefined || rate <= 0;
  worker.logger.info(lifted ? `rate limit of ${name} lifted` : `new rate limit of ${name}: ${String(given)}`);
  return ok(lifted ? "rate limit disabled successfully" : "new rate limit set successfully");
}

function setTimeLimits({ worker, args }: CommandContext): object {
  const name = args.text("task_name");
  const limits = { hard: args.optionalSeconds("hard"), soft: args.optionalSeconds("soft") };
  if (!worker.app.findTask(name)) return refused("unknown task");
  worker.parts.rules.setTimeLimits(name, limits);
  worker.logger.info(`new time limits of ${name}`, limits);
  return ok("time limits set successfully");
}
