import { createHash, randomBytes } from "node:crypto";

/** 256 random bits, for cookies and tokens. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** What the store keeps of a secret. It is random, not chosen by a person: one round of SHA-256 is enough. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
