const RAW_JSON = Symbol.for("lovage.value.rawJson");

/**
 * A value that has been written as JSON already, by `encodeJson`: a result on its way from a pool's process to the backend.
 * `encodeJson` and `encodeTaskMeta` write its text as it is, so that it is neither parsed nor written again.
 */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  get [RAW_JSON](): string {
    return this.text;
  }
  toString(): string {
    return this.text;
  }
}

/** The text of a `RawJson`, of this or another copy of the library; undefined for anything else. */
export function rawTextOf(value: object): string | undefined {
  const text: unknown = Reflect.get(value, RAW_JSON);
  return typeof text === "string" ? text : undefined;
}
