import { ConfigurationError } from "lovage";
import type { Role } from "../../api/common.js";
import type { ConsoleOptions } from "../console-options.js";
import { ApiError, type User } from "../route.js";
import type { AccountBook } from "./accounts.js";
import type { PasswordLogin } from "./password-login.js";
import { isLoopbackAddress, readSessionCookie } from "./session-cookie.js";
import { TrustedProxies } from "./trusted-proxies.js";

/** A user, and how they showed who they are. */
export interface Identity {
  readonly user: User;
  readonly by: "session" | "basic" | "bearer" | "header" | "none";
  /** Whether the same credentials would still give the same rights. */
  stillAllowed(): Promise<boolean>;
}

export interface IdentifyRequest {
  readonly headers: Headers;
  /** The other end of the connection: a proxy or the client. */
  readonly socketAddress: string;
  /** Whether it is one of Flower's routes. */
  readonly isFlower: boolean;
}

interface Known {
  readonly name: string;
  readonly role: Role;
}

/** Finds out who asks, by the console's auth mode. */
export class Authenticator {
  readonly #options: ConsoleOptions;
  readonly #accounts: AccountBook;
  readonly #logins: PasswordLogin;
  readonly proxies: TrustedProxies;

  constructor(parts: {
    readonly options: ConsoleOptions;
    readonly accounts: AccountBook;
    readonly logins: PasswordLogin;
  }) {
    this.#options = parts.options;
    this.#accounts = parts.accounts;
    this.#logins = parts.logins;
    this.proxies = new TrustedProxies(parts.options.trustProxy);
  }

  /** Throws a `ConfigurationError`, saying what to do, when the console would be open to strangers or closed to everybody. */
  checkSetup(): void {
    const { auth, host } = this.#options;
    if (auth === "none" && !isLoopbackAddress(host)) {
      throw new ConfigurationError(
        `the console would be open to everybody who reaches ${host}: choose --auth basic (with users in LOVAGE_CONSOLE_USERS) or --auth header, or bind it to 127.0.0.1`,
        { code: "console_needs_auth" },
      );
    }
    if (auth === "basic" && this.#accounts.isEmpty) {
      throw new ConfigurationError(
        // What is printed holds dollar signs, which a shell would take for variables if it were pasted between double quotes.
        '--auth basic has no user yet: export LOVAGE_CONSOLE_USERS="$(lovage console hash-password --name you --role admin)"',
        { code: "console_no_users" },
      );
    }
    if (auth === "header" && this.proxies.isEmpty) {
      throw new ConfigurationError(
        "--auth header needs --trust-proxy with the addresses of the proxies that may name the user: else anybody could",
        { code: "console_needs_trust_proxy" },
      );
    }
  }

  /** Undefined for someone who shows no credentials. Throws an `ApiError` (401, 429) for credentials that are wrong. */
  async identify(request: IdentifyRequest): Promise<Identity | undefined> {
    const authorization = request.headers.get("authorization");
    const explicit = authorization === null ? undefined : await this.#byAuthorization(authorization, request);
    if (explicit !== undefined) return explicit;
    switch (this.#options.auth) {
      case "none":
        return this.#identity({ name: "local", role: "admin" }, "none", request, async () => true);
      case "basic":
        return this.#bySession(request);
      case "header":
        return this.#byHeader(request);
    }
  }

  clientAddress(request: { readonly headers: Headers; readonly socketAddress: string }): string {
    return this.proxies.clientOf(request.socketAddress, request.headers.get("x-forwarded-for"));
  }

  async #byAuthorization(authorization: string, request: IdentifyRequest): Promise<Identity | undefined> {
    const [scheme = "", credentials = ""] = authorization.split(/ +/, 2);
    switch (scheme.toLowerCase()) {
      case "bearer":
        return this.#byToken(credentials, request);
      case "basic":
        // Where nobody has a password here, the header is between the browser and the proxy.
        return this.#options.auth === "basic" ? this.#byBasic(credentials, request) : undefined;
      default:
        throw new ApiError(401, "unauthenticated", "expected Authorization: Bearer or Basic");
    }
  }

  async #byToken(token: string, request: IdentifyRequest): Promise<Identity> {
    const found = await this.#accounts.tokens.find(token);
    if (found === undefined) throw new ApiError(401, "wrong_token", "the token is unknown, disabled or expired");
    const known = { name: `token:${found.name}`, role: found.role };
    return this.#identity(known, "bearer", request, async () => {
      const now = await this.#accounts.tokens.find(token);
      return now !== undefined && now.role === found.role;
    });
  }

  async #byBasic(credentials: string, request: IdentifyRequest): Promise<Identity> {
    const [name, password] = splitOnce(Buffer.from(credentials, "base64").toString("utf8"), ":");
    const account = await this.#logins.check(name, password, this.clientAddress(request));
    return this.#identity(account, "basic", request, () => this.#isStill(account));
  }

  async #bySession(request: IdentifyRequest): Promise<Identity | undefined> {
    const secret = readSessionCookie(request.headers);
    if (secret === undefined) return undefined;
    const name = await this.#accounts.sessions.userOf(secret);
    const account = name === undefined ? undefined : await this.#accounts.find(name);
    if (account === undefined || account.disabled) return undefined;
    return this.#identity(account, "session", request, async () => {
      // Only looked at: a stream left open must not keep a session alive for ever.
      const owner = await this.#accounts.sessions.userOf(secret, { touch: false });
      return owner === account.name && (await this.#isStill(account));
    });
  }

  async #byHeader(request: IdentifyRequest): Promise<Identity | undefined> {
    const name = request.headers.get(this.#options.userHeader)?.trim() ?? "";
    if (name === "" || !this.proxies.has(request.socketAddress)) return undefined;
    const account = await this.#accounts.find(name);
    if (account?.disabled === true) throw new ApiError(403, "user_disabled", `the user ${name} is disabled here`);
    const known = { name, role: account?.role ?? this.#options.headerRole };
    return this.#identity(known, "header", request, async () => {
      const now = await this.#accounts.find(name);
      return now?.disabled !== true && (now?.role ?? this.#options.headerRole) === known.role;
    });
  }

  async #isStill(known: Known): Promise<boolean> {
    const now = await this.#accounts.find(known.name);
    return now !== undefined && !now.disabled && now.role === known.role;
  }

  #identity(
    known: Known,
    by: Identity["by"],
    request: IdentifyRequest,
    stillAllowed: () => Promise<boolean>,
  ): Identity {
    const role = this.#options.readOnly ? "viewer" : known.role;
    return {
      by,
      stillAllowed,
      user: {
        name: known.name,
        role,
        seesPayloads: role !== "viewer" || this.#options.viewerSeesPayloads,
        via: viaOf(by, request),
        address: this.clientAddress(request),
      },
    };
  }
}

/** Browsers say where a request comes from; what says nothing is a program. */
function viaOf(by: Identity["by"], request: IdentifyRequest): User["via"] {
  if (request.isFlower) return "flower";
  if (by === "session") return "page";
  if (by === "basic" || by === "bearer") return "api";
  return request.headers.has("sec-fetch-site") ? "page" : "api";
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
