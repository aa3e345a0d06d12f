import { isSecretName, MASK } from "lovage/internal";
import { redactText } from "../ingest/redact.js";

/** Of one line: enough to see what was asked, too little to fill the store. */
const MOST_JSON_LENGTH = 8 * 1024;
const MOST_TEXT_LENGTH = 500;
/** Redacted before it is cut, lest the cut hides where a secret ends; but not a megabyte for what will be 500 characters. */
const MOST_REDACTED_LENGTH = 4096;
const MOST_MEMBERS = 50;
const MAX_DEPTH = 6;

/** What was asked, as the audit trail keeps it: without secrets, cut where it is long, as JSON of one object. */
export function auditParameters(parameters: unknown): string {
  const shown = shorten(parameters, 0);
  const object = isPlainObject(shown) ? shown : shown === undefined || shown === null ? {} : { value: shown };
  const json = JSON.stringify(object);
  return json.length <= MOST_JSON_LENGTH ? json : JSON.stringify({ cut: true, begins: json.slice(0, 2000) });
}

function shorten(value: unknown, depth: number): unknown {
  if (typeof value === "string") return shortenText(redactText(value.slice(0, MOST_REDACTED_LENGTH)));
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "…";
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    const kept = items.slice(0, MOST_MEMBERS).map((each) => shorten(each, depth + 1));
    return items.length > MOST_MEMBERS ? [...kept, `… ${items.length} in all`] : kept;
  }
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MOST_MEMBERS)
      .map(([name, each]) => [
        shortenText(name),
        isSecretName(name) && each !== null ? MASK : shorten(each, depth + 1),
      ]),
  );
}

function shortenText(text: string): string {
  return text.length > MOST_TEXT_LENGTH ? `${text.slice(0, MOST_TEXT_LENGTH)}…` : text;
}

function isPlainObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
