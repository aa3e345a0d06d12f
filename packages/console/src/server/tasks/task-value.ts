import type { TaskValue } from "../../api/tasks.js";
import { readExactJson, toApiJson } from "../actions/exact-json.js";
import { LIMITS } from "../ingest/narrow.js";

/** Bytes of a value that a page is given at most; of what is longer, its beginning. */
const SHOWN_BYTES = 64 * 1024;

/** What somebody is shown who may not see contents. */
export const HIDDEN_VALUE: TaskValue = { form: "hidden", value: null, sizeBytes: null, cut: false };

/** A value known exactly, by its JSON text. One that is longer than 64 KiB is the beginning of that text. */
export function exactValue(json: string): TaskValue {
  const sizeBytes = Buffer.byteLength(json);
  if (sizeBytes > SHOWN_BYTES) return { form: "json", value: json.slice(0, SHOWN_BYTES), sizeBytes, cut: true };
  try {
    return { form: "json", value: toApiJson(readExactJson(json)), sizeBytes, cut: false };
  } catch {
    // Not JSON after all: it came from a stranger, and is text.
    return textValue(json);
  }
}

/** A value of which only a text for people is known; workers cut it where it is long, and end it with dots then. The store cuts too. */
export function textValue(text: string): TaskValue {
  const cut = text.length >= LIMITS.value || /(?:\.\.\.|…)\W{0,3}$/.test(text);
  return { form: "repr", value: text, sizeBytes: null, cut };
}

/** Exact where that is known, else as text, else null. */
export function shownValue(json: string | null, text: string | null): TaskValue | null {
  if (json !== null) return exactValue(json);
  return text === null ? null : textValue(text);
}
