import { Command } from "commander";
import type { ExitCode } from "./exit-codes.js";
import { optionsOf } from "./global-options.js";
import { withApp } from "./open-app.js";
import { printJson, remark } from "./output.js";
import { showReplies } from "./show-replies.js";
import { addTargetOptions, controlOf, type TargetOptions } from "./target-options.js";

/** One remote control command as the command line knows it. */
export interface RemoteCommand {
  /** Wire name, as in `rate_limit`; `rate-limit` is understood too. */
  readonly name: string;
  /** Arguments in commander's notation: `<task> <rate>`. */
  readonly usage?: string;
  readonly description: string;
  /** Options besides those of every remote command: flags and description. */
  readonly options?: readonly (readonly [flags: string, description: string])[];
  /** The request's arguments. Throws a usage error for what cannot be meant. */
  readonly args?: (
    given: readonly string[],
    options: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>>;
  /** Workers do not answer it. */
  readonly silent?: boolean;
}

/** A command that broadcasts the request and shows the replies. */
export function remoteCommand(remote: RemoteCommand, report: (code: ExitCode) => void): Command {
  const command = addTargetOptions(new Command(remote.name)).description(remote.description);
  const dashed = remote.name.replaceAll("_", "-");
  if (dashed !== remote.name) command.alias(dashed);
  if (remote.usage) command.arguments(remote.usage);
  for (const [flags, description] of remote.options ?? []) command.option(flags, description);
  return command.action(async () => {
    const options = optionsOf<TargetOptions & Record<string, unknown>>(command);
    // Before anything is opened: what is wrong on the command line needs no broker to be said.
    const args = remote.args?.(command.processedArgs.flat().filter(isText), options) ?? {};
    await withApp(options, async (app) => {
      const control = controlOf(app, options);
      if (!remote.silent) return report(showReplies(await control.ask(remote.name, args), options));
      await control.broadcast(remote.name, args);
      if (options.json) printJson({ sent: remote.name });
      else remark(`${remote.name} sent; workers do not answer it`);
    });
  });
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
