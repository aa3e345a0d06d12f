import { isIPv6 } from "node:net";
import { type Clock, systemClock } from "lovage/internal";
import type { Database, Statement } from "../store/database.js";

/** After `free` wrong tries each further one has to wait, twice as long each time, up to `longest` seconds. */
interface Rule {
  readonly free: number;
  readonly longest: number;
}
/**
 * A person at one address has five tries. One address that tries many names, and many addresses that try one name, are slowed down too;
 * the latter for seconds only, so that a stranger cannot keep a user out.
 */
const RULES = {
  both: { free: 5, longest: 900 },
  address: { free: 20, longest: 900 },
  user: { free: 20, longest: 10 },
} as const satisfies Readonly<Record<string, Rule>>;
const FIRST_WAIT_SECONDS = 2;
/** Wrong tries older than this are forgotten. */
const MEMORY_MS = 3600_000;

/** Counts wrong log-ins in the store, so that a restart forgives nothing. */
export class LoginThrottle {
  readonly #database: Database;
  readonly #clock: Clock;
  /** Tries are let in one by one: else a hundred at once would all see four wrong ones before them. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: { readonly database: Database; readonly clock?: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock ?? systemClock;
  }

  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate("console_login_failures", [
      `CREATE TABLE console_login_failures (tried TEXT PRIMARY KEY, failures ${bigint} NOT NULL, last_ms ${bigint} NOT NULL)`,
    ]);
  }

  /** Counts a try as wrong until `succeeded`. Gives the seconds to wait instead, when it comes too soon: then it is not to be looked at. */
  begin(user: string, address: string): Promise<number> {
    const turn = this.#turn.then(() => this.#begin(user, address));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** The try that `begin` let in was right. */
  async succeeded(user: string, address: string): Promise<void> {
    const keys = keysOf(user, address);
    await this.#database.write([
      { sql: "DELETE FROM console_login_failures WHERE tried = ?", values: [keys.both] },
      ...[keys.user, keys.address].map((key) => ({
        sql: "UPDATE console_login_failures SET failures = failures - 1 WHERE tried = ? AND failures > 0",
        values: [key],
      })),
    ]);
  }

  async sweep(): Promise<void> {
    const oldest = this.#clock.now().getTime() - MEMORY_MS;
    await this.#database.write([{ sql: "DELETE FROM console_login_failures WHERE last_ms < ?", values: [oldest] }]);
  }

  async #begin(user: string, address: string): Promise<number> {
    const nowMs = this.#clock.now().getTime();
    const keys = keysOf(user, address);
    const waits = await Promise.all(
      (["both", "address", "user"] as const).map((kind) => this.#waitOf(keys[kind], RULES[kind], nowMs)),
    );
    const wait = Math.max(...waits);
    if (wait > 0) return wait;
    await this.#database.write(Object.values(keys).map((key) => countTry(key, nowMs)));
    return 0;
  }

  async #waitOf(key: string, rule: Rule, nowMs: number): Promise<number> {
    const row = await this.#database.get({
      sql: "SELECT * FROM console_login_failures WHERE tried = ?",
      values: [key],
    });
    if (row === undefined) return 0;
    const lastMs = Number(row.last_ms);
    const excess = Number(row.failures) - rule.free;
    if (excess < 0 || lastMs < nowMs - MEMORY_MS) return 0;
    const delay = Math.min(rule.longest, FIRST_WAIT_SECONDS * 2 ** Math.min(excess, 20));
    return Math.max(0, Math.ceil((lastMs - nowMs) / 1000 + delay));
  }
}

function countTry(key: string, nowMs: number): Statement {
  return {
    sql: `INSERT INTO console_login_failures (tried, failures, last_ms) VALUES (?, 1, ?)
          ON CONFLICT (tried) DO UPDATE SET
            failures = CASE WHEN console_login_failures.last_ms < ? THEN 1 ELSE console_login_failures.failures + 1 END,
            last_ms = excluded.last_ms`,
    values: [key, nowMs, nowMs - MEMORY_MS],
  };
}

function keysOf(user: string, address: string): Readonly<Record<keyof typeof RULES, string>> {
  const name = user.slice(0, 200);
  const network = networkOf(address);
  return { both: JSON.stringify([name, network]), address: `address:${network}`, user: `user:${name}` };
}

/** One customer has a whole /64 of IPv6 addresses: they count as one. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
