import { DecodeError } from "../../errors.js";
import { type Fields, isFields } from "../../protocol/read-fields.js";

export type { Fields };

/** `value` as an object; throws a `DecodeError` that names `where` for anything else. */
export function fieldsOf(value: unknown, where: string): Fields {
  if (isFields(value)) return value;
  throw new DecodeError(`${where}: expected an object, got ${describe(value)}`);
}

/** A reader for one kind of value; throws a `DecodeError` that names the member. */
type Read<T> = (fields: Fields, name: string) => T;

export const text: Read<string> = (fields, name) => {
  const value = fields[name];
  return typeof value === "string" ? value : wrong(name, "a text", value);
};
export const number: Read<number> = (fields, name) => {
  const value = fields[name];
  return typeof value === "number" && !Number.isNaN(value) ? value : wrong(name, "a number", value);
};
export const flag: Read<boolean> = (fields, name) => {
  const value = fields[name];
  return typeof value === "boolean" ? value : wrong(name, "true or false", value);
};
export const list: Read<readonly unknown[]> = (fields, name) => {
  const value = fields[name];
  return Array.isArray(value) ? value : wrong(name, "an array", value);
};
export const object: Read<Fields> = (fields, name) => {
  const value = fields[name];
  return isFields(value) ? value : wrong(name, "an object", value);
};
/** Null, too, and for a member that is not there. */
export function orNull<T>(read: Read<T>): Read<T | null> {
  return (fields, name) => (fields[name] === null || fields[name] === undefined ? null : read(fields, name));
}

function wrong(name: string, expected: string, value: unknown): never {
  throw new DecodeError(`${name}: expected ${expected}, got ${describe(value)}`);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : typeof value;
}
