import { BrokerConnectionError, ConfigurationError } from "../errors.js";
import { isFields } from "../protocol/read-fields.js";
import { maskUrls } from "../util/secrets.js";

/** Where RabbitMQ's management API is, and as whom it is asked. */
export interface ManagementAddress {
  /** As in `https://rabbit.example:15671/prefix`; no slash at its end. */
  readonly base: string;
  /** Undefined: the user of the broker's URL. */
  readonly user: { readonly name: string; readonly password: string } | undefined;
}

/** A queue as the management API counts it. Its figures are up to five seconds old (`collect_statistics_interval`). */
export interface ManagedQueue {
  readonly name: string;
  readonly ready: number;
  readonly unacked: number;
  readonly consumers: number;
}

/** How a queue is defined, as the management API tells it. */
export interface ManagedDefinition {
  readonly bindings: readonly {
    readonly exchange: string;
    readonly exchangeType: string;
    readonly routingKey: string;
    readonly arguments: Readonly<Record<string, unknown>>;
  }[];
  /** `durable`, `auto_delete`, `exclusive`, `policy` where there is one, and the queue's arguments (`x-…`). */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface RabbitManagementOptions {
  readonly base: string;
  readonly user: { readonly name: string; readonly password: string };
  /** Encoded, as it stands in a path. */
  readonly vhost: string;
  /** Seconds for one listing. */
  readonly timeout: number;
}

/** Milliseconds for which a listing serves all who ask: the figures are no newer than five seconds anyway. */
const SHARED_MS = 1000;
/** Queues of one request, and requests at most. */
const PAGE = 500;
const MAX_PAGES = 40;

/** Reads the option `managementUrl`. Throws a `ConfigurationError` for what it cannot mean; never shows a password. */
export function readManagementUrl(value: unknown): ManagementAddress | undefined {
  if (value === undefined) return undefined;
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  const address =
    url && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" ? addressIn(url) : undefined;
  if (address) return address;
  const shown = typeof value === "string" ? maskUrls(value) : JSON.stringify(value);
  throw new ConfigurationError(`managementUrl must be as in http://user:password@host:15672; got ${shown}`, {
    code: "bad_url",
  });
}

/** Undefined when user or password are not encoded as in URLs. */
function addressIn({ origin, pathname, username, password }: URL): ManagementAddress | undefined {
  try {
    const user =
      username === "" ? undefined : { name: decodeURIComponent(username), password: decodeURIComponent(password) };
    return Object.freeze({ base: `${origin}${pathname.replace(/\/+$/, "")}`, user });
  } catch {
    return undefined;
  }
}

/**
 * What AMQP does not tell and RabbitMQ's management plugin does: which queues there are, whoever declared them, and how many messages
 * their consumers hold. Source: the server's own description at `/api/index.html`, "GET /api/queues/vhost" with pagination.
 */
export class RabbitManagement {
  readonly #options: RabbitManagementOptions;
  #listing: { readonly atMs: number; readonly queues: Promise<ReadonlyMap<string, ManagedQueue>> } | undefined;

  constructor(options: RabbitManagementOptions) {
    this.#options = options;
  }

  /** All queues of the vhost, by name. Rejects with a `BrokerConnectionError` when the API does not answer in time, or refuses. */
  queues(): Promise<ReadonlyMap<string, ManagedQueue>> {
    const nowMs = performance.now();
    if (this.#listing && nowMs - this.#listing.atMs < SHARED_MS) return this.#listing.queues;
    const queues = this.#list();
    this.#listing = { atMs: nowMs, queues };
    queues.catch(() => {
      if (this.#listing?.queues === queues) this.#listing = undefined;
    });
    return queues;
  }

  /**
   * How a queue is defined. Undefined for one that is not there, and for one whose name cannot stand in an address. Rejects as `queues`
   * does. Source: the server's own description, "/api/queues/vhost/name" and "/api/queues/vhost/name/bindings".
   */
  async definition(queue: string): Promise<ManagedDefinition | undefined> {
    // Clients take these out of a path, encoded or not.
    if (/^\.{1,2}$/.test(queue)) return undefined;
    const { vhost, timeout } = this.#options;
    const signal = AbortSignal.timeout(timeout * 1000);
    const path = `queues/${vhost}/${encodeURIComponent(queue)}`;
    const [found, bindings, exchanges] = await Promise.all([
      this.#ask(path, signal),
      this.#ask(`${path}/bindings`, signal),
      this.#ask(`exchanges/${vhost}?columns=name,type`, signal),
    ]);
    if (!isFields(found)) return undefined;
    const types = new Map(fieldsIn(exchanges).map(({ name, type }) => [name, type]));
    return { bindings: fieldsIn(bindings).flatMap((each) => readBinding(each, types)), settings: readSettings(found) };
  }

  /** What was listed is out of date. */
  forget(): void {
    this.#listing = undefined;
  }

  async #list(): Promise<ReadonlyMap<string, ManagedQueue>> {
    const signal = AbortSignal.timeout(this.#options.timeout * 1000);
    const queues = new Map<string, ManagedQueue>();
    for (let page = 1, pages = 1; page <= pages && page <= MAX_PAGES; page++) {
      const answer = await this.#get(page, signal);
      for (const item of Array.isArray(answer.items) ? answer.items : []) {
        const queue = readQueue(item);
        if (queue) queues.set(queue.name, queue);
      }
      pages = count(answer.page_count);
    }
    return queues;
  }

  async #get(page: number, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const columns = "name,messages_ready,messages_unacknowledged,consumers";
    const path = `queues/${this.#options.vhost}?page=${page}&page_size=${PAGE}&columns=${columns}`;
    const answer = await this.#ask(path, signal);
    if (isFields(answer)) return answer;
    throw new BrokerConnectionError(
      `RabbitMQ's management API at ${this.#options.base} cannot be asked: its answer is no list of queues`,
    );
  }

  /** Undefined for what is not there. */
  async #ask(path: string, signal: AbortSignal): Promise<unknown> {
    const { base, user } = this.#options;
    const authorization = `Basic ${Buffer.from(`${user.name}:${user.password}`).toString("base64")}`;
    try {
      const response = await fetch(`${base}/api/${path}`, { headers: { authorization }, signal, redirect: "error" });
      if (response.status === 404) {
        await response.body?.cancel();
        return undefined;
      }
      if (!response.ok) throw new Error(`it answered ${response.status} ${response.statusText}`);
      const answer: unknown = await response.json();
      if (typeof answer === "object" && answer !== null) return answer;
      throw new Error("its answer is none that it describes");
    } catch (error) {
      throw new BrokerConnectionError(
        `RabbitMQ's management API at ${base} cannot be asked: ${reasonOf(error, this.#options.timeout)}`,
        { cause: error },
      );
    }
  }
}

function reasonOf(error: unknown, timeout: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${timeout} s`;
  // `fetch failed` says nothing; its cause does.
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function fieldsIn(list: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(list) ? list.filter(isFields) : [];
}

/** The anonymous exchange has no name here, and reaches every queue. */
function readBinding(
  { source, routing_key: key, arguments: args }: Readonly<Record<string, unknown>>,
  types: ReadonlyMap<unknown, unknown>,
): ManagedDefinition["bindings"] {
  if (typeof source !== "string" || source === "") return [];
  return [
    {
      exchange: source,
      exchangeType: String(types.get(source) ?? "direct"),
      routingKey: typeof key === "string" ? key : "",
      arguments: isFields(args) ? args : {},
    },
  ];
}

function readSettings(queue: Readonly<Record<string, unknown>>): ManagedDefinition["settings"] {
  const { durable, auto_delete, exclusive, policy, arguments: args } = queue;
  const told = Object.entries({ durable, auto_delete, exclusive, policy });
  const known = told.filter(([, value]) => typeof value === "boolean" || (typeof value === "string" && value !== ""));
  return { ...Object.fromEntries(known), ...(isFields(args) && args) };
}

/** Of a queue that was made just now there are no figures yet: nothing is in it that anybody has counted. */
function readQueue(value: unknown): ManagedQueue | undefined {
  if (!isFields(value) || typeof value.name !== "string") return undefined;
  return {
    name: value.name,
    ready: count(value.messages_ready),
    unacked: count(value.messages_unacknowledged),
    consumers: count(value.consumers),
  };
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
