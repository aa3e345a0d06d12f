import { runInNewContext } from "node:vm";
import type { ControlRequest } from "../../protocol/control.js";

/** Milliseconds that matching a pattern may take: a regular expression can be made to take for ever. */
const MATCH_LIMIT_MS = 100;

/** Whether a request is meant for this node. Source: celery-protocol 9.1. */
export function isAddressedTo(request: ControlRequest, hostname: string): boolean {
  const { destination, pattern, matcher } = request;
  if (destination && destination.length > 0) return destination.includes(hostname);
  if (!pattern || !matcher) return true;
  if (matcher === "glob") return matches(globExpression(pattern), hostname);
  return matcher === "pcre" && matches(`^(?:${pattern})`, hostname);
}

/** Throws, which is logged, for what is no regular expression or takes too long. */
function matches(expression: string, text: string): boolean {
  return runInNewContext("new RegExp(expression, 's').test(text)", { expression, text }, { timeout: MATCH_LIMIT_MS }) === true;
}

/** Python's `fnmatch`: `*`, `?`, `[abc]`, `[!abc]`. */
function globExpression(glob: string): string {
  const source = glob.replace(/\*+|\?|\[(!?)([^\]]+)\]|[.+^${}()|[\]\\]/g, (found, negated: string, members?: string) => {
    if (found.startsWith("*")) return ".*";
    if (found === "?") return ".";
    if (members !== undefined) return `[${negated ? "^" : ""}${members.replace(/[\\^[]/g, "\\$&")}]`;
    return `\\${found}`;
  });
  return `^${source}$`;
}
