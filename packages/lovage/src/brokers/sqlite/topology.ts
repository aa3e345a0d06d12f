import type { Sql } from "../../connections/sqlite.js";
import {
  EXCHANGE_TYPES,
  type ExchangeSpec,
  type ExchangeType,
  type QueueDefinition,
  type QueueSpec,
  type Route,
} from "../broker.js";
import {
  type Binding,
  checkSameExchange,
  checkSameQueue,
  noSuchQueue,
  queueDefinition,
  routedQueues,
  unroutable,
} from "../routing-table.js";

/** A declared queue as messages need it. */
export interface QueueRow {
  readonly id: number;
  readonly name: string;
  readonly maxPriority: number | undefined;
}

interface Exchange {
  readonly type: ExchangeType;
  readonly bindings: Binding<QueueRow>[];
}

/**
 * Queues, exchanges and bindings, kept in memory as of the stamp that the file had when they were read: any process may
 * change them. All methods belong into a transaction.
 */
export class Topology {
  #stamp: unknown;
  /** In which the stamp was read. */
  #turn = -1;
  #queues = new Map<string, QueueRow>();
  #exchanges = new Map<string, Exchange>();

  queue(sql: Sql, name: string): QueueRow | undefined {
    this.#refresh(sql);
    return this.#queues.get(name);
  }
  /** Those of the named queues that exist. */
  rows(sql: Sql, names: readonly string[]): QueueRow[] {
    this.#refresh(sql);
    return names.flatMap((name) => this.#queues.get(name) ?? []);
  }
  definition(sql: Sql, name: string): QueueDefinition | undefined {
    const found = this.queue(sql, name);
    return found && queueDefinition(this.#exchanges, found.maxPriority, ({ id }) => id === found.id);
  }
  queueNames(sql: Sql): string[] {
    this.#refresh(sql);
    return [...this.#queues.keys()].sort();
  }

  declare(sql: Sql, spec: QueueSpec): void {
    const { name, exchange, routingKey = name, maxPriority } = spec;
    const known = this.queue(sql, name);
    if (known) checkSameQueue(known, spec);
    if (!known) {
      sql.prepare("INSERT INTO broker_queues (name, max_priority) VALUES (?, ?)").run(name, maxPriority ?? null);
      this.#changed(sql);
    }
    if (exchange) this.bind(sql, name, exchange, routingKey);
  }

  bind(sql: Sql, queueName: string, exchange: ExchangeSpec, routingKey: string): void {
    const queue = this.queue(sql, queueName);
    if (!queue) throw noSuchQueue(queueName);
    const known = this.#exchanges.get(exchange.name);
    if (known) checkSameExchange(known, exchange);
    if (known?.bindings.some((each) => each.queue.id === queue.id && each.routingKey === routingKey)) return;
    sql.prepare("INSERT OR IGNORE INTO broker_exchanges VALUES (?, ?)").run(exchange.name, exchange.type);
    sql.prepare("INSERT OR IGNORE INTO broker_bindings VALUES (?, ?, ?)").run(exchange.name, queue.id, routingKey);
    this.#changed(sql);
  }

  unbind(sql: Sql, queueName: string, exchange: string, routingKey: string): void {
    const queue = this.queue(sql, queueName);
    if (!queue) return;
    sql
      .prepare("DELETE FROM broker_bindings WHERE exchange = ? AND queue_id = ? AND routing_key = ?")
      .run(exchange, queue.id, routingKey);
    this.#changed(sql);
  }

  remove(sql: Sql, { id }: QueueRow): void {
    sql.prepare("DELETE FROM broker_bindings WHERE queue_id = ?").run(id);
    sql.prepare("DELETE FROM broker_queues WHERE id = ?").run(id);
    this.#changed(sql);
  }

  /** The queues a message goes to. Throws an `UnroutableError` when there are none and the route asks for one. */
  route(sql: Sql, route: Route): readonly QueueRow[] {
    const { exchange, routingKey, mandatory = true } = route;
    this.#refresh(sql);
    const queues = exchange === "" ? this.#anonymous(routingKey) : this.#through(exchange, routingKey);
    if (queues.length > 0 || !mandatory) return queues;
    throw unroutable(route);
  }

  #anonymous(routingKey: string): QueueRow[] {
    const queue = this.#queues.get(routingKey);
    return queue ? [queue] : [];
  }
  #through(name: string, routingKey: string): QueueRow[] {
    const exchange = this.#exchanges.get(name);
    return exchange ? routedQueues(exchange.type, exchange.bindings, routingKey) : [];
  }

  #changed(sql: Sql): void {
    // Not the next number: one that was counted up to in a transaction that was rolled back would come again, for other contents.
    sql.prepare("UPDATE broker_counters SET value = abs(random() % 9007199254740991) WHERE name = 'topology'").run();
    this.#turn = -1;
  }

  #refresh(sql: Sql): void {
    if (sql.turn === this.#turn) return;
    this.#turn = sql.turn;
    const stamp = sql.prepare("SELECT value FROM broker_counters WHERE name = 'topology'").get()?.value;
    if (stamp === this.#stamp) return;
    this.#queues = new Map();
    this.#exchanges = new Map();
    const byId = new Map<number, QueueRow>();
    for (const row of sql.prepare("SELECT id, name, max_priority FROM broker_queues").all()) {
      const queue = {
        id: Number(row.id),
        name: String(row.name),
        maxPriority: row.max_priority === null ? undefined : Number(row.max_priority),
      };
      this.#queues.set(queue.name, queue);
      byId.set(queue.id, queue);
    }
    for (const { name, type } of sql.prepare("SELECT name, type FROM broker_exchanges").all()) {
      this.#exchanges.set(String(name), {
        type: EXCHANGE_TYPES.find((known) => known === type) ?? "direct",
        bindings: [],
      });
    }
    for (const row of sql.prepare("SELECT exchange, queue_id, routing_key FROM broker_bindings").all()) {
      const queue = byId.get(Number(row.queue_id));
      if (queue)
        this.#exchanges.get(String(row.exchange))?.bindings.push({ queue, routingKey: String(row.routing_key) });
    }
    this.#stamp = stamp;
  }
}
