import { createHmac, randomBytes } from "node:crypto";
import { type Clock, systemClock } from "lovage/internal";
import { ApiError } from "../route.js";
import type { Account, AccountBook } from "./accounts.js";
import type { LoginThrottle } from "./login-throttle.js";
import { NOBODYS_HASH, verifyPassword } from "./password.js";

/** Each uses 32 MiB and a thread of Node's pool for 0.1 s. */
const AT_ONCE = 2;
const MOST_WAITING = 32;
/** How long a password that was right need not be computed again: clients with Basic send it with each request. */
const REMEMBER_SECONDS = 300;
const MOST_REMEMBERED = 1000;

/** Checks names and passwords: slowly on purpose, never more than two at a time, and ever slower for those who guess. */
export class PasswordLogin {
  readonly #accounts: AccountBook;
  readonly #throttle: LoginThrottle;
  readonly #clock: Clock;
  /** Keyed digests of what was right: neither a password nor a hash that could be tried elsewhere. */
  readonly #remembered = new Map<string, number>();
  readonly #key = randomBytes(32);
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: { readonly accounts: AccountBook; readonly throttle: LoginThrottle; readonly clock?: Clock }) {
    this.#accounts = options.accounts;
    this.#throttle = options.throttle;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * The account, if the password is its own. Throws an `ApiError`: 401 `wrong_login`, the same and as late for names that there are not;
   * 429 `login_slow_down` with the seconds to wait.
   */
  async check(name: string, password: string, address: string): Promise<Account> {
    const account = await this.#accounts.find(name);
    const digest = this.#digestOf(account, name, password);
    if (account !== undefined && !account.disabled && this.#isRemembered(digest)) return account;
    const wait = await this.#throttle.begin(name, address);
    if (wait > 0) throw slowDown(wait);
    const right = await this.#inTurn(() => verifyPassword(password, account?.hash ?? NOBODYS_HASH));
    if (!right || account?.hash === undefined || account.disabled) {
      throw new ApiError(401, "wrong_login", "the name or the password is wrong");
    }
    await this.#throttle.succeeded(name, address);
    this.#remember(digest);
    return account;
  }

  /** Holds the stored hash too, so that a changed password is not remembered under its old one. */
  #digestOf(account: Account | undefined, name: string, password: string): string {
    const parts = [name, password, account?.hash?.salt.toString("base64") ?? ""];
    return createHmac("sha256", this.#key).update(JSON.stringify(parts)).digest("base64");
  }

  #isRemembered(digest: string): boolean {
    const until = this.#remembered.get(digest);
    return until !== undefined && until > this.#clock.monotonic();
  }

  #remember(digest: string): void {
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(digest, this.#clock.monotonic() + REMEMBER_SECONDS);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= MOST_WAITING) throw slowDown(5);
      // Whoever ends hands their place over: it is never free for a third in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

function slowDown(seconds: number): ApiError {
  return new ApiError(429, "login_slow_down", `too many wrong logins: try again in ${seconds} s`, {
    retryAfter: seconds,
  });
}
