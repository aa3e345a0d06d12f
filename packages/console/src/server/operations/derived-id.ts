import { createHash } from "node:crypto";

/**
 * The id under which an operation re-runs a task: the same each time it is asked for, so that an operation that was cut off can tell
 * what it has sent, and sends nothing under two ids. A UUID of version 8 (RFC 9562, 5.8).
 */
export function derivedId(operationId: string, target: string): string {
  const bytes = createHash("sha256").update(`${operationId}\n${target}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
