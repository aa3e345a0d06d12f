import { DecodeError } from "../errors.js";
import { isFields, readArray, readObject } from "../protocol/read-fields.js";

/** What workers replied to one request, by node name. */
export interface Replies<T> {
  readonly answers: ReadonlyMap<string, T>;
  /** Refusals, and answers that are not of the expected form, in words. */
  readonly errors: ReadonlyMap<string, string>;
}

/** Reads every reply; `read` throws a `DecodeError` for what it does not expect. */
export function gatherReplies<T>(raw: ReadonlyMap<string, unknown>, read: (value: unknown) => T): Replies<T> {
  const answers = new Map<string, T>();
  const errors = new Map<string, string>();
  for (const [node, value] of raw) {
    const refusal = refusalIn(value);
    if (refusal !== undefined) errors.set(node, refusal);
    else readOne(node, value);
  }
  return { answers, errors };

  function readOne(node: string, value: unknown): void {
    try {
      answers.set(node, read(value));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      errors.set(node, `an answer of another form: ${error.message}`);
    }
  }
}

/** The text of `{"error": text}`; undefined for any other answer. */
export function refusalIn(value: unknown): string | undefined {
  if (!isFields(value) || typeof value.error !== "string") return undefined;
  return Object.keys(value).length === 1 ? value.error : undefined;
}

/** The text of `{"ok": text}`. */
export function readOk(value: unknown): string {
  const { ok } = readObject(value, "reply");
  if (typeof ok === "string") return ok;
  throw new DecodeError("reply.ok is not a text");
}

export function readTexts(value: unknown): readonly string[] {
  return readArray(value, "reply").map(String);
}
