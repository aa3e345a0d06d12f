import { createHash } from "node:crypto";
import { ConfigurationError } from "../errors.js";
import { nearestName } from "../util/nearest-name.js";
import { maskUrls } from "../util/secrets.js";

/** TLS of one server; the names are Celery's `ssl_*` URL parameters. */
export interface RedisTls {
  /** `ssl_cert_reqs`: whether the server's certificate must be valid. @default true */
  readonly verify: boolean;
  /** `ssl_check_hostname`. @default true */
  readonly checkHostname: boolean;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

export type RedisAddress =
  | { readonly kind: "server"; readonly host: string; readonly port: number }
  | { readonly kind: "socket"; readonly path: string }
  | {
      readonly kind: "sentinels";
      readonly sentinels: readonly { readonly host: string; readonly port: number }[];
      readonly masterName: string;
      readonly sentinelUsername: string | undefined;
      readonly sentinelPassword: string | undefined;
    };

/** Where to connect. Several are tried in turn. */
export interface RedisEndpoint {
  readonly at: RedisAddress;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: RedisTls | undefined;
  /** For people: no secrets. */
  readonly shown: string;
}

/** Everything about a connection but what goes over it. */
export interface RedisTarget {
  readonly endpoints: readonly [RedisEndpoint, ...RedisEndpoint[]];
  readonly db: number;
  /** Seconds within which a command is answered or rejects, the wait for a connection included. */
  readonly socketTimeout: number;
  /** Seconds within which a connection is ready. */
  readonly connectTimeout: number;
  /** Seconds of silence after which a server is asked whether it is still there; a connection is given up after two more. */
  readonly healthCheckInterval: number;
  /** Two parts of an app with the same key share a connection. No secrets. */
  readonly key: string;
}

type Options = Readonly<Record<string, unknown>>;

/** The options of the connection itself; a driver has others besides. */
export const REDIS_CONNECTION_OPTIONS = [
  "socket_timeout",
  "socket_connect_timeout",
  "health_check_interval",
  "master_name",
  "sentinel_kwargs",
  "virtual_host",
  "ssl_cert_reqs",
  "ssl_check_hostname",
  "ssl_ca_certs",
  "ssl_certfile",
  "ssl_keyfile",
] as const;
/** As Celery writes them; other clients say `db`. */
const OPTION_ALIASES: Readonly<Record<string, string>> = { db: "virtual_host" };

const SCHEMES = ["redis", "rediss", "redis+sentinel", "sentinel", "redis+socket"] as const;
type Scheme = (typeof SCHEMES)[number];

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;
const SOCKET_TIMEOUT = 10;
const CONNECT_TIMEOUT = 5;
/** A dead connection is noticed after four of them at most, so that a worker is back within ten seconds of losing its network. */
const HEALTH_CHECK_INTERVAL = 2;

/**
 * Reads `redis://[user[:password]@]host[:port][/db]`, `rediss://…` (TLS), `redis+socket:///path/to/redis.sock?virtual_host=db`, and
 * `redis+sentinel://[user[:password]@]host[:port][,host[:port]…][/master name][/db]`, where the master's name may stand in
 * `?master_name=` instead. Celery's `sentinel://…;sentinel://…` is the same with one sentinel in each URL. Other URLs with `;` between
 * them are tried in turn.
 *
 * `transport` are the settings' transport options; those in the URL's query go over them. `driverOptions` names what the driver knows
 * besides the connection's own; they come back as `driver`, as they were written (text, when from the query).
 * Throws a `ConfigurationError` for anything unknown or wrong; it shows no secret.
 */
export function parseRedisUrl(
  url: string,
  transport: Options = {},
  driverOptions: readonly string[] = [],
): { readonly target: RedisTarget; readonly driver: Options } {
  const parts = url.split(";").filter((part) => part.trim() !== "");
  const read = parts.map((part) => readUrl(part.trim()));
  const [first] = read;
  if (!first) throw badUrl(url, "names no server");
  const options = checkedOptions(
    { ...transport, ...Object.assign({}, ...read.map(({ query }) => query).reverse()) },
    driverOptions,
  );
  const dbs = new Set(read.map(({ db }) => db));
  if (dbs.size > 1) throw badUrl(url, "names different databases, of which only one can hold the messages");
  const db = first.db ?? databaseNumber(options.virtual_host ?? "0", url);
  const [endpoint, ...others] = endpointsOf(read, options, url);
  if (!endpoint) throw badUrl(url, "names no server");
  const target = {
    endpoints: [endpoint, ...others] as const,
    db,
    socketTimeout: seconds(options, "socket_timeout", SOCKET_TIMEOUT),
    connectTimeout: seconds(options, "socket_connect_timeout", CONNECT_TIMEOUT),
    healthCheckInterval: seconds(options, "health_check_interval", HEALTH_CHECK_INTERVAL),
  };
  const driver = Object.fromEntries(
    driverOptions.filter((name) => name in options).map((name) => [name, options[name]]),
  );
  return { target: { ...target, key: keyOf(target) }, driver };
}

interface ReadUrl {
  readonly scheme: Scheme;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly hosts: readonly { readonly host: string; readonly port: number | undefined }[];
  readonly path: string;
  readonly masterName: string | undefined;
  readonly db: number | undefined;
  readonly query: Record<string, string>;
}

/** By hand: `URL` knows no lists of hosts, and refuses a password with a per cent sign or a slash in it. */
function readUrl(url: string): ReadUrl {
  // Up to the last "@" before the query is who connects: passwords may hold one, and slashes.
  const [, schemeText = "", user = "", password, hostText = "", path = "", queryText = ""] =
    /^([a-z+]+):\/\/(?:([^:@?/]*)(?::([^?]*))?@)?([^@/?#]*)([^?#]*)(?:\?([^#]*))?$/i.exec(url) ?? [];
  const scheme = SCHEMES.find((each) => each === schemeText.toLowerCase());
  if (!scheme) throw badUrl(url, `is none of ${SCHEMES.map((each) => `${each}://`).join(", ")}`);
  const hosts = hostText.split(",").map((each) => readHost(each, url));
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(queryText)) query[OPTION_ALIASES[name] ?? name] = value;
  const credentials = {
    username: user === "" ? undefined : decoded(user),
    password: password === undefined ? undefined : decoded(password),
  };
  if (scheme === "redis+socket") {
    if (path === "") throw badUrl(url, "names no socket: write redis+socket:///path/to/redis.sock");
    return { scheme, ...credentials, hosts, path: decoded(path), masterName: undefined, db: undefined, query };
  }
  return { scheme, ...credentials, hosts, path: "", ...readPath(path, url, isSentinel(scheme)), query };
}

function isSentinel(scheme: Scheme): boolean {
  return scheme === "redis+sentinel" || scheme === "sentinel";
}

function readHost(text: string, url: string): { host: string; port: number | undefined } {
  const [, bracketed, plain = "", portText] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(text.trim()) ?? [];
  if (bracketed === undefined && plain === "" && text.trim() !== "")
    throw badUrl(url, `has no host and port in ${JSON.stringify(text)}`);
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) throw badUrl(url, `has the port ${portText}, which is none`);
  return { host: bracketed ?? (plain === "" ? "localhost" : plain), port };
}

/** `/db`, and for sentinels also `/master name` and `/master name/db`. */
function readPath(
  path: string,
  url: string,
  sentinel: boolean,
): { masterName: string | undefined; db: number | undefined } {
  const segments = path
    .split("/")
    .filter((each) => each !== "")
    .map(decoded);
  const [head] = segments;
  const masterName = sentinel && head !== undefined && !/^\d+$/.test(head) ? segments.shift() : undefined;
  if (segments.length > 1) throw badUrl(url, `has the path ${path} where a database number is expected`);
  const [db] = segments;
  return { masterName, db: db === undefined ? undefined : databaseNumber(db, url) };
}

function databaseNumber(value: unknown, url: string): number {
  const text = String(value);
  if (!/^\d{1,5}$/.test(text))
    throw badUrl(url, `has the database ${JSON.stringify(text)}: it must be a number, as in redis://host/0`);
  return Number(text);
}

/** A per cent sign that begins no code stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function checkedOptions(options: Record<string, unknown>, driverOptions: readonly string[]): Options {
  const known = [...REDIS_CONNECTION_OPTIONS, ...driverOptions];
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    throw badOption(
      `${JSON.stringify(name)} is no option of Redis${nearest ? ` (did you mean ${nearest}?)` : ""}: known are ${known.join(", ")}`,
    );
  }
  return options;
}

function endpointsOf(read: readonly ReadUrl[], options: Options, url: string): RedisEndpoint[] {
  const [first] = read;
  const sentinels = read.filter(({ scheme }) => isSentinel(scheme));
  if (first && sentinels.length > 0) {
    if (sentinels.length < read.length) throw badUrl(url, "names sentinels and servers together");
    return [sentinelEndpoint(first, read, options, url)];
  }
  return read.flatMap((each) => serverEndpoints(each, options));
}

function serverEndpoints(read: ReadUrl, options: Options): RedisEndpoint[] {
  const { scheme, username, password } = read;
  const tls = scheme === "rediss" ? readTls(options) : undefined;
  if (scheme === "redis+socket")
    return [{ at: { kind: "socket", path: read.path }, username, password, tls: undefined, shown: `at ${read.path}` }];
  return read.hosts.map(({ host, port = DEFAULT_PORT }) => ({
    at: { kind: "server", host, port },
    username,
    password,
    tls,
    shown: `at ${host}:${port}`,
  }));
}

function sentinelEndpoint(first: ReadUrl, read: readonly ReadUrl[], options: Options, url: string): RedisEndpoint {
  const masterName = first.masterName ?? textOption(options, "master_name");
  if (masterName === undefined)
    throw badUrl(url, "names sentinels but no master: add ?master_name=… or the transport option master_name");
  const sentinels = read.flatMap(({ hosts }) =>
    hosts.map(({ host, port = DEFAULT_SENTINEL_PORT }) => ({ host, port })),
  );
  const { username: sentinelUsername, password: sentinelPassword } = readSentinelCredentials(options);
  const usesTls = ["ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile"].some((name) => name in options);
  return {
    at: { kind: "sentinels", sentinels, masterName, sentinelUsername, sentinelPassword },
    username: first.username,
    password: first.password,
    tls: usesTls ? readTls(options) : undefined,
    shown: `master ${masterName} (sentinels ${sentinels.map(({ host, port }) => `${host}:${port}`).join(", ")})`,
  };
}

/** Celery's `sentinel_kwargs: { username, password }`. */
function readSentinelCredentials(options: Options): { username: string | undefined; password: string | undefined } {
  const { sentinel_kwargs: given } = options;
  if (given === undefined) return { username: undefined, password: undefined };
  if (typeof given !== "object" || given === null)
    throw badOption("sentinel_kwargs must be an object with a username and a password");
  const fields: Options = { ...given };
  for (const name of Object.keys(fields))
    if (name !== "username" && name !== "password")
      throw badOption(`sentinel_kwargs knows username and password, not ${JSON.stringify(name)}`);
  return { username: textOption(fields, "username"), password: textOption(fields, "password") };
}

/** `CERT_REQUIRED` is Python's name, `required` Celery's in URLs. */
const CERT_REQUIREMENTS: Readonly<Record<string, boolean>> = {
  required: true,
  cert_required: true,
  optional: true,
  cert_optional: true,
  none: false,
  cert_none: false,
};

function readTls(options: Options): RedisTls {
  const requirement = (textOption(options, "ssl_cert_reqs") ?? "required").toLowerCase();
  const verify = CERT_REQUIREMENTS[requirement];
  if (verify === undefined)
    throw badOption(`ssl_cert_reqs is required, optional or none, not ${JSON.stringify(requirement)}`);
  return {
    verify,
    checkHostname: booleanOption(options, "ssl_check_hostname", true),
    caFile: textOption(options, "ssl_ca_certs"),
    certFile: textOption(options, "ssl_certfile"),
    keyFile: textOption(options, "ssl_keyfile"),
  };
}

function textOption(options: Options, name: string): string | undefined {
  const { [name]: value } = options;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value === "") throw badOption(`${name} must be text`);
  return value;
}

function booleanOption(options: Options, name: string, absent: boolean): boolean {
  const { [name]: value } = options;
  if (value === undefined) return absent;
  if (value === true || value === "true" || value === "True" || value === "1") return true;
  if (value === false || value === "false" || value === "False" || value === "0") return false;
  throw badOption(`${name} must be true or false`);
}

function seconds(options: Options, name: string, absent: number): number {
  const { [name]: value } = options;
  if (value === undefined || value === null) return absent;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !(number > 0) || number > 86_400)
    throw badOption(`${name} must be a number of seconds above 0, not ${JSON.stringify(value)}`);
  return number;
}

/** What tells connections apart; the secrets only as a digest. */
function keyOf(target: Omit<RedisTarget, "key">): string {
  const digest = createHash("sha256").update(JSON.stringify(target)).digest("hex").slice(0, 16);
  return `redis ${target.endpoints.map(({ shown }) => shown).join(", ")} db ${target.db} (${digest})`;
}

function badUrl(url: string, problem: string): ConfigurationError {
  return new ConfigurationError(`${url === "" ? "an empty URL" : maskUrls(url)} ${problem}`, { code: "bad_url" });
}
function badOption(problem: string): ConfigurationError {
  return new ConfigurationError(problem, { code: "bad_url" });
}
