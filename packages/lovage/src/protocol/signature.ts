import { isFields, readArray, readObject, readText, textOrNull } from "./read-fields.js";

/**
 * One call of a task as data, with the six keys that peers insist on. Source: celery-protocol 6.1.
 * `options` are Celery's send options under their wire names: `task_id`, `link`, `queue`, ….
 */
export interface SignatureData {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  /** `chain`, `group`, `chord`, `map`, `starmap`, `chunks`; null for a plain task. */
  readonly subtask_type: string | null;
  /** Arguments from the caller are ignored. */
  readonly immutable: boolean;
}

/** Reads a signature; keys other than `task` may be missing, others are dropped. Throws a `DecodeError`. */
export function parseSignature(value: unknown): SignatureData {
  return signatureAt(value, "signature");
}

/** As `parseSignature`; `place` is what error messages call it. */
export function signatureAt(value: unknown, place: string): SignatureData {
  const fields = readObject(value, place);
  return {
    task: readText(fields.task, `${place}.task`),
    args: readArray(fields.args ?? [], `${place}.args`),
    kwargs: readObject(fields.kwargs ?? {}, `${place}.kwargs`),
    options: readObject(fields.options ?? {}, `${place}.options`),
    subtask_type: textOrNull(fields.subtask_type),
    immutable: fields.immutable === true,
  };
}

/** A list of signatures, or null for none. One that stands alone counts as a list of one. */
export function signaturesAt(value: unknown, place: string): readonly SignatureData[] | null {
  if (value === null || value === undefined) return null;
  if (isFields(value)) return [signatureAt(value, place)];
  return readArray(value, place).map((each, index) => signatureAt(each, `${place}[${index}]`));
}
