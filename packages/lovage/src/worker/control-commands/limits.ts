import { parseRate } from "../../protocol/control.js";
import { type CommandContext, type ControlCommands, errorText, ok, refused } from "./command.js";

/** Source: celery-protocol 9.4. What is set holds until the worker ends. */
export const LIMIT_COMMANDS: ControlCommands = {
  rate_limit: { required: ["task_name", "rate_limit"], run: setRateLimit },
  time_limit: { required: ["task_name"], run: setTimeLimits },
};

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
