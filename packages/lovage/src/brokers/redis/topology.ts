import type { RedisServer } from "../../connections/redis.js";
import { BrokerError } from "../../errors.js";
import type { ExchangeSpec, QueueDefinition, QueueSpec } from "../broker.js";
import { checkSameExchange, noSuchQueue, sortedBindings } from "../routing-table.js";
import { BINDING, bindingMember, kombuPattern } from "./keys.js";
import type { RedisTransport } from "./options.js";
import { listOf, textOf, textsOf } from "./replies.js";
import type { BrokerScripts } from "./scripts.js";
import { translated } from "./translate.js";

/** Keys looked at in one step of a search. */
const SCAN_COUNT = 1000;
/** Milliseconds for which exchanges that were searched for are remembered. */
const SEARCHED_MS = 30_000;
/** What Celery binds to these are mailboxes of processes, not queues of tasks. */
const MAILBOXES = /(^|\.)pidbox$|^celeryev$/;

/**
 * Queues and what is bound to them: kombu's sets of bindings, and beside them our own record of what the queues are, for what kombu
 * does not store (maximum priority, exchange types).
 */
export class RedisTopology {
  readonly #server: RedisServer;
  readonly #scripts: BrokerScripts;
  readonly #transport: RedisTransport;
  #exchanges: readonly string[] = [];
  #searchedMs = Number.NEGATIVE_INFINITY;

  constructor(server: RedisServer, scripts: BrokerScripts, transport: RedisTransport) {
    this.#server = server;
    this.#scripts = scripts;
    this.#transport = transport;
  }

  async declare(queue: QueueSpec): Promise<void> {
    const { name, exchange, routingKey = name } = queue;
    const member = exchange ? this.#member(name, exchange, routingKey) : "";
    const args = [name, specification(queue), exchange?.name ?? "", exchange?.type ?? "", member];
    const [what, known] = textsOf(await this.#scripts.run("declare", args, { idempotent: true }));
    if (what === "queue") throw otherSpecification(queue, known ?? "");
    if (exchange) checkType(exchange, what, known);
  }

  async bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void> {
    const args = [queue, exchange.name, exchange.type, this.#member(queue, exchange, routingKey)];
    const [what, known] = textsOf(await this.#scripts.run("bind", args, { idempotent: true }));
    checkType(exchange, what, known);
    if (what !== "missing") return;
    if (!(await this.find(queue))) throw noSuchQueue(queue);
    await this.bind(queue, exchange, routingKey);
  }

  async unbind(queue: string, exchange: string, routingKey: string): Promise<void> {
    await this.#scripts.run("unbind", [exchange, routingKey, queue], { idempotent: true });
  }

  /** Throws a `BrokerError` for one that does not exist. */
  async checkQueues(queues: readonly string[]): Promise<void> {
    const missing = textsOf(await this.#scripts.run("missing", queues, { idempotent: true }));
    for (const name of missing) if (!(await this.find(name))) throw noSuchQueue(name);
  }

  /** Whether others have bound a queue of this name to an exchange of theirs; it is known from then on. */
  async find(name: string): Promise<boolean> {
    const bound = await this.#boundQueues();
    if (!bound.has(name)) return false;
    await this.#scripts.run("adopt", [name], { idempotent: true });
    return true;
  }

  /** Sorted. */
  async list(): Promise<string[]> {
    const known = translated(this.#server.call("hkeys", [`${this.#transport.globalKeyprefix}lovage:queues`]));
    return [...new Set([...textsOf(await known), ...(await this.#boundQueues())])].sort();
  }

  /** What kombu's bindings and our own record say of a queue; undefined when neither knows it. */
  async definition(queue: string): Promise<QueueDefinition | undefined> {
    const prefix = this.#transport.globalKeyprefix;
    const [known, typeOf, found] = await Promise.all([
      translated(this.#server.call("hget", [`${prefix}lovage:queues`, queue])),
      this.#exchangeTypes(),
      this.#searchExchanges(),
    ]);
    // Ours are known at once, those of others when they are next searched for.
    const members = await this.#members(new Set([...typeOf.keys(), ...found]));
    const bindings = members.flatMap(([exchange, member]) => {
      const [routingKey = "", pattern = "", bound] = member.split(this.#transport.sep);
      if (bound !== queue) return [];
      return [{ exchange, exchangeType: typeOf.get(exchange) ?? guessedType(pattern), routingKey, arguments: {} }];
    });
    if (known === null && bindings.length === 0) return undefined;
    return { bindings: sortedBindings(bindings), settings: settingsOf(known === null ? "" : textOf(known)) };
  }

  /** Of the exchanges that were made here: Python does not keep it. */
  async #exchangeTypes(): Promise<ReadonlyMap<string, string>> {
    const key = `${this.#transport.globalKeyprefix}lovage:exchanges`;
    const names = textsOf(await translated(this.#server.call("hkeys", [key])));
    if (names.length === 0) return new Map();
    const types = textsOf(await translated(this.#server.call("hmget", [key, ...names])));
    return new Map(names.map((name, at) => [name, types[at] ?? "direct"]));
  }

  async remove(queue: string): Promise<void> {
    await this.#scripts.run("delete", [queue, ...(await this.#searchExchanges())]);
  }

  #member(queue: string, exchange: ExchangeSpec, routingKey: string): string {
    const pattern = exchange.type === "topic" ? kombuPattern(routingKey) : "";
    return bindingMember(this.#transport, { routingKey, pattern, queue });
  }

  async #boundQueues(): Promise<Set<string>> {
    const exchanges = (await this.#searchExchanges()).filter((name) => !MAILBOXES.test(name));
    const members = await this.#members(exchanges);
    return new Set(members.flatMap(([, member]) => member.split(this.#transport.sep)[2] || []));
  }

  /** The bindings of some exchanges, as kombu keeps them. */
  async #members(exchanges: Iterable<string>): Promise<readonly (readonly [exchange: string, member: string])[]> {
    const { globalKeyprefix } = this.#transport;
    const replies = [...exchanges].map(async (name) => {
      const reply = await translated(this.#server.call("smembers", [`${globalKeyprefix}${BINDING}${name}`]));
      return textsOf(reply).map((member) => [name, member] as const);
    });
    return (await Promise.all(replies)).flat();
  }

  /** Exchanges with bindings, whoever made them. A walk over all keys of the database, in steps; so it is not done at every turn. */
  async #searchExchanges(): Promise<readonly string[]> {
    if (performance.now() - this.#searchedMs < SEARCHED_MS) return this.#exchanges;
    const start = `${this.#transport.globalKeyprefix}${BINDING}`;
    const pattern = `${start.replace(/[\\*?[\]^]/g, "\\$&")}*`;
    const found = new Set<string>();
    let cursor = "0";
    do {
      const args = [cursor, "MATCH", pattern, "COUNT", SCAN_COUNT, "TYPE", "set"];
      const [next, keys] = listOf(await translated(this.#server.call("scan", args)));
      for (const key of textsOf(keys)) found.add(key.slice(start.length));
      cursor = textOf(next);
    } while (cursor !== "0" && cursor !== "");
    this.#exchanges = [...found];
    this.#searchedMs = performance.now();
    return this.#exchanges;
  }
}

/** As it is kept in lovage:queues: `<maximum priority or -> <order>`. */
function specification({ maxPriority, priorityOrder = "lovage" }: QueueSpec): string {
  return `${maxPriority ?? "-"} ${priorityOrder}`;
}

/** Of a queue that only others have bound there is no record: it has kombu's defaults. */
function settingsOf(known: string): QueueDefinition["settings"] {
  const [priority = "-", order] = known.split(" ");
  return {
    max_priority: priority === "-" || priority === "" ? null : Number(priority),
    ...(order !== undefined && { priority_order: order }),
  };
}

/** Python does not store the type: bindings of topic exchanges have a pattern. */
function guessedType(pattern: string): string {
  return pattern === "" ? "direct" : "topic";
}

function otherSpecification(queue: QueueSpec, known: string): BrokerError {
  const [priority = "", order = ""] = known.split(" ");
  const [ownPriority, ownOrder] = specification(queue).split(" ");
  const [property, theirs, ours] =
    priority === ownPriority ? ["priorityOrder", order, ownOrder] : ["maxPriority", priority, ownPriority];
  const shown = (value: string | undefined): string => (value === "-" || value === undefined ? "unset" : value);
  return new BrokerError(
    `queue ${queue.name} exists with ${property} ${shown(theirs)}; it was declared here with ${shown(ours)}`,
    { code: "queue_mismatch" },
  );
}

function checkType(exchange: ExchangeSpec, what: string | undefined, known: string | undefined): void {
  if (what !== "exchange") return;
  if (known === "direct" || known === "topic" || known === "fanout") checkSameExchange({ type: known }, exchange);
}
