import { encodeJson, isFields } from "lovage/internal";
import { keptText, LIMITS } from "./narrow.js";

/** Characters of one member that are kept where the whole is too long. */
const MEMBER_LIMIT = 1000;

/** JSON text of a value, exactly; undefined where it is longer than `limit`, or JSON cannot carry it (Python's NaN). */
export function exactJson(value: unknown, limit: number): string | undefined {
  try {
    const text = encodeJson(value);
    return text.length <= limit ? text : undefined;
  } catch {
    return undefined;
  }
}

/** JSON text of an event's members or a log line's fields, at most 8 KiB: where that is too little, long members are cut, then all go. */
export function boundedJson(fields: Readonly<Record<string, unknown>>, limit: number = LIMITS.fields): string {
  const whole = exactJson(fields, limit);
  if (whole !== undefined) return whole;
  const short: Record<string, unknown> = {};
  let left = limit - 100;
  for (const [name, value] of Object.entries(fields).slice(0, 200)) {
    const member = shortMember(value);
    left -= name.length * 2 + (JSON.stringify(member)?.length ?? 0) + 4;
    if (left < 0) break;
    Object.defineProperty(short, keptText(name, 200), { value: member, enumerable: true, configurable: true });
  }
  const text = JSON.stringify({ ...short, cut: true });
  return text.length <= limit ? text : '{"cut":true}';
}

function shortMember(value: unknown): unknown {
  if (typeof value === "string") return value.length > MEMBER_LIMIT ? `${keptText(value, MEMBER_LIMIT)}…` : value;
  if (typeof value === "bigint") return value.toString().slice(0, 100);
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  const text = exactJson(value, MEMBER_LIMIT);
  if (text === undefined) return "…";
  return isFields(value) || Array.isArray(value) ? JSON.parse(text) : text;
}
