import { readJson } from "./json-editor.js";
import { isBigint, jsonText } from "./json-text.js";
import { type MemberError, pathOf } from "./schema-reading.js";

/** A text where JSON is wanted and that is none: it stands in a form's value until it is right, and nothing with it in is sent. */
export class UnreadableJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Every text in a value that is no JSON, with its path and what is wrong with it. */
export function unreadableMembers(value: unknown, path: string): readonly MemberError[] {
  if (value instanceof UnreadableJson) {
    const reading = readJson(value.text);
    return [{ path, message: reading.ok ? "No JSON" : reading.message }];
  }
  if (Array.isArray(value)) return value.flatMap((item, place) => unreadableMembers(item, `${path}[${place}]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => unreadableMembers(member, pathOf(path, name)));
}

/**
 * What a field shows: the text as it was typed while it stands for the field's value, else the value's own text. A value changes without
 * typing when an item before it is removed, or the whole is set anew.
 */
export function shownText(
  typed: string,
  value: unknown,
  read: (text: string) => unknown,
  write: (value: unknown) => string,
): string {
  return sameValue(read(typed), value) ? typed : write(value);
}

function sameValue(one: unknown, other: unknown): boolean {
  if (one instanceof UnreadableJson || other instanceof UnreadableJson)
    return one instanceof UnreadableJson && other instanceof UnreadableJson && one.text === other.text;
  // Nothing typed is no member of an object, and null in a list, whose places stay.
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** The value of a JSON field; undefined for an empty text. */
export function readJsonField(text: string): unknown {
  if (text.trim() === "") return undefined;
  const reading = readJson(text);
  return reading.ok ? reading.value : new UnreadableJson(text);
}
export function jsonFieldText(value: unknown): string {
  if (value === undefined) return "";
  return value instanceof UnreadableJson ? value.text : jsonText(value);
}

/** A number where it is one and no digit is lost by it; else the text, for the server to say what is wrong with it. */
export function readNumberText(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  // All digits of what no number of JavaScript can hold.
  if (/^-?[1-9]\d{15,}$/.test(trimmed) && !Number.isSafeInteger(Number(trimmed))) return { $bigint: trimmed };
  const value = Number(trimmed);
  const isNumber = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed) && Number.isFinite(value);
  return isNumber && significantDigits(trimmed) === significantDigits(String(value)) ? value : text;
}

/** `-01.50e3` → `15`: what a number and its text must agree in. */
function significantDigits(text: string): string {
  const digits = text.replace(/e.*$/i, "").replace(/[^\d]/g, "").replace(/^0+/, "");
  return digits.replace(/0+$/, "");
}

export function numberText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return isBigint(value) ? value.$bigint : String(value);
}

/** An instant in UTC from what `datetime-local` writes in the browser's zone; the text itself where no date can hold it. */
export function readInstantText(text: string): string | undefined {
  if (text === "") return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
}

/** An instant as `datetime-local` writes it, to the second; "" for what is none. */
export function instantText(value: unknown): string {
  const date = new Date(typeof value === "string" ? value : Number.NaN);
  if (Number.isNaN(date.getTime())) return "";
  const two = (part: number) => String(part).padStart(2, "0");
  // By the members and not by the zone's offset: before standard time that was no whole number of minutes.
  const day = `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
