import type { TaskDetail } from "../../api/tasks.js";
import { errorParts } from "../ingest/error-fingerprint.js";

type Link = TaskDetail["errorChain"][number];

/** Causes that are shown at most. */
const MOST_CAUSES = 10;
/** Characters of one message. */
const MOST_MESSAGE = 2000;

/** Between the exceptions of one Python traceback, which has the innermost first. */
const PYTHON_SEPARATOR =
  /\r?\n\r?\n(?:The above exception was the direct cause of the following exception:|During handling of the above exception, another exception occurred:)\r?\n\r?\n/;
/** Before each cause in our own, which has the outermost first. */
const OUR_CAUSE = /^Caused by: /m;

/**
 * Class and message of a task's error and of its causes, outermost first. The texts are taken apart for reading only.
 * @param error as events have it: `ValueError('no')`
 */
export function errorChainOf(error: string | null, traceback: string | null): readonly Link[] {
  const links = traceback === null ? [] : linksOf(traceback);
  const first = error === null || error === "" ? undefined : bounded(errorParts(error));
  if (!first) return links.slice(0, MOST_CAUSES);
  // The event's own word on the error itself goes before the last line of its traceback.
  return [first, ...links.slice(1)].slice(0, MOST_CAUSES);
}

function linksOf(traceback: string): readonly Link[] {
  const python = traceback.split(PYTHON_SEPARATOR);
  if (python.length > 1) return python.reverse().flatMap((part) => lastLine(part) ?? []);
  const [own = "", ...causes] = traceback.split(OUR_CAUSE);
  const first = own.startsWith("Traceback ") ? lastLine(own) : firstLine(own);
  return [first ?? { class: "", message: "" }, ...causes.flatMap((part) => firstLine(part) ?? [])];
}

/** Python ends with `module.Class: message`. */
function lastLine(text: string): Link | undefined {
  const lines = text.trimEnd().split(/\r?\n/);
  const at = lines.findLastIndex((line) => /^[\p{L}_][\p{L}\p{N}_.]*(?::|$)/u.test(line));
  return at === -1 ? undefined : splitLine(lines.slice(at).join("\n"));
}

/** V8 begins with `Class: message`, before the frames. */
function firstLine(text: string): Link | undefined {
  const head = text.split(/\r?\n\s+at /)[0] ?? "";
  return head.trim() === "" ? undefined : splitLine(head.trim());
}

function splitLine(line: string): Link {
  const [, name = "", message = ""] = /^([\p{L}_][\p{L}\p{N}_.$]*)(?:: ?([\s\S]*))?$/u.exec(line) ?? [null, "", line];
  return bounded({ class: name, message });
}

function bounded({ class: name, message }: Link): Link {
  return { class: name, message: message.slice(0, MOST_MESSAGE) };
}
