import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { type Logger, silentLogger } from "lovage";
import { type Clock, systemClock } from "lovage/internal";
import { onTestFinished } from "vitest";
import { AuditTrail } from "../../src/server/audit/audit-trail.js";
import { AccountBook } from "../../src/server/auth/accounts.js";
import { LoginThrottle } from "../../src/server/auth/login-throttle.js";
import { hashPassword } from "../../src/server/auth/password.js";
import { PasswordLogin } from "../../src/server/auth/password-login.js";
import { SavedViews } from "../../src/server/auth/saved-views.js";
import type { ConsoleOptions } from "../../src/server/console-options.js";
import { ConsoleHttp, type ConsoleHttpOptions } from "../../src/server/http/console-http.js";
import { SseHub } from "../../src/server/live/sse-hub.js";
import type { ConsoleParts } from "../../src/server/parts.js";
import type { Route } from "../../src/server/route.js";
import type { Database } from "../../src/server/store/database.js";
import { sqlitePlace } from "./console-database.js";

export const OPTIONS: ConsoleOptions = {
  host: "127.0.0.1",
  port: 0,
  urlPrefix: "",
  auth: "none",
  readOnly: false,
  trustProxy: [],
  userHeader: "x-forwarded-user",
  headerRole: "viewer",
  metricsPublic: false,
  store: "",
  environment: { name: "test", color: null },
  links: [],
  users: [],
  viewerSeesPayloads: true,
  corsOrigins: [],
  enableEvents: true,
  inspectTimeout: 1,
  purgeOfflineWorkers: 3600,
};

export interface HttpSetup extends Partial<Pick<ConsoleHttpOptions, "extraRoutes" | "webRoot">> {
  readonly options?: Partial<ConsoleOptions>;
  readonly routes?: readonly Route[];
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly database?: Database;
  readonly parts?: Partial<ConsoleParts>;
}

export interface TestConsole {
  readonly url: string;
  readonly origin: string;
  readonly hub: SseHub;
  readonly accounts: AccountBook;
  readonly audit: AuditTrail;
  readonly database: Database;
  ask(path: string, request?: AskOptions): Promise<Answer>;
  stop(): Promise<void>;
}

/**
 * The console's HTTP side on a free port, over a database of its own: real accounts, audit trail, views and streams. Routes that need a
 * broker are tried where the whole console runs.
 */
export async function startHttp(setup: HttpSetup = {}): Promise<TestConsole> {
  const options = { ...OPTIONS, ...setup.options };
  const logger = setup.logger ?? silentLogger;
  const clock = setup.clock ?? systemClock;
  const database = setup.database ?? (await (await sqlitePlace()).open());
  const accounts = new AccountBook({ database, users: options.users, clock });
  const throttle = new LoginThrottle({ database, clock });
  const audit = new AuditTrail({ database, logger, clock });
  const hub = new SseHub({ clock });
  const own = {
    options,
    database,
    accounts,
    audit,
    live: hub,
    logger,
    logins: new PasswordLogin({ accounts, throttle, clock }),
    views: new SavedViews({ database, clock }),
    health: {
      broker: { url: "memory://", reachable: true, error: null, capabilities: {} },
      backend: { url: null, capabilities: {} },
      check: async () => ({ store: null, broker: null }),
    },
    retention: {
      limits: { taskDays: 7, taskCount: 1, failureDays: 1, logDays: 1, logBytesPerTask: 1, auditDays: 365 },
      change: async () => undefined,
    },
    hasApp: false,
    startedAt: clock.now(),
    now: () => clock.now(),
  };
  // Parts that no route of these tests asks for are not there.
  const parts = { ...own, ...setup.parts } as ConsoleParts;
  const { extraRoutes, webRoot, routes = [] } = setup;
  const http = new ConsoleHttp({
    parts,
    hub,
    throttle,
    routes,
    ...(extraRoutes === undefined ? {} : { extraRoutes }),
    ...(webRoot === undefined ? {} : { webRoot }),
  });
  await http.prepare();
  const { url } = await http.start();
  onTestFinished(() => http.stop());
  const { origin } = new URL(url);
  return {
    url,
    origin,
    hub,
    accounts,
    audit,
    database,
    ask: (path, request) => ask(origin, path, request),
    stop: () => http.stop(),
  };
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is a text. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
}

/**
 * One request over a connection of its own. Not `fetch`: that sets `Host`, `Origin` and the `Sec-Fetch` headers itself, which are what
 * these tests are about.
 */
export function ask(
  origin: string,
  path: string,
  { method = "GET", headers = {}, body }: AskOptions = {},
): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" || body === undefined ? {} : { "content-type": "application/json" };
  // Node sends no length by itself with DELETE.
  const length =
    text === undefined || "transfer-encoding" in headers ? {} : { "content-length": String(Buffer.byteLength(text)) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        hostname: hostname.replace(/[[\]]/g, ""),
        port,
        path,
        method,
        headers: { ...type, ...length, ...headers },
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const content = Buffer.concat(chunks).toString("utf8");
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: content,
            get json(): unknown {
              return JSON.parse(content);
            },
          });
        });
      },
    );
    request.on("error", reject);
    request.end(text);
  });
}

/** `consoleUsers` with one user of each role, named after it; the password is `pass-<role>`. */
export async function usersOfEachRole(): Promise<readonly string[]> {
  return Promise.all(
    ["viewer", "operator", "admin"].map(async (role) => `${role}:${role}:${await hashPassword(`pass-${role}`)}`),
  );
}

export function basic(name: string, password: string): Readonly<Record<string, string>> {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}` };
}
