import { Command } from "commander";
import { TaskFailedError } from "../errors.js";
import { isReady, propagates } from "../protocol/states.js";
import { errorFromMeta, type TaskMeta } from "../protocol/task-meta.js";
import type { AsyncResult } from "../result.js";
import type { CommandMaker } from "./command-maker.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { optionsOf, parseSeconds } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson } from "./output.js";

interface ResultOptions {
  readonly wait?: boolean;
  readonly timeout?: number;
  readonly traceback?: boolean;
}

const EXAMPLES = `
Examples:
  lovage result 0b9f0c6e-5f0e-4a53-9c0a-3d6f3f0a9f10
  lovage result 0b9f0c6e-5f0e-4a53-9c0a-3d6f3f0a9f10 --wait --timeout 30 --json

Exit code 1 when the task failed or was revoked, 75 when --timeout was over first.`;

/** `lovage result`: what became of a task. */
export const resultCommand: CommandMaker = (report) =>
  new Command("result")
    .description("show a task's state and result")
    .argument("<id>", "the task's id")
    .option("-w, --wait", "wait until the task has ended")
    .option("--timeout <seconds>", "with --wait, give up after this time", parseSeconds)
    .option("--traceback", "show the error's stack too")
    .addHelpText("after", EXAMPLES)
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = optionsOf<ResultOptions>(command);
      await withApp(options, async (app) => report(await showResult(app.asyncResult(id), options)));
    });

/** Prints what is known of a task, after waiting for its end if asked, and returns the exit code that says how it went. */
export async function showResult(
  result: AsyncResult<unknown>,
  options: ResultOptions & { json?: boolean },
): Promise<ExitCode> {
  if (options.wait)
    await result.get({ propagate: false, ...(options.timeout !== undefined && { timeout: options.timeout }) });
  const meta = await result.meta();
  if (options.json) printJson(shownMeta(result.id, meta));
  else if (!meta) print("PENDING: nothing is known of this task. It waits, or its result is gone or not kept.");
  else if (propagates(meta.status)) print(failureText(meta, options.traceback ?? false));
  else
    print(options.wait ? text(meta.result) : `${meta.status}${meta.result === null ? "" : `: ${text(meta.result)}`}`);
  return meta && propagates(meta.status) ? EXIT.failure : EXIT.ok;
}

function shownMeta(id: string, meta: TaskMeta | undefined): object {
  if (!meta) return { id, status: "PENDING", ready: false, result: null };
  const { taskId: _id, status, result, traceback, dateDone, ...rest } = meta;
  return { id, status, ready: isReady(status), result, traceback, dateDone, ...rest };
}

function failureText(meta: TaskMeta, withTraceback: boolean): string {
  const error = errorFromMeta(meta);
  // The message of an error that is none of ours begins with the name it had where it was thrown.
  const what = error instanceof TaskFailedError ? error.message : `${error.name}: ${error.message}`;
  const line = `${meta.status}: ${what}`;
  return withTraceback && meta.traceback ? `${line}\n${meta.traceback}` : line;
}

function text(value: unknown): string {
  return typeof value === "string"
    ? value
    : JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each));
}
