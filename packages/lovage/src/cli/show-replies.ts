import { refusalIn } from "../control/replies.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { print, printJson } from "./output.js";
import { paint } from "./table.js";
import { nobodyAnswered, type TargetOptions } from "./target-options.js";

/** Prints what each worker replied, and returns 1 when one of them refused. Throws when nobody replied. */
export function showReplies(replies: ReadonlyMap<string, unknown>, options: TargetOptions & { json?: boolean }): ExitCode {
  const sorted = new Map([...replies].sort(([one], [other]) => (one < other ? -1 : 1)));
  if (options.json) printJson(sorted);
  if (sorted.size === 0) throw nobodyAnswered(options);
  if (!options.json) for (const [node, reply] of sorted) print(replyText(node, reply));
  return [...sorted.values()].some((reply) => refusalIn(reply) !== undefined) ? EXIT.failure : EXIT.ok;
}

/** As Celery's command line shows a reply: the node, and indented below it what it said. */
function replyText(node: string, reply: unknown): string {
  const refusal = refusalIn(reply);
  if (refusal !== undefined) return `${paint("red", "->")} ${node}: ${paint("red", "ERROR")}\n${indented(refusal)}`;
  return `${paint("green", "->")} ${node}: ${paint("green", "OK")}\n${indented(bodyText(reply))}`;
}

function bodyText(reply: unknown): string {
  if (typeof reply === "string") return reply;
  if (Array.isArray(reply)) return reply.length === 0 ? "- empty -" : reply.map((each) => `* ${lineOf(each)}`).join("\n");
  if (typeof reply !== "object" || reply === null) return lineOf(reply);
  const { ok } = { ok: undefined, ...reply };
  if (typeof ok === "string") return ok;
  const members = Object.entries(reply);
  return members.length === 0 ? "- empty -" : members.map(([name, value]) => `${name}: ${lineOf(value)}`).join("\n");
}

function lineOf(value: unknown): string {
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
