import type { SendTask } from "../../../api/tasks.js";
import { unreadableMembers } from "../../components/field-texts.js";
import { readJson } from "../../components/json-editor.js";
import { isFields } from "../../components/json-fields.js";
import { jsonText } from "../../components/json-text.js";

/** When a task is to begin. */
export const STARTS = ["now", "countdown", "eta"] as const;
export type Start = (typeof STARTS)[number];

/** A call as it is being written: texts as they were typed, so that nothing is lost before it is right. */
export interface CallDraft {
  /** `form`: the schema's fields, as keyword arguments. `json`: two editors. */
  readonly mode: "form" | "json";
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly argsText: string;
  readonly kwargsText: string;
  readonly start: Start;
  /** Seconds. */
  readonly countdown: string;
  /** As `datetime-local` writes it, in the browser's zone. */
  readonly eta: string;
  readonly queue: string;
  readonly priority: string;
  /** Seconds from now. */
  readonly expires: string;
  readonly id: string;
}

export const EMPTY_DRAFT: CallDraft = {
  mode: "json",
  kwargs: {},
  argsText: "[]",
  kwargsText: "{}",
  start: "now",
  countdown: "",
  eta: "",
  queue: "",
  priority: "",
  expires: "",
  id: "",
};

/** A draft whose other mode shows what this one has. Text that is no JSON (or no object of it) stays where it is. */
export function inMode(draft: CallDraft, mode: CallDraft["mode"]): CallDraft {
  if (mode === draft.mode) {
    return draft;
  }
  if (mode === "json") {
    const readable = unreadableMembers(draft.kwargs, "").length === 0;
    return !readable ? draft : { ...draft, mode, argsText: "[]", kwargsText: jsonText(draft.kwargs) };
  }
  const reading = readJson(draft.kwargsText, "object");
  return reading.ok && isFields(reading.value) ? { ...draft, mode, kwargs: reading.value } : draft;
}

/** Something about a draft that no server needs to be asked about. `path` as the server names it. */
export interface DraftError {
  readonly path: string;
  readonly message: string;
}
/** Of the mistakes that were told, those that are still there: what was set right is not called wrong until the next try. */
export function stillWrong(told: readonly DraftError[], now: readonly DraftError[]): readonly DraftError[] {
  return told.filter(({ path }) => now.some((each) => each.path === path));
}

export type DraftReading =
  | { readonly ok: true; readonly call: Omit<SendTask, "name"> }
  | { readonly ok: false; readonly errors: readonly DraftError[] };

/** The call that a draft stands for; what is left empty is left out. The server judges the arguments, by the task's own schema. */
export function readDraft(draft: CallDraft): DraftReading {
  const errors: DraftError[] = draft.mode === "form" ? [...unreadableMembers(draft.kwargs, "kwargs")] : [];
  const [args, kwargs] =
    draft.mode === "form" ? [[], draft.kwargs] : [readList(draft, errors), readObject(draft, errors)];
  const countdown = draft.start === "countdown" ? readFigure("countdown", draft.countdown, errors) : undefined;
  const eta = draft.start === "eta" ? readInstant(draft.eta, errors) : undefined;
  const expires = readFigure("expires", draft.expires, errors);
  const priority = readFigure("priority", draft.priority, errors, 9);
  if (errors.length > 0) {
    return { ok: false, errors };
  }
  return {
    ok: true,
    call: {
      args: [...args],
      kwargs: { ...kwargs },
      ...(countdown !== undefined && { countdown }),
      ...(eta !== undefined && { eta }),
      ...(expires !== undefined && { expires }),
      ...(priority !== undefined && { priority }),
      ...(draft.queue.trim() !== "" && { queue: draft.queue.trim() }),
      ...(draft.id.trim() !== "" && { id: draft.id.trim() }),
    },
  };
}

function readList(draft: CallDraft, errors: DraftError[]): readonly unknown[] {
  const reading = readJson(draft.argsText, "array");
  if (reading.ok) {
    return Array.isArray(reading.value) ? reading.value : [];
  }
  errors.push({ path: "args", message: reading.message });
  return [];
}

function readObject(draft: CallDraft, errors: DraftError[]): Readonly<Record<string, unknown>> {
  const reading = readJson(draft.kwargsText, "object");
  if (reading.ok) {
    return isFields(reading.value) ? reading.value : {};
  }
  errors.push({ path: "kwargs", message: reading.message });
  return {};
}

function readFigure(
  path: string,
  text: string,
  errors: DraftError[],
  most = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "") {
    if (path === "countdown") {
      errors.push({ path, message: "How many seconds from now?" });
    }
    return undefined;
  }
  const value = Number(trimmed);
  const whole = path !== "priority" || Number.isInteger(value);
  if (Number.isFinite(value) && value >= 0 && value <= most && whole) {
    return value;
  }
  errors.push({
    path,
    message: path === "priority" ? `A whole number from 0 to ${most} is needed.` : "A number of seconds is needed.",
  });
  return undefined;
}

function readInstant(text: string, errors: DraftError[]): string | undefined {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) {
    return new Date(ms).toISOString();
  }
  errors.push({ path: "eta", message: "When? A day and a time are needed." });
  return undefined;
}
