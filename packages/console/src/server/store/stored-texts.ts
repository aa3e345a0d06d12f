import type { SqlValue } from "./database.js";

/** `text` as the value of `contains`: its own wildcards stand for themselves. */
export function likePattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}

/**
 * The value of `jsonRows`. Texts keep all that both databases can hold: NUL, which PostgreSQL has no place for, and halves of surrogate
 * pairs, which are no text, become U+FFFD.
 */
export function jsonRowsValue(rows: readonly object[]): string {
  return JSON.stringify(rows, (_, value: unknown) => (typeof value === "string" ? storable(value) : value));
}

const UNSTORABLE = /[\0\p{Surrogate}]/gu;

/** A text as both databases can hold it. */
export function storable(text: string): string {
  return text.replace(UNSTORABLE, "\ufffd");
}

/** The same for a value by itself; clients see to surrogates. A NUL would end a text in SQLite's drivers, and PostgreSQL refuses it. */
export function withoutNul(value: SqlValue): SqlValue {
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\ufffd") : value;
}
