import { encodeJson } from "../protocol/content.js";

/** Writes a line to standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes a remark for people to standard error, so that it never ends up in a script's data. */
export function remark(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Writes a value as one line of JSON. Bytes and big integers as on the wire. */
export function printJson(value: unknown): void {
  print(encodeJson(plain(value)));
}

/** Maps become objects, members that are undefined go, instants become ISO texts. */
function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(members.map(([name, each]) => [name, plain(each)]));
}
