import { DecodeError } from "../errors.js";
import { parseInstant } from "./instant.js";

/**
 * Reading members of objects off the wire. A member that is missing counts as null, as everywhere in Celery.
 * Each reader throws a `DecodeError` that names the member.
 */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function readObject(value: unknown, place: string): Fields {
  if (isFields(value)) return value;
  throw wrong(place, "an object", value);
}

export function readArray(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(place, "an array", value);
}

/** Text that is not empty. */
export function readText(value: unknown, place: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw wrong(place, "a text that is not empty", value);
}

export function readTextOrNull(value: unknown, place: string): string | null {
  return value === null || value === undefined ? null : readText(value, place);
}

/** A whole number from 0 on; null or missing counts as `missing`. */
export function readCount<T>(value: unknown, place: string, missing: T): number | T {
  if (value === null || value === undefined) return missing;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw wrong(place, "a whole number", value);
}

/** Seconds, above 0; 0, null and missing mean none. */
export function readSeconds(value: unknown, place: string): number | null {
  if (value === null || value === undefined || value === 0) return null;
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
  throw wrong(place, "a number of seconds", value);
}

export function readInstant(value: unknown, place: string): Date | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "string") throw wrong(place, "an ISO 8601 instant", value);
  try {
    return parseInstant(value);
  } catch (cause) {
    throw new DecodeError(`${place}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Text for people: anything else counts as missing. */
export function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export function wrong(place: string, expected: string, found: unknown): DecodeError {
  return new DecodeError(`${place} is ${shown(found)} where ${expected} belongs`);
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value).slice(0, 40);
}
