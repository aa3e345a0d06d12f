import { readFileSync } from "node:fs";
import { ConfigurationError } from "../errors.js";
import { nearestName } from "../util/nearest-name.js";
import { maskUrls } from "../util/secrets.js";
import type { ClientAddress } from "./amqp-client.js";
import { type ManagementAddress, readManagementUrl } from "./rabbit-management.js";

/** What an `amqp:` URL and its transport options say, checked. */
export interface AmqpOptions {
  /** Where the broker may be, in the order in which they are tried. */
  readonly addresses: readonly ClientAddress[];
  /** What `node:tls` is given for `amqps:`. */
  readonly tls: Readonly<Record<string, unknown>>;
  /** Seconds within which one address must have answered. */
  readonly connectTimeout: number;
  /** How the queues are kept in which messages wait for their ETA. Every client of a vhost must say the same. */
  readonly delayedQueueType: "quorum" | "classic";
  /** RabbitMQ's management API, where it may be asked. */
  readonly management: ManagementAddress | undefined;
}

type Raw = Readonly<Record<string, unknown>>;

/** Every transport option there is. Seconds, paths of PEM files, words. Docs: docs/brokers.md. */
const OPTION_NAMES = [
  "heartbeat",
  "connection_timeout",
  "native_delayed_delivery_queue_type",
  "cacertfile",
  "certfile",
  "keyfile",
  "password",
  "server_name_indication",
  "verify",
  "managementUrl",
] as const;
type OptionName = (typeof OPTION_NAMES)[number];

/** Half of Celery's: a dead peer is noticed after about two and a half of them. */
const HEARTBEAT = 10;
/** Celery's `broker_connection_timeout`. */
const CONNECT_TIMEOUT = 4;
const PORTS = { amqp: 5672, amqps: 5671 } as const;

/**
 * Reads `amqp://user:password@host:port/vhost?option=…`, several with `;` between them. A URL's query wins over `transport`.
 * An empty path or `/` is the vhost `/`, and `//name` the vhost `/name`, as in Celery (celery-protocol 3.1).
 * Throws a `ConfigurationError` for what it cannot mean; never shows a password.
 */
export function readAmqpOptions(url: string, transport: Raw = {}): AmqpOptions {
  const parts = url
    .split(";")
    .map((each) => each.trim())
    .filter((each) => each !== "")
    .map(readUrl);
  // Options are the connection's, not one host's: wherever they stand, they hold for all.
  const options: Record<string, unknown> = { ...transport };
  for (const { query } of parts) for (const [name, value] of query) options[name] = value;
  refuseUnknown(options);
  const heartbeat = seconds(options, "heartbeat", HEARTBEAT, 0);
  return Object.freeze({
    addresses: parts.map(({ address }) => ({ ...address, heartbeat: Math.round(heartbeat) })),
    tls: readTls(options),
    connectTimeout: seconds(options, "connection_timeout", CONNECT_TIMEOUT, 0.05),
    delayedQueueType: oneOf(options, "native_delayed_delivery_queue_type", ["quorum", "classic"]) ?? "quorum",
    management: readManagementUrl(options.managementUrl),
  });
}

/** The address without user and password, for logs and errors. */
export function shownAddress({ protocol, hostname, port, vhost }: ClientAddress): string {
  return `${protocol}://${hostname}:${port}/${vhost === "%2F" ? "" : vhost}`;
}

function readUrl(text: string): { address: Omit<ClientAddress, "heartbeat">; query: URLSearchParams } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw badUrl(text, "it is no URL: expected amqp://user:password@host:port/vhost");
  }
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== "amqp" && protocol !== "amqps")
    throw badUrl(text, "all of its addresses must be amqp: or amqps: ones");
  if (url.hash) throw badUrl(text, "a # in it must be written %23");
  const anonymous = url.username === "" && url.password === "";
  return {
    address: {
      protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, "") || "localhost",
      port: Number(url.port) || PORTS[protocol],
      username: anonymous ? "guest" : decoded(url.username, text),
      password: anonymous ? "guest" : decoded(url.password, text),
      // amqplib decodes the vhost once more.
      vhost: encodeURIComponent(decoded(url.pathname.slice(1), text) || "/"),
    },
    query: url.searchParams,
  };
}

function decoded(text: string, url: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badUrl(url, "a % in it must be written %25");
  }
}

function refuseUnknown(options: Raw): void {
  const known: readonly string[] = OPTION_NAMES;
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    throw badOption(
      `there is no transport option ${name} on RabbitMQ${nearest ? ` (did you mean ${nearest}?)` : ""}: known are ${known.join(", ")}`,
    );
  }
}

function seconds(options: Raw, name: OptionName, otherwise: number, least: number): number {
  const value = options[name];
  if (value === undefined) return otherwise;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number) && number >= least && number <= 65_535) return number;
  throw badOption(`${name} must be seconds, ${least} or more; got ${JSON.stringify(value)}`);
}

function text(options: Raw, name: OptionName): string | undefined {
  const value = options[name];
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw badOption(`${name} must be text that is not empty`);
}

function oneOf<T extends string>(options: Raw, name: OptionName, words: readonly T[]): T | undefined {
  const value = options[name];
  const found = words.find((word) => word === value);
  if (value === undefined || found !== undefined) return found;
  throw badOption(`${name} must be ${words.join(" or ")}; got ${JSON.stringify(value)}`);
}

/** RabbitMQ's own names for them. Source: rabbitmq.com/docs/uri-query-parameters. */
function readTls(options: Raw): Readonly<Record<string, unknown>> {
  const passphrase = text(options, "password");
  const servername = text(options, "server_name_indication");
  const verify = oneOf(options, "verify", ["verify_peer", "verify_none"]);
  return {
    ...file(options, "cacertfile", "ca"),
    ...file(options, "certfile", "cert"),
    ...file(options, "keyfile", "key"),
    ...(passphrase !== undefined && { passphrase }),
    ...(servername !== undefined && { servername }),
    ...(verify === "verify_none" && { rejectUnauthorized: false }),
  };
}

function file(options: Raw, name: OptionName, as: string): Record<string, Buffer> {
  const path = text(options, name);
  if (path === undefined) return {};
  try {
    return { [as]: readFileSync(path) };
  } catch (cause) {
    throw badOption(`${name}: ${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
}

function badUrl(url: string, why: string): ConfigurationError {
  return new ConfigurationError(`the URL ${maskUrls(url)} cannot be used: ${why}`, { code: "bad_url" });
}
function badOption(message: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(message, { code: "bad_url", cause });
}
