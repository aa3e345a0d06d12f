import { ConfigurationError } from "lovage";
import { ROLES, type Role } from "../../api/common.js";
import { type PasswordHash, parsePasswordHash } from "./password.js";

export interface SettingsUser {
  readonly name: string;
  readonly role: Role;
  /** Undefined for users that a proxy knows: they cannot log in here. */
  readonly hash: PasswordHash | undefined;
}

/** Letters of any script, but nothing that breaks a line, a header or Basic's `name:password`. */
const USER_NAME = /^[^\p{Cc}\p{Cf}:]{1,100}$/u;

export function isUserName(name: string): boolean {
  return USER_NAME.test(name) && name.trim() === name;
}

/**
 * Reads `consoleUsers`: `name:role:scrypt$…`, or `name:role` for one that only a proxy's header names. Throws a `ConfigurationError`
 * that names the user, never the hash.
 */
export function parseSettingsUsers(entries: readonly string[]): ReadonlyMap<string, SettingsUser> {
  const users = new Map<string, SettingsUser>();
  for (const [index, entry] of entries.entries()) {
    const user = parseUser(entry, index);
    if (users.has(user.name)) throw badUsers(`names ${JSON.stringify(user.name)} twice`);
    users.set(user.name, user);
  }
  return users;
}

function parseUser(entry: string, index: number): SettingsUser {
  const [name = "", role = "", ...rest] = entry.split(":");
  if (!isUserName(name) || rest.length > 1) {
    throw badUsers(
      `needs name:role:hash; entry ${index + 1} is none (a hash is what \`lovage console hash-password\` prints)`,
    );
  }
  const known = ROLES.find((each) => each === role);
  if (known === undefined) throw badUsers(`gives ${JSON.stringify(name)} no role: expected ${ROLES.join(", ")}`);
  const [hash] = rest;
  return { name, role: known, hash: hash === undefined || hash === "" ? undefined : hashOf(name, hash) };
}

function hashOf(name: string, hash: string): PasswordHash {
  try {
    return parsePasswordHash(hash);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badUsers(`has no good hash for ${JSON.stringify(name)}: ${why}`);
  }
}

function badUsers(what: string): ConfigurationError {
  return new ConfigurationError(`consoleUsers ${what}`, { code: "console_bad_users" });
}
