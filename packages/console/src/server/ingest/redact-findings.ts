import { decodeJson, isFields } from "lovage/internal";
import type { TaskRecord } from "../store/task-record.js";
import type { ContentsGuard, HeardContents } from "./contents-guard.js";
import { keptText, LIMITS } from "./narrow.js";
import { redactText } from "./redact.js";

type Found = Partial<TaskRecord>;

/**
 * What was found out about a task, redacted and bounded as events are.
 * @param name of the task, where it is known and the findings do not say
 */
export function redactFindings(found: Found, guard: ContentsGuard, name?: string): Found {
  const plain = Object.entries(found).filter(([member]) => !CONTENTS.some((each) => each === member));
  const bounded = Object.fromEntries(
    plain.map(([member, value]) => [member, typeof value === "string" ? boundedText(member, value) : value]),
  );
  // Contents come from the guard alone: what it leaves out (too long, no JSON, hidden) must not go by it.
  return { ...bounded, ...contentsOf(found, guard, name), ...textsOf(found) };
}

/** Whether there is anything that the app's own redaction is asked about. */
export function hasContents(found: Found): boolean {
  return CONTENTS.some((member) => typeof found[member] === "string");
}

const CONTENTS = ["args", "kwargs", "result", "argsJson", "kwargsJson", "resultJson"] as const;

function contentsOf(found: Found, guard: ContentsGuard, name: string | undefined): Found {
  if (!hasContents(found)) return {};
  const args = parsed(found.argsJson);
  const kwargs = parsed(found.kwargsJson);
  const result = parsed(found.resultJson);
  const heard: HeardContents = {
    name: found.name ?? name,
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
