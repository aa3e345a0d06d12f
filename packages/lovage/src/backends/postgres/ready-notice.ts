/** Bytes of a payload at most: PostgreSQL takes 7,999. */
const MAX_BYTES = 7900;

/**
 * What a store tells those who wait: `<length of the id>:<id><meta>`, so that the result need not be read; without the meta when it is
 * too large. Undefined when not even the id fits.
 */
export function readyNotice(id: string, text: string): string | undefined {
  const name = `${id.length}:${id}`;
  // A character takes three bytes at most.
  if ((name.length + text.length) * 3 <= MAX_BYTES || Buffer.byteLength(name + text) <= MAX_BYTES) return name + text;
  return Buffer.byteLength(name) <= MAX_BYTES ? name : undefined;
}

/** Undefined for what is no such notice. */
export function parseReadyNotice(
  payload: string,
): { readonly id: string; readonly text: string | undefined } | undefined {
  const [head, digits] = /^(\d{1,5}):/.exec(payload) ?? [];
  if (head === undefined) return undefined;
  const end = head.length + Number(digits);
  if (payload.length < end) return undefined;
  const text = payload.slice(end);
  return { id: payload.slice(head.length, end), text: text === "" ? undefined : text };
}
