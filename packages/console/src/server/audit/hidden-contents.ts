import { isFields, MASK } from "lovage/internal";
import type { ConsoleParts } from "../parts.js";
import { redactedByApp } from "../tasks/redacted-contents.js";

export type HideContents = (parameters: unknown) => unknown;

/** Members of requests that hold what a task is given: of a call, a run, and a job. */
const ARGS = "args";
const NAMED = ["kwargs", "input", "parameters", "fixed", "defaults", "changes"] as const;

/**
 * What a request asked, without what the app's own `redact` takes out of what tasks are given. Undefined for an app without one. Where the
 * request does not name the task, by which `redact` goes, all that a task would be given is hidden.
 */
export function hiddenContents({ app, logger }: Pick<ConsoleParts, "app" | "logger">): HideContents | undefined {
  if (!app.redact) return undefined;
  return (parameters) => {
    if (!isFields(parameters)) return parameters;
    const { name, task } = parameters;
    const taskName = [name, task].find((each) => typeof each === "string") ?? null;
    const shown = (contents: { readonly args?: unknown; readonly kwargs?: unknown }) =>
      redactedByApp({ app, logger }, typeof taskName === "string" ? taskName : null, contents);
    const hidden = NAMED.filter((member) => parameters[member] !== undefined && parameters[member] !== null).map(
      (member) => [member, shown({ args: [], kwargs: parameters[member] }).kwargs ?? MASK] as const,
    );
    const args = parameters[ARGS];
    const hasArgs = args !== undefined && args !== null;
    return {
      ...parameters,
      ...Object.fromEntries(hidden),
      ...(hasArgs && { args: shown({ args, kwargs: {} }).args ?? MASK }),
    };
  };
}
