import { createHash } from "node:crypto";
import { ConfigurationError } from "../errors.js";
import { nearestName } from "../util/nearest-name.js";
import { maskUrls } from "../util/secrets.js";

export interface PostgresEndpoint {
  /** As `pg` reads it: TLS, application name and the like are in its query. */
  readonly connectionString: string;
  /** For people: no secrets. */
  readonly shown: string;
}

/** Everything about a connection but what goes over it. */
export interface PostgresTarget {
  /** Tried in turn, as one after the other fails or turns out to be a standby. */
  readonly endpoints: readonly [PostgresEndpoint, ...PostgresEndpoint[]];
  /** Where notifications are listened for, when `endpoints` lead through a pooler that cannot. */
  readonly listenEndpoints: readonly [PostgresEndpoint, ...PostgresEndpoint[]];
  /** A plain lower-case identifier. */
  readonly schema: string;
  /** Connections at most, the one for listening not counted. */
  readonly poolSize: number;
  /** Seconds within which a connection is ready. */
  readonly connectTimeout: number;
  /** Two parts of an app with the same key share their connections and commits. No secrets. */
  readonly key: string;
}

type Options = Readonly<Record<string, unknown>>;

/** The options of the connection itself; a driver has others besides. */
export const POSTGRES_CONNECTION_OPTIONS = ["schema", "listenUrl", "poolSize", "connectTimeout"] as const;
/** Read by `pg` itself, from the URL's query. Source: node-postgres, "Connection URI"; libpq, "Parameter Key Words". */
const CLIENT_OPTIONS = [
  "sslmode",
  "sslcert",
  "sslkey",
  "sslrootcert",
  "sslnegotiation",
  "uselibpqcompat",
  "application_name",
  "host",
  "port",
  "options",
] as const;

export const DEFAULT_SCHEMA = "lovage";
const POOL_SIZE = 4;
const CONNECT_TIMEOUT = 5;

/**
 * Reads `postgres://[user[:password]@]host[:port]/database`, with `?schema=`, `?listenUrl=`, `?poolSize=`, `?connectTimeout=` and what
 * `pg` knows (`sslmode=verify-full`, `application_name=…`). Several, with `;` between them, are the servers of one cluster.
 *
 * `transport` are the settings' transport options; those in the URL's query go over them. `driverOptions` names what the driver knows
 * besides the connection's own; they come back as `driver`, as they were written (text, when from the query).
 * Throws a `ConfigurationError` for anything unknown or wrong; it shows no secret.
 */
export function parsePostgresUrl(
  url: string,
  transport: Options = {},
  driverOptions: readonly string[] = [],
): { readonly target: PostgresTarget; readonly driver: Options } {
  const known = [...POSTGRES_CONNECTION_OPTIONS, ...driverOptions];
  for (const name of Object.keys(transport)) if (!known.includes(name)) throw unknownOption(name, known);
  const read = readEndpoints(url, known);
  const options: Options = { ...transport, ...read.options };
  const schema = schemaName(options.schema ?? DEFAULT_SCHEMA);
  const { listenUrl } = options;
  if (listenUrl !== undefined && typeof listenUrl !== "string") throw badOption("listenUrl", "a URL", listenUrl);
  const listenEndpoints = listenUrl === undefined ? read.endpoints : readEndpoints(listenUrl, []).endpoints;
  const target = {
    endpoints: read.endpoints,
    listenEndpoints,
    schema,
    poolSize: wholeNumber(options, "poolSize", POOL_SIZE),
    connectTimeout: seconds(options, "connectTimeout", CONNECT_TIMEOUT),
  };
  const driver = Object.fromEntries(
    driverOptions.filter((name) => name in options).map((name) => [name, options[name]]),
  );
  return { target: { ...target, key: keyOf(target) }, driver };
}

function readEndpoints(
  url: string,
  ours: readonly string[],
): { endpoints: readonly [PostgresEndpoint, ...PostgresEndpoint[]]; options: Record<string, string> } {
  const options: Record<string, string> = {};
  const endpoints: PostgresEndpoint[] = [];
  for (const part of url.split(";").filter((each) => each.trim() !== "")) {
    endpoints.push(readEndpoint(part.trim(), ours, options));
  }
  const [first, ...others] = endpoints;
  if (!first) throw badUrl(url, "names no server");
  return { endpoints: [first, ...others], options };
}

/** One URL; options of ours go to `options`, and out of what `pg` gets to see. */
function readEndpoint(url: string, ours: readonly string[], options: Record<string, string>): PostgresEndpoint {
  const [, rest, queryText = ""] = /^(?:postgres|postgresql):\/\/([^?#]*)(?:\?([^#]*))?$/i.exec(url) ?? [];
  if (rest === undefined) throw badUrl(url, "is no postgres://user@host/database");
  const kept = new URLSearchParams();
  for (const [name, value] of new URLSearchParams(queryText)) {
    if (ours.includes(name)) options[name] ??= value;
    else if (CLIENT_OPTIONS.some((each) => each === name)) kept.set(name, value);
    else throw unknownOption(name, [...ours, ...CLIENT_OPTIONS]);
  }
  const query = kept.size > 0 ? `?${kept}` : "";
  return { connectionString: `postgres://${rest}${query}`, shown: shownOf(rest, kept) };
}

/** `host:port/database`. */
function shownOf(rest: string, query: URLSearchParams): string {
  const place = rest.slice(rest.lastIndexOf("@") + 1);
  const host = query.get("host");
  const withoutHost = place.startsWith("/") || place === "";
  return withoutHost ? `${host ?? "localhost"}${place}` : place;
}

function schemaName(value: unknown): string {
  // Folded names only, so that people can write them in psql without quotes; 63 bytes is what PostgreSQL keeps of a name.
  if (typeof value === "string" && /^[a-z_][a-z0-9_]{0,62}$/.test(value) && !value.startsWith("pg_")) return value;
  throw badOption(
    "schema",
    "a name of lower-case letters, digits and _, at most 63 of them, not beginning with pg_",
    value,
  );
}

function wholeNumber(options: Options, name: string, fallback: number): number {
  const number = Number(options[name] ?? fallback);
  if (Number.isInteger(number) && number >= 1) return number;
  throw badOption(name, "a whole number above 0", options[name]);
}
function seconds(options: Options, name: string, fallback: number): number {
  const number = Number(options[name] ?? fallback);
  if (Number.isFinite(number) && number > 0) return number;
  throw badOption(name, "a number of seconds above 0", options[name]);
}

function keyOf(target: Omit<PostgresTarget, "key">): string {
  const where = target.endpoints.map(({ shown }) => shown).join(";");
  const all = createHash("sha256").update(JSON.stringify(target)).digest("hex").slice(0, 16);
  return `postgres ${where} ${target.schema} ${all}`;
}

function badUrl(url: string, what: string): ConfigurationError {
  return new ConfigurationError(`${maskUrls(url) || "an empty URL"} ${what}`, { code: "bad_url" });
}
function badOption(name: string, expected: string, value: unknown): ConfigurationError {
  const shown = maskUrls(JSON.stringify(value) ?? "nothing");
  return new ConfigurationError(`the PostgreSQL option ${name} must be ${expected}, not ${shown}`, { code: "bad_url" });
}
function unknownOption(name: string, known: readonly string[]): ConfigurationError {
  const nearest = nearestName(name, known);
  return new ConfigurationError(
    `PostgreSQL has no option ${name}${nearest ? ` (did you mean ${nearest}?)` : ""}: known are ${known.join(", ")}`,
    { code: "bad_url" },
  );
}
