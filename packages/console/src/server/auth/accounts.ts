import { type Clock, systemClock } from "lovage/internal";
import type { Role } from "../../api/common.js";
import type { UserItem } from "../../api/operations.js";
import type { Accounts } from "../parts.js";
import { ApiError } from "../route.js";
import type { Database, Row } from "../store/database.js";
import { roleOf, TokenBook } from "./api-tokens.js";
import { hashPassword, type PasswordHash, parsePasswordHash } from "./password.js";
import { SessionBook } from "./sessions.js";
import { isUserName, parseSettingsUsers, type SettingsUser } from "./settings-users.js";

export interface Account {
  readonly name: string;
  readonly role: Role;
  readonly disabled: boolean;
  /** Undefined for one that cannot log in with a password. */
  readonly hash: PasswordHash | undefined;
}

export interface UserChange {
  readonly role?: Role | undefined;
  readonly password?: string | undefined;
  readonly disabled?: boolean | undefined;
}

/**
 * Who may use the console: users of `consoleUsers` (read-only here, and first where a name is in both), users made in the console, their
 * sessions, and tokens.
 */
export class AccountBook implements Accounts {
  readonly sessions: SessionBook;
  readonly tokens: TokenBook;
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #settingsUsers: ReadonlyMap<string, SettingsUser>;
  #storedUsers = 0;
  /** Told after anything that may end somebody's rights. */
  readonly #listeners = new Set<() => void>();

  /** `users`: `consoleUsers`. Throws a `ConfigurationError` when they cannot be read. */
  constructor(options: { readonly database: Database; readonly users: readonly string[]; readonly clock?: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock ?? systemClock;
    this.#settingsUsers = parseSettingsUsers(options.users);
    this.sessions = new SessionBook({ database: options.database, clock: this.#clock });
    this.tokens = new TokenBook({ database: options.database, clock: this.#clock });
  }

  /** Makes the tables, and counts the users there are. */
  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate("console_users", [
      `CREATE TABLE console_users (name TEXT PRIMARY KEY, role TEXT NOT NULL, password_hash TEXT NOT NULL, disabled ${bigint} NOT NULL,
        created_ms ${bigint} NOT NULL)`,
      `CREATE TABLE console_user_seen (name TEXT PRIMARY KEY, seen_ms ${bigint} NOT NULL)`,
    ]);
    await this.sessions.open();
    await this.tokens.open();
    await this.#count();
  }

  get isEmpty(): boolean {
    return this.#storedUsers === 0 && ![...this.#settingsUsers.values()].some((user) => user.hash !== undefined);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async find(name: string): Promise<Account | undefined> {
    const settings = this.#settingsUsers.get(name);
    if (settings !== undefined) return { ...settings, disabled: false };
    const row = await this.#database.get({ sql: "SELECT * FROM console_users WHERE name = ?", values: [name] });
    if (row === undefined) return undefined;
    return {
      name,
      role: roleOf(row.role),
      disabled: row.disabled !== 0,
      hash: parsePasswordHash(String(row.password_hash)),
    };
  }

  async list(): Promise<readonly UserItem[]> {
    const rows = await this.#database.all({ sql: "SELECT * FROM console_users ORDER BY name" });
    const seenRows = await this.#database.all({ sql: "SELECT name, seen_ms FROM console_user_seen" });
    const seen = new Map(seenRows.map((row) => [String(row.name), new Date(Number(row.seen_ms)).toISOString()]));
    const fromSettings = [...this.#settingsUsers.values()].map((user) => this.#settingsItem(user, seen));
    const fromStore = rows
      .filter((row) => !this.#settingsUsers.has(String(row.name)))
      .map((row) => storedItem(row, seen));
    return [...fromSettings, ...fromStore];
  }

  /** Throws an `ApiError` for a name that is taken or no name. */
  async create(user: { readonly name: string; readonly role: Role; readonly password: string }): Promise<UserItem> {
    if (!isUserName(user.name)) throw badName();
    if (this.#settingsUsers.has(user.name)) throw nameTaken(user.name);
    const hash = await hashPassword(user.password);
    const [rows] = await this.#database.write([
      {
        sql: `INSERT INTO console_users (name, role, password_hash, disabled, created_ms) VALUES (?, ?, ?, 0, ?)
              ON CONFLICT (name) DO NOTHING RETURNING *`,
        values: [user.name, user.role, hash, this.#clock.now().getTime()],
      },
    ]);
    const [row] = rows ?? [];
    if (row === undefined) throw nameTaken(user.name);
    await this.#count();
    return storedItem(row, new Map());
  }

  /** Ends the user's sessions when their password changed or they were disabled. Throws an `ApiError` for one that is not to be changed. */
  async change(name: string, change: UserChange): Promise<UserItem> {
    if (this.#settingsUsers.has(name)) {
      throw new ApiError(409, "user_in_settings", `${name} is listed in consoleUsers: change it there`);
    }
    const row = await this.#database.get({ sql: "SELECT * FROM console_users WHERE name = ?", values: [name] });
    if (row === undefined) throw new ApiError(404, "not_found", `there is no user ${name}`);
    await this.#checkAdminStays(row, change);
    const hash = change.password === undefined ? String(row.password_hash) : await hashPassword(change.password);
    const disabled = change.disabled === undefined ? Number(row.disabled) : Number(change.disabled);
    const [rows] = await this.#database.write([
      {
        sql: "UPDATE console_users SET role = ?, password_hash = ?, disabled = ? WHERE name = ? RETURNING *",
        values: [change.role ?? String(row.role), hash, disabled, name],
      },
    ]);
    if (change.password !== undefined || change.disabled === true) await this.sessions.endAllOf(name);
    await this.#count();
    this.noteChange();
    const [changed] = rows ?? [];
    if (changed === undefined) throw new ApiError(404, "not_found", `there is no user ${name}`);
    return storedItem(changed, new Map());
  }

  /** Ends all of a user's sessions, in every browser, and the streams they hold open. */
  async logOut(name: string): Promise<void> {
    await this.sessions.endAllOf(name);
    this.noteChange();
  }

  /** Notes that the user was here; shown as *last seen*. */
  async noteSeen(name: string): Promise<void> {
    await this.#database.write([
      {
        sql: `INSERT INTO console_user_seen (name, seen_ms) VALUES (?, ?)
              ON CONFLICT (name) DO UPDATE SET seen_ms = excluded.seen_ms`,
        values: [name, this.#clock.now().getTime()],
      },
    ]);
  }

  /** Tells those who hold something open for a user that rights may have changed. */
  noteChange(): void {
    for (const listener of this.#listeners) listener();
  }

  /** A console without an admin could not get one from within. */
  async #checkAdminStays(row: Row, change: UserChange): Promise<void> {
    const steps = change.disabled === true || (change.role !== undefined && change.role !== "admin");
    if (!steps || row.role !== "admin" || row.disabled !== 0) return;
    if ([...this.#settingsUsers.values()].some((user) => user.role === "admin")) return;
    const others = await this.#database.get({
      sql: "SELECT COUNT(*) AS admins FROM console_users WHERE role = 'admin' AND disabled = 0 AND name <> ?",
      values: [String(row.name)],
    });
    if (Number(others?.admins ?? 0) === 0) {
      throw new ApiError(409, "last_admin", `${String(row.name)} is the only admin: make another one first`);
    }
  }

  async #count(): Promise<void> {
    const row = await this.#database.get({ sql: "SELECT COUNT(*) AS users FROM console_users WHERE disabled = 0" });
    this.#storedUsers = Number(row?.users ?? 0);
  }

  #settingsItem(user: SettingsUser, seen: ReadonlyMap<string, string>): UserItem {
    return {
      name: user.name,
      role: user.role,
      disabled: false,
      createdAt: null,
      lastSeen: seen.get(user.name) ?? null,
      source: "settings",
    };
  }
}

function storedItem(row: Row, seen: ReadonlyMap<string, string>): UserItem {
  const name = String(row.name);
  return {
    name,
    role: roleOf(row.role),
    disabled: row.disabled !== 0,
    createdAt: new Date(Number(row.created_ms)).toISOString(),
    lastSeen: seen.get(name) ?? null,
    source: "store",
  };
}

function badName(): ApiError {
  return new ApiError(400, "validation", "a user's name has 1 to 100 characters, and no colon or control character", {
    errors: [{ path: "name", message: "has 1 to 100 characters, and no colon or control character" }],
  });
}
function nameTaken(name: string): ApiError {
  return new ApiError(409, "user_exists", `there is a user ${name} already`);
}
