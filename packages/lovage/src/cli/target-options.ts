import type { Command } from "commander";
import type { Lovage } from "../app.js";
import { Control, type ControlOptions } from "../control/control.js";
import { CommandFailed, EXIT } from "./exit-codes.js";
import { collectNames, parseSeconds } from "./global-options.js";

/** Options of commands that talk to workers. */
export interface TargetOptions {
  readonly destination?: readonly string[];
  readonly pattern?: string;
  readonly timeout: number;
}

export function addTargetOptions(command: Command): Command {
  return command
    .option(
      "-d, --destination <nodes>",
      "workers to ask, by node name, with commas between; all by default",
      collectNames,
    )
    .option("--pattern <glob>", "workers to ask, by a pattern over their node names, as in 'images*'")
    .option("-t, --timeout <seconds>", "how long to wait for replies", parseSeconds, 1);
}

/** Remote control of the workers that the options name. */
export function controlOf(app: Lovage, { destination, pattern, timeout }: TargetOptions): Control {
  const options: ControlOptions = {
    timeout,
    ...(destination && { destination }),
    ...(pattern !== undefined && { pattern, matcher: "glob" }),
  };
  return new Control(app, options);
}

export function nobodyAnswered({ destination, timeout }: TargetOptions): CommandFailed {
  const whom = destination ? `none of ${destination.join(", ")}` : "no worker";
  return new CommandFailed(
    `${whom} answered within ${timeout} s: is a worker running on this broker? A busy one may need a longer --timeout`,
    EXIT.unavailable,
  );
}
