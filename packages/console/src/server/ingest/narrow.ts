/** Members of a hostile event as the store can keep them: of the right type, bounded, and null for anything else. */

/** Characters of each kind of text that are kept; what is longer is cut. */
export const LIMITS = {
  id: 255,
  name: 500,
  state: 100,
  /** Arguments and results as texts, and each as JSON. */
  value: 8 * 1024,
  error: 4 * 1024,
  traceback: 64 * 1024,
  logMessage: 16 * 1024,
  /** JSON of an event, or of a log line's fields. */
  fields: 8 * 1024,
} as const;

/** The text, cut to `limit` characters, without what a database cannot keep: NUL, and halves of surrogate pairs. */
export function keptText(text: string, limit: number): string {
  const cut = text.length > limit ? text.slice(0, limit) : text;
  return SUSPECT.test(cut) ? cut.replace(UNKEEPABLE, "\ufffd") : cut;
}
/** Found in hardly any text, and found fast. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what is looked for
const SUSPECT = /[\u0000\ud800-\udfff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what is looked for
const UNKEEPABLE = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A text that is not empty. */
export function textOf(value: unknown, limit: number): string | null {
  return typeof value === "string" && value !== "" ? keptText(value, limit) : null;
}

/** A whole number that every store can keep; fractions are rounded towards 0. */
export function wholeOf(value: unknown): number | null {
  if (typeof value !== "number" || !Number.isFinite(value)) return null;
  const whole = Math.trunc(value);
  return Number.isSafeInteger(whole) ? whole : null;
}

/** Seconds, or another finite number. */
export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

const EARLIEST_MS = Date.UTC(2000, 0, 1);
const DAY_MS = 86_400_000;

/** When an event says it happened, in Unix milliseconds with fractions; when it was heard, where that cannot be. */
export function eventMs(timestamp: number, heardMs: number): number {
  const atMs = timestamp * 1000;
  return atMs >= EARLIEST_MS && atMs <= heardMs + DAY_MS ? atMs : heardMs;
}
