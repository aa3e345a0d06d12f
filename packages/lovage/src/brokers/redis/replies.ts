/** What scripts reply with, narrowed. Anything unexpected reads as nothing, which is what a server that was tampered with deserves. */

export function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Buffer.isBuffer(value)) return value.toString();
  return typeof value === "number" ? String(value) : "";
}
export function textsOf(reply: unknown): string[] {
  return listOf(reply).map(textOf);
}
export function bytesOf(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(textOf(value));
}
/** A number that may come as text; undefined for the empty text. */
export function numberOf(value: unknown): number | undefined {
  const text = textOf(value);
  return text === "" ? undefined : Number(text);
}
