import { decodeJson } from "lovage/internal";
import type { TaskRecord } from "../store/task-record.js";
import type { ContentsGuard, HeardContents } from "./contents-guard.js";
import { isFields, keptText, LIMITS } from "./narrow.js";
import { redactText } from "./redact.js";

type Found = Partial<TaskRecord>;

/** What was found out about a task, redacted and bounded as events are. */
export function redactFindings(found: Found, guard: ContentsGuard): Found {
  const bounded = Object.fromEntries(
    Object.entries(found).map(([name, value]) => [name, typeof value === "string" ? boundedText(name, value) : value]),
  );
  return { ...bounded, ...contentsOf(found, guard), ...textsOf(found) };
}

const CONTENTS = ["args", "kwargs", "result", "argsJson", "kwargsJson", "resultJson"] as const;

function contentsOf(found: Found, guard: ContentsGuard): Found {
  if (!CONTENTS.some((name) => typeof found[name] === "string")) return {};
  const args = parsed(found.argsJson);
  const kwargs = parsed(found.kwargsJson);
  const result = parsed(found.resultJson);
  const heard: HeardContents = {
    name: found.name ?? "",
    args: found.args ?? undefined,
    kwargs: found.kwargs ?? undefined,
    result: found.result ?? undefined,
    exactArgs: Array.isArray(args?.value) ? args.value : undefined,
    exactKwargs: isFields(kwargs?.value) ? kwargs.value : undefined,
    exactResult: result,
  };
  const kept = guard.keep(heard);
  // What was not found out is not told either: it must not put out what is known.
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== null));
}

function textsOf({ error, traceback, progressJson }: Found): Found {
  return {
    ...(typeof error === "string" && { error: redactText(keptText(error, LIMITS.error)) }),
    ...(typeof traceback === "string" && { traceback: redactText(keptText(traceback, LIMITS.traceback)) }),
    ...(typeof progressJson === "string" && { progressJson: redactText(progressJson) }),
  };
}

function boundedText(name: string, text: string): string {
  return keptText(text, name === "traceback" ? LIMITS.traceback : LIMITS.value * 2);
}

function parsed(text: string | null | undefined): { readonly value: unknown } | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return { value: decodeJson(text) };
  } catch {
    return undefined;
  }
}
