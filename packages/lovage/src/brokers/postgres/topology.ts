import type { PostgresDatabase, PostgresTransaction } from "../../connections/postgres.js";
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
} from "../routing-table.js";
import { refuseNul } from "./envelope.js";

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

export interface Snapshot {
  /** Drawn with every change: what was routed by this snapshot is refused by the server when it is another. */
  readonly stamp: string;
  readonly queues: ReadonlyMap<string, QueueRow>;
  readonly exchanges: ReadonlyMap<string, Exchange>;
}

export const EMPTY_SNAPSHOT: Snapshot = { stamp: "-1", queues: new Map(), exchanges: new Map() };

/** Queues, exchanges and bindings: a copy in memory of what any process may change. */
export class Topology {
  readonly #database: PostgresDatabase;
  readonly #tables: Tables;
  #snapshot = EMPTY_SNAPSHOT;
  #refreshing: Promise<void> | undefined;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    const { schema } = database;
    this.#tables = {
      queues: `${schema}.broker_queues`,
      exchanges: `${schema}.broker_exchanges`,
      bindings: `${schema}.broker_bindings`,
    };
  }

  get stamp(): string {
    return this.#snapshot.stamp;
  }

  queue(name: string): QueueRow | undefined {
    return this.#snapshot.queues.get(name);
  }
  /** Those of the named queues that exist. */
  rows(names: readonly string[]): QueueRow[] {
    return names.flatMap((name) => this.#snapshot.queues.get(name) ?? []);
  }
  /** As far as is known here. */
  definition(name: string): QueueDefinition | undefined {
    const { queues, exchanges } = this.#snapshot;
    const found = queues.get(name);
    return found && queueDefinition(exchanges, found.maxPriority, ({ id }) => id === found.id);
  }
  get names(): string[] {
    return [...this.#snapshot.queues.keys()].sort();
  }

  /** The queues a message goes to, as far as is known here. */
  route(route: Route): readonly QueueRow[] {
    return queuesOf(this.#snapshot, route);
  }

  /** Reads what is there now. Calls that come while it is read share the next reading. */
  async refresh(): Promise<void> {
    await this.#refreshing;
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #read(): Promise<void> {
    this.#snapshot = await readSnapshot((text) => this.#database.query(text), this.#database.schema);
  }

  async declare(spec: QueueSpec): Promise<void> {
    const { name, exchange, routingKey = name } = spec;
    refuseNames(["queue", name], ["exchange", exchange?.name], ["routing key", routingKey]);
    await this.#change(async (now, change) => {
      const known = now.queues.get(name);
      if (known) checkSameQueue(known, spec);
      // Before anything is written, though it would be taken back.
      if (exchange) checkExchange(now, exchange);
      if (!known)
        await change(`INSERT INTO ${this.#tables.queues} (name, max_priority) VALUES ($1, $2)`, [
          name,
          spec.maxPriority ?? null,
        ]);
      if (exchange) await bindIn(now, change, this.#tables, name, exchange, routingKey);
    });
  }

  async bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void> {
    refuseNames(["queue", queue], ["exchange", exchange.name], ["routing key", routingKey]);
    await this.#change(async (now, change) => {
      if (!now.queues.has(queue)) throw noSuchQueue(queue);
      checkExchange(now, exchange);
      await bindIn(now, change, this.#tables, queue, exchange, routingKey);
    });
  }

  async unbind(queue: string, exchange: string, routingKey: string): Promise<void> {
    refuseNames(["queue", queue], ["exchange", exchange], ["routing key", routingKey]);
    await this.#change(async (now, change) => {
      const known = now.queues.get(queue);
      if (!known || !hasBinding(now, exchange, queue, routingKey)) return;
      const values = [exchange, known.id, routingKey];
      await change(
        `DELETE FROM ${this.#tables.bindings} WHERE exchange = $1 AND queue_id = $2 AND routing_key = $3`,
        values,
      );
    });
  }

  /** Removes a queue with its bindings, and with what `alsoIn` removes in the same transaction. */
  async remove(
    name: string,
    alsoIn: (transaction: PostgresTransaction, queue: QueueRow) => Promise<void>,
  ): Promise<void> {
    await this.#change(async (now, change, transaction) => {
      const queue = now.queues.get(name);
      if (!queue) return;
      await alsoIn(transaction, queue);
      await change(`DELETE FROM ${this.#tables.bindings} WHERE queue_id = $1`, [queue.id]);
      await change(`DELETE FROM ${this.#tables.queues} WHERE id = $1`, [queue.id]);
    });
  }

  /**
   * Runs `decide` on what is there now, and again with the row of the stamp locked when it wants to change something: most declarations
   * find that everything is there already, and hold up nobody.
   */
  async #change(
    decide: (now: Snapshot, change: Change, transaction: PostgresTransaction) => Promise<void>,
  ): Promise<void> {
    await this.refresh();
    if (await isIdle(this.#snapshot, decide)) return;
    const { schema } = this.#database;
    await this.#database.transaction(
      async (transaction) => {
        await transaction.query(`SELECT stamp FROM ${schema}.broker_topology FOR UPDATE`);
        const now = await readSnapshot((text) => transaction.query(text), schema);
        let changed = false;
        const change: Change = async (text, values) => {
          changed = true;
          await transaction.query(text, values);
        };
        await decide(now, change, transaction);
        // Not the next number: it must differ from that of any transaction that was taken back.
        if (changed)
          await transaction.query(
            `UPDATE ${schema}.broker_topology SET stamp = floor(random() * 9007199254740991)::bigint`,
          );
      },
      { repeatable: true },
    );
    await this.refresh();
  }
}

/** With their schema. */
interface Tables {
  readonly queues: string;
  readonly exchanges: string;
  readonly bindings: string;
}

type Change = (text: string, values: readonly unknown[]) => Promise<void>;

/** Whether nothing is to be changed. Throws what `decide` throws about what is there: that is final. */
async function isIdle(
  now: Snapshot,
  decide: (now: Snapshot, change: Change, transaction: PostgresTransaction) => Promise<void>,
): Promise<boolean> {
  let idle = true;
  const note = async (): Promise<void> => {
    idle = false;
  };
  const transaction: PostgresTransaction = {
    query: async () => {
      idle = false;
      return { rows: [], count: 0, command: "" };
    },
  };
  await decide(now, note, transaction);
  return idle;
}

function checkExchange(now: Snapshot, exchange: ExchangeSpec): void {
  const known = now.exchanges.get(exchange.name);
  if (known) checkSameExchange(known, exchange);
}

function hasBinding(now: Snapshot, exchange: string, queue: string, routingKey: string): boolean {
  const bindings = now.exchanges.get(exchange)?.bindings ?? [];
  return bindings.some((each) => each.queue.name === queue && each.routingKey === routingKey);
}

async function bindIn(
  now: Snapshot,
  change: Change,
  tables: Tables,
  queue: string,
  exchange: ExchangeSpec,
  routingKey: string,
): Promise<void> {
  if (hasBinding(now, exchange.name, queue, routingKey)) return;
  if (!now.exchanges.has(exchange.name))
    await change(`INSERT INTO ${tables.exchanges} (name, type) VALUES ($1, $2) ON CONFLICT DO NOTHING`, [
      exchange.name,
      exchange.type,
    ]);
  // By name: it may have been declared in this very transaction.
  await change(
    `INSERT INTO ${tables.bindings} (exchange, queue_id, routing_key)
      VALUES ($1, (SELECT id FROM ${tables.queues} WHERE name = $2), $3) ON CONFLICT DO NOTHING`,
    [exchange.name, queue, routingKey],
  );
}

/** The queues a message goes to. */
export function queuesOf({ queues, exchanges }: Snapshot, { exchange, routingKey }: Route): readonly QueueRow[] {
  if (exchange === "") return [queues.get(routingKey) ?? []].flat();
  const known = exchanges.get(exchange);
  return known ? routedQueues(known.type, known.bindings, routingKey) : [];
}

/** One statement, so that its parts fit together. */
export async function readSnapshot(
  query: (text: string) => Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>,
  schema: string,
): Promise<Snapshot> {
  const { rows } = await query(
    `SELECT (SELECT stamp FROM ${schema}.broker_topology LIMIT 1)::text AS stamp,
      ARRAY(SELECT json_build_array(id, name, max_priority)::text FROM ${schema}.broker_queues) AS queues,
      ARRAY(SELECT json_build_array(name, type)::text FROM ${schema}.broker_exchanges) AS exchanges,
      ARRAY(SELECT json_build_array(exchange, queue_id, routing_key)::text FROM ${schema}.broker_bindings) AS bindings`,
  );
  const [row] = rows;
  const byId = new Map<number, QueueRow>();
  const queues = new Map<string, QueueRow>();
  for (const [id, name, maxPriority] of tuples(row?.queues)) {
    const queue = {
      id: Number(id),
      name: String(name),
      maxPriority: maxPriority === null ? undefined : Number(maxPriority),
    };
    queues.set(queue.name, queue);
    byId.set(queue.id, queue);
  }
  const exchanges = new Map<string, Exchange>();
  for (const [name, type] of tuples(row?.exchanges))
    exchanges.set(String(name), { type: EXCHANGE_TYPES.find((known) => known === type) ?? "direct", bindings: [] });
  for (const [exchange, queueId, routingKey] of tuples(row?.bindings)) {
    const queue = byId.get(Number(queueId));
    if (queue) exchanges.get(String(exchange))?.bindings.push({ queue, routingKey: String(routingKey) });
  }
  return { stamp: String(row?.stamp), queues, exchanges };
}

/** Rows that came as an array of JSON texts. */
function tuples(value: unknown): readonly (readonly unknown[])[] {
  if (!Array.isArray(value)) return [];
  return value.map((text) => {
    const parsed: unknown = JSON.parse(String(text));
    return Array.isArray(parsed) ? parsed : [];
  });
}

function refuseNames(...names: readonly (readonly [what: string, name: string | undefined])[]): void {
  for (const [what, name] of names) refuseNul(what, name ?? null);
}
