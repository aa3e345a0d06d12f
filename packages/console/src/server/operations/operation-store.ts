import type {
  OPERATION_KINDS,
  OPERATION_STATES,
  Operation,
  OperationItem,
  StartOperation,
} from "../../api/operations.js";
import type { TaskFilter } from "../../api/tasks.js";
import type { User } from "../route.js";
import { numberOf, textOf } from "../store/column-values.js";
import type { Database, Row, Statement } from "../store/database.js";
import { parseFields } from "../store/stored-json.js";
import { jsonRowsValue } from "../store/stored-texts.js";

/** Targets that one statement writes at most. */
const TARGETS_PER_WRITE = 1000;

/** An operation with what is needed to go on with it. */
export interface StoredOperation {
  readonly id: string;
  readonly kind: (typeof OPERATION_KINDS)[number];
  readonly state: (typeof OPERATION_STATES)[number];
  readonly order: StartOperation;
  readonly by: User;
  readonly createdMs: number;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  /** Null until its targets are written down. */
  readonly total: number | null;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly error: string | null;
  readonly cancelled: boolean;
}

/** One task of an operation. `outcome` is null until its turn has come; `begun`: it was about to be acted on. */
export interface OperationTarget {
  readonly seq: number;
  readonly target: string;
  readonly begun: boolean;
}

export type ItemOutcome = OperationItem["outcome"];

/** What became of one target. */
export interface TargetOutcome {
  readonly seq: number;
  readonly outcome: ItemOutcome;
  readonly detail: string;
}

const STEPS: readonly ((types: { bigint: string }) => string)[] = [
  ({ bigint }) => `CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    order_json TEXT NOT NULL,
    by_json TEXT NOT NULL,
    created_ms ${bigint} NOT NULL,
    started_ms ${bigint},
    finished_ms ${bigint},
    total ${bigint},
    done ${bigint} NOT NULL DEFAULT 0,
    failed ${bigint} NOT NULL DEFAULT 0,
    skipped ${bigint} NOT NULL DEFAULT 0,
    error TEXT,
    cancelled ${bigint} NOT NULL DEFAULT 0,
    owner TEXT,
    lease_until_ms ${bigint} NOT NULL DEFAULT 0
  )`,
  () => "CREATE INDEX operations_created ON operations (created_ms, id)",
  ({ bigint }) => `CREATE TABLE operation_items (
    operation_id TEXT NOT NULL,
    seq ${bigint} NOT NULL,
    target TEXT NOT NULL,
    begun ${bigint} NOT NULL DEFAULT 0,
    outcome TEXT,
    detail TEXT,
    PRIMARY KEY (operation_id, seq)
  )`,
  () => "CREATE INDEX operation_items_open ON operation_items (operation_id, outcome, seq)",
];

/** A condition: the operation is still the owner's. Takes its id and the owner. */
const IS_HELD = "EXISTS (SELECT 1 FROM operations WHERE id = ? AND owner = ? AND state = 'running')";

/**
 * Operations and the fate of each of their targets. Errors are the database's (`StoreError`).
 *
 * Who works on one names itself, as in `claim`, with all it writes: when another console has taken it over meanwhile, nothing is written,
 * and what would have been given is undefined.
 */
export class OperationStore {
  readonly #database: Database;

  constructor({ database }: { readonly database: Database }) {
    this.#database = database;
  }

  /** Makes the tables. Idempotent. */
  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate(
      "operations",
      STEPS.map((step) => step({ bigint })),
    );
  }

  async add(id: string, order: StartOperation, by: User, nowMs: number): Promise<void> {
    await this.#database.write([
      {
        sql: "INSERT INTO operations (id, kind, state, order_json, by_json, created_ms) VALUES (?, ?, 'waiting', ?, ?, ?)",
        values: [id, order.kind, JSON.stringify(order), JSON.stringify(by), nowMs],
      },
    ]);
  }

  async get(id: string): Promise<StoredOperation | undefined> {
    const row = await this.#database.get({ sql: "SELECT * FROM operations WHERE id = ?", values: [id] });
    return row && operationOf(row);
  }

  /** Newest first. `cursor`: of the page before. */
  async list(
    limit: number,
    cursor: string | undefined,
  ): Promise<{ items: StoredOperation[]; nextCursor: string | null }> {
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const rows = await this.#database.all({
      sql: `SELECT * FROM operations ${after ? "WHERE created_ms < ? OR (created_ms = ? AND id < ?)" : ""} ORDER BY created_ms DESC, id DESC LIMIT ?`,
      values: after ? [after.ms, after.ms, after.id, limit + 1] : [limit + 1],
    });
    const items = rows.slice(0, limit).map(operationOf);
    const last = items.at(-1);
    return { items, nextCursor: rows.length > limit && last ? `${last.createdMs}~${last.id}` : null };
  }

  async count(): Promise<number> {
    const row = await this.#database.get({ sql: "SELECT COUNT(*) AS n FROM operations" });
    return numberOf(row?.n);
  }

  /**
   * Takes an operation that is not over and that nobody works on, or whose holder has been silent until its lease ran out.
   * The row is changed by one statement, so only one console gets it.
   */
  async claim(owner: string, nowMs: number, leaseMs: number): Promise<StoredOperation | undefined> {
    const [rows] = await this.#database.write([
      {
        sql: `UPDATE operations SET owner = ?, lease_until_ms = ?, state = 'running', started_ms = COALESCE(started_ms, ?)
          WHERE id = (SELECT id FROM operations WHERE state IN ('waiting', 'running') AND lease_until_ms < ? ORDER BY created_ms LIMIT 1)
            AND lease_until_ms < ? RETURNING *`,
        values: [owner, nowMs + leaseMs, nowMs, nowMs, nowMs],
      },
    ]);
    const row = rows?.[0];
    return row && operationOf(row);
  }

  /** Keeps hold of it. False when it is somebody else's by now, or is to be cancelled. */
  async renew(id: string, owner: string, leaseUntilMs: number): Promise<"held" | "lost" | "cancelled"> {
    const [rows] = await this.#database.write([
      {
        sql: "UPDATE operations SET lease_until_ms = ? WHERE id = ? AND owner = ? RETURNING cancelled",
        values: [leaseUntilMs, id, owner],
      },
    ]);
    const row = rows?.[0];
    if (!row) return "lost";
    return numberOf(row.cancelled) === 1 ? "cancelled" : "held";
  }

  /** Gives it back, so that another console goes on at once. */
  async release(id: string, owner: string): Promise<void> {
    await this.#database.write([
      { sql: "UPDATE operations SET lease_until_ms = 0 WHERE id = ? AND owner = ?", values: [id, owner] },
    ]);
  }

  /** Drops targets that were written down by a console which did not get to the end of them. */
  async clearTargets(id: string, owner: string): Promise<void> {
    await this.#asOwner(id, owner, [
      { sql: `DELETE FROM operation_items WHERE operation_id = ? AND ${IS_HELD}`, values: [id, id, owner] },
    ]);
  }

  /** Writes down what it will act on, from the number `firstSeq` on. */
  async addTargets(id: string, owner: string, targets: readonly string[], firstSeq: number): Promise<void> {
    const rows = this.#database.dialect.jsonRows("?", { seq: "bigint", target: "text" });
    for (let at = 0; at < targets.length; at += TARGETS_PER_WRITE) {
      const part = targets.slice(at, at + TARGETS_PER_WRITE);
      const json = jsonRowsValue(part.map((target, index) => ({ seq: firstSeq + at + index, target })));
      await this.#asOwner(id, owner, [
        {
          sql: `INSERT INTO operation_items (operation_id, seq, target) SELECT ?, r.seq, r.target FROM ${rows} AS r WHERE ${IS_HELD}`,
          values: [id, json, id, owner],
        },
      ]);
    }
  }

  /** All targets are written down: this many. Gives the operation as it is then. */
  async setTotal(id: string, owner: string, total: number): Promise<StoredOperation | undefined> {
    const [rows] = await this.#database.write([
      { sql: "UPDATE operations SET total = ? WHERE id = ? AND owner = ? RETURNING *", values: [total, id, owner] },
    ]);
    const row = rows?.[0];
    return row && operationOf(row);
  }

  /** The next targets whose turn it is, which are marked as begun; `begun` says whether they had been before. */
  async begin(id: string, owner: string, limit: number): Promise<readonly OperationTarget[] | undefined> {
    const [rows] =
      (await this.#asOwner(id, owner, [
        {
          sql: `SELECT seq, target, begun FROM operation_items WHERE operation_id = ? AND outcome IS NULL ORDER BY seq LIMIT ?`,
          values: [id, limit],
        },
        {
          sql: `UPDATE operation_items SET begun = 1 WHERE operation_id = ? AND seq IN
            (SELECT seq FROM operation_items WHERE operation_id = ? AND outcome IS NULL ORDER BY seq LIMIT ?) AND ${IS_HELD}`,
          values: [id, id, limit, id, owner],
        },
      ])) ?? [];
    return rows?.map((row) => ({
      seq: numberOf(row.seq),
      target: textOf(row.target),
      begun: numberOf(row.begun) === 1,
    }));
  }

  /** Keeps what became of targets, each once, and counts it, at once. Gives the operation as it is then. */
  async settle(id: string, owner: string, outcomes: readonly TargetOutcome[]): Promise<StoredOperation | undefined> {
    const items = outcomes.map(
      ({ seq, outcome, detail }): Statement => ({
        sql: `UPDATE operation_items SET outcome = ?, detail = ? WHERE operation_id = ? AND seq = ? AND outcome IS NULL AND ${IS_HELD}`,
        values: [outcome, detail.slice(0, 1000), id, seq, id, owner],
      }),
    );
    // Counted before they are written, while it still shows which of them are open.
    const results = await this.#asOwner(id, owner, [addCounts(id, owner, outcomes), ...items]);
    const row = results?.[0]?.[0];
    return row && operationOf(row);
  }

  /** Ends it, once. Gives it as it is then; undefined when it was over already too. */
  async finish(
    id: string,
    owner: string,
    state: "done" | "cancelled" | "failed",
    error: string | null,
    nowMs: number,
  ): Promise<StoredOperation | undefined> {
    const [rows] = await this.#database.write([
      {
        sql: `UPDATE operations SET state = ?, error = ?, finished_ms = ?, lease_until_ms = 0
          WHERE id = ? AND owner = ? AND state = 'running' RETURNING *`,
        values: [state, error, nowMs, id, owner],
      },
    ]);
    const row = rows?.[0];
    return row && operationOf(row);
  }

  /** Cancels one that nobody has begun to work on; undefined when somebody has. */
  async cancelWaiting(id: string, nowMs: number): Promise<StoredOperation | undefined> {
    const [rows] = await this.#database.write([
      {
        sql: "UPDATE operations SET state = 'cancelled', finished_ms = ? WHERE id = ? AND state = 'waiting' RETURNING *",
        values: [nowMs, id],
      },
    ]);
    const row = rows?.[0];
    return row && operationOf(row);
  }

  /** The statements' rows. The first one holds the operation's row until the last is written: nobody claims it in between. */
  async #asOwner(id: string, owner: string, statements: readonly Statement[]): Promise<Row[][] | undefined> {
    const [held, ...results] = await this.#database.write([
      {
        sql: "UPDATE operations SET owner = owner WHERE id = ? AND owner = ? AND state = 'running' RETURNING id",
        values: [id, owner],
      },
      ...statements,
    ]);
    return held?.length ? results : undefined;
  }

  /** Asks whoever works on it to end. One that is over stays as it is. */
  async cancel(id: string): Promise<void> {
    await this.#database.write([{ sql: "UPDATE operations SET cancelled = 1 WHERE id = ?", values: [id] }]);
  }

  /** Deletes operations that ended before an instant, with what became of their targets. */
  async sweep(beforeMs: number): Promise<void> {
    const old = "SELECT id FROM operations WHERE finished_ms IS NOT NULL AND finished_ms < ?";
    await this.#database.write([
      { sql: `DELETE FROM operation_items WHERE operation_id IN (${old})`, values: [beforeMs] },
      { sql: "DELETE FROM operations WHERE finished_ms IS NOT NULL AND finished_ms < ?", values: [beforeMs] },
    ]);
  }

  /** What became of its targets, in order, from the number after `afterSeq` on. */
  async items(
    id: string,
    page: { readonly afterSeq: number; readonly limit: number; readonly outcome?: ItemOutcome | undefined },
  ): Promise<readonly (OperationItem & { readonly seq: number })[]> {
    const rows = await this.#database.all({
      sql: `SELECT seq, target, outcome, detail FROM operation_items WHERE operation_id = ? AND seq > ?
        AND ${page.outcome ? "outcome = ?" : "outcome IS NOT NULL"} ORDER BY seq LIMIT ?`,
      values: [id, page.afterSeq, ...(page.outcome ? [page.outcome] : []), page.limit],
    });
    return rows.map((row) => ({
      seq: numberOf(row.seq),
      target: textOf(row.target),
      outcome: outcomeOf(row.outcome),
      detail: textOf(row.detail),
    }));
  }
}

/** Adds to an operation's counts those of its targets that are not settled yet. */
function addCounts(id: string, owner: string, outcomes: readonly TargetOutcome[]): Statement {
  const values: (string | number)[] = [];
  const added = (wanted: ItemOutcome): string => {
    const seqs = outcomes.filter(({ outcome }) => outcome === wanted).map(({ seq }) => seq);
    if (seqs.length === 0) return `${wanted} = ${wanted}`;
    values.push(id, ...seqs);
    return `${wanted} = ${wanted} + (SELECT COUNT(*) FROM operation_items
      WHERE operation_id = ? AND outcome IS NULL AND seq IN (${seqs.map(() => "?").join(", ")}))`;
  };
  const sets = [added("done"), added("failed"), added("skipped")].join(", ");
  return {
    sql: `UPDATE operations SET ${sets} WHERE id = ? AND owner = ? AND state = 'running' RETURNING *`,
    values: [...values, id, owner],
  };
}

/** An operation as the API shows it. */
export function toOperation(stored: StoredOperation): Operation {
  const { id, kind, state, order, by, total, done, failed, skipped, error } = stored;
  return {
    id,
    kind,
    state,
    filter: order.ids ? null : (order.filter ?? {}),
    by: by.name,
    createdAt: new Date(stored.createdMs).toISOString(),
    startedAt: stored.startedMs === null ? null : new Date(stored.startedMs).toISOString(),
    finishedAt: stored.finishedMs === null ? null : new Date(stored.finishedMs).toISOString(),
    total,
    done,
    failed,
    skipped,
    error,
  };
}

function operationOf(row: Row): StoredOperation {
  return {
    id: textOf(row.id),
    kind: kindOf(row.kind),
    state: stateOf(row.state),
    order: orderOf(row),
    by: userOf(textOf(row.by_json)),
    createdMs: numberOf(row.created_ms),
    startedMs: row.started_ms === null ? null : numberOf(row.started_ms),
    finishedMs: row.finished_ms === null ? null : numberOf(row.finished_ms),
    total: row.total === null ? null : numberOf(row.total),
    done: numberOf(row.done),
    failed: numberOf(row.failed),
    skipped: numberOf(row.skipped),
    error: row.error === null ? null : textOf(row.error),
    cancelled: numberOf(row.cancelled) === 1,
  };
}

const KINDS: readonly StoredOperation["kind"][] = ["rerun", "retry", "revoke", "terminate", "forget", "stop-all"];
const STATES: readonly StoredOperation["state"][] = ["waiting", "running", "done", "cancelled", "failed"];

function kindOf(value: unknown): StoredOperation["kind"] {
  return KINDS.find((each) => each === value) ?? "forget";
}
function stateOf(value: unknown): StoredOperation["state"] {
  return STATES.find((each) => each === value) ?? "failed";
}
function outcomeOf(value: unknown): ItemOutcome {
  return value === "done" || value === "skipped" ? value : "failed";
}

/** The order as it was stored by `add`, member by member. */
function orderOf(row: Row): StartOperation {
  const { ids, filter, waiting, running, signal } = parseFields(textOf(row.order_json));
  return {
    kind: kindOf(row.kind),
    waiting: waiting !== false,
    running: running !== false,
    signal: signal === "SIGKILL" ? "SIGKILL" : "SIGTERM",
    ...(Array.isArray(ids) ? { ids: ids.map(String) } : { filter: filterOf(filter) }),
  };
}

function filterOf(value: unknown): TaskFilter {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter(([, each]) => typeof each === "string"));
}

function userOf(text: string): User {
  const { name, role, via, address, seesPayloads } = parseFields(text);
  return {
    name: typeof name === "string" ? name : "unknown",
    role: role === "admin" || role === "operator" ? role : "viewer",
    seesPayloads: seesPayloads === true,
    via: via === "api" || via === "flower" ? via : "page",
    address: typeof address === "string" ? address : "",
  };
}

function parseCursor(cursor: string): { readonly ms: number; readonly id: string } | undefined {
  const match = /^(\d{1,16})~(.+)$/.exec(cursor);
  return match ? { ms: Number(match[1]), id: match[2] ?? "" } : undefined;
}
