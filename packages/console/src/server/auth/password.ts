import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { ConfigurationError } from "lovage";

/** Of a hash made today: N = 2^15 takes about 0.1 s and 32 MiB. `scrypt$N$r$p$salt$hash`, the last two in base64url. */
const COST = { N: 32_768, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
/** A hash from a settings file must not make the console use gigabytes. */
const MOST_MEMORY_BYTES = 256 * 1024 * 1024;

export interface PasswordHash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** A hash to keep in place of the password, as in `scrypt$32768$8$1$<salt>$<hash>`: what `lovage console hash-password` prints. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await deriveKey(password, { ...COST, salt, key: Buffer.alloc(KEY_BYTES) });
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString("base64url")}$${key.toString("base64url")}`;
}

/** Reads what `hashPassword` wrote. Throws a `ConfigurationError` that does not repeat the text: it may be a password. */
export function parsePasswordHash(text: string): PasswordHash {
  const [scheme, n, r, p, salt, key, ...rest] = text.split("$");
  const hash = {
    N: Number(n),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt ?? "", "base64url"),
    key: Buffer.from(key ?? "", "base64url"),
  };
  const isPowerOfTwo = Number.isInteger(Math.log2(hash.N)) && hash.N > 1;
  const isSound = isPowerOfTwo && isCount(hash.r) && isCount(hash.p) && hash.salt.length >= 8 && hash.key.length >= 16;
  if (scheme !== "scrypt" || rest.length > 0 || !isSound || memoryOf(hash) > MOST_MEMORY_BYTES) {
    throw new ConfigurationError(
      "a password hash must be scrypt$N$r$p$salt$hash, as `lovage console hash-password` prints it",
      { code: "console_bad_password_hash" },
    );
  }
  return hash;
}

/** Whether the password is the one that was hashed. Takes the same time either way. */
export async function verifyPassword(password: string, hash: PasswordHash): Promise<boolean> {
  const key = await deriveKey(password, hash);
  return timingSafeEqual(key, hash.key);
}

/** Compared with when there is no such user, so that the answer takes as long as for one that there is. */
export const NOBODYS_HASH: PasswordHash = { ...COST, salt: Buffer.alloc(16), key: Buffer.alloc(KEY_BYTES, 0xff) };

function deriveKey(password: string, hash: PasswordHash): Promise<Buffer> {
  const { N, r, p } = hash;
  return new Promise((resolve, reject) => {
    // Composed accents: the same password typed on two systems is the same text.
    scrypt(password.normalize("NFC"), hash.salt, hash.key.length, { N, r, p, maxmem: memoryOf(hash) }, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

/** Twice what scrypt uses (128 · N · r): its check asks for a little more than that. */
function memoryOf(hash: { readonly N: number; readonly r: number; readonly p: number }): number {
  return 256 * hash.N * hash.r + 1024 * hash.r * hash.p;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 32;
}
