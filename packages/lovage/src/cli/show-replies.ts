import { refusalIn } from "../control/replies.js";
import { type Fields, isFields } from "../protocol/read-fields.js";
import { printable } from "../util/printable.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { print, printJson } from "./output.js";
import { paint } from "./table.js";
import { nobodyAnswered, type TargetOptions } from "./target-options.js";

/** Prints what each worker replied, and returns 1 when one of them refused. Throws when nobody replied. */
export function showReplies(
  replies: ReadonlyMap<string, unknown>,
  options: TargetOptions & { json?: boolean },
): ExitCode {
  const sorted = new Map([...replies].sort(([one], [other]) => (one < other ? -1 : 1)));
  if (options.json) printJson(sorted);
  if (sorted.size === 0) throw nobodyAnswered(options);
  if (!options.json) for (const [node, reply] of sorted) print(replyText(node, reply));
  return [...sorted.values()].some((reply) => refusalIn(reply) !== undefined) ? EXIT.failure : EXIT.ok;
}

/** As Celery's command line shows a reply: the node, and indented below it what it said. */
function replyText(node: string, reply: unknown): string {
  const refusal = refusalIn(reply);
  if (refusal !== undefined)
    return `${paint("red", "->")} ${node}: ${paint("red", "ERROR")}\n${indented(printable(refusal))}`;
  return `${paint("green", "->")} ${node}: ${paint("green", "OK")}\n${indented(printable(bodyText(reply)))}`;
}

function bodyText(reply: unknown): string {
  if (typeof reply === "string") return reply;
  if (Array.isArray(reply))
    return reply.length === 0 ? "- empty -" : reply.map((each) => `* ${lineOf(each)}`).join("\n");
  if (!isFields(reply)) return lineOf(reply);
  if (typeof reply.ok === "string") return reply.ok;
  const members = Object.entries(reply);
  return members.length === 0 ? "- empty -" : members.map(([name, value]) => memberText(name, value)).join("\n");
}

/** An object's members, and a list's objects, go on lines of their own below the name. */
function memberText(name: string, value: unknown): string {
  if (isFields(value) && Object.keys(value).length > 0) return `${name}:\n${indented(bodyText(value))}`;
  if (Array.isArray(value) && value.some(isFields)) return `${name}:\n${indented(bodyText(value))}`;
  return `${name}: ${lineOf(value)}`;
}

function lineOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (isFields(value) && isFields(value.request)) return `${text(value.eta)} ${taskLine(value.request)}`;
  if (isFields(value) && "id" in value && "delivery_info" in value) return taskLine(value);
  return text(value);
}

/** A task in a worker's hands. */
function taskLine({ name, id, args, kwargs, time_start: started, worker_pid: pid }: Fields): string {
  const since =
    typeof started === "number" ? ` since ${new Date(started * 1000).toISOString()} in process ${text(pid)}` : "";
  return `${text(name)}[${text(id)}] args=${text(args)} kwargs=${text(kwargs)}${since}`;
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each)) ?? "-";
}

function indented(text: string): string {
  return text
    .trim()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}
