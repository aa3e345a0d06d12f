import { silentLogger } from "lovage";
// Not part of the package's interface: the raw client must use the very SQLite that the library picked.
import { openSqliteFile } from "../../packages/lovage/dist/connections/sqlite-driver.js";

/** Rows in a transaction of the raw client. */
export const BATCH = 200;

/**
 * What SQLite itself can do: the library's tables, rows and indexes through the same module and the same pragmas, and nothing else.
 * Texts are prepared once, statements too; messages are not looked at; BATCH rows share a commit.
 *
 * @typedef {Awaited<ReturnType<typeof openRaw>>} RawClient
 * @param {string} path a file in which Lovage has made its tables
 * @param {"FULL" | "NORMAL"} synchronous
 */
export async function openRaw(path, synchronous) {
  const sql = await openSqliteFile(path, silentLogger);
  sql.exec(
    `PRAGMA busy_timeout = 5000; PRAGMA synchronous = ${synchronous}; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; PRAGMA journal_mode = WAL`,
  );
  return { sql, version: String(sql.prepare("SELECT sqlite_version() AS version").get()?.version) };
}

/**
 * An envelope as it was published, to be copied.
 * @param {RawClient} raw
 */
export function takeEnvelope({ sql }) {
  const row = sql.prepare("SELECT * FROM broker_messages ORDER BY id DESC LIMIT 1").get();
  if (!row) throw new Error("nothing has been published: there is no envelope to copy");
  return { row, id: String(JSON.parse(String(row.headers)).id) };
}

/**
 * Publishes `count` copies of an envelope. Each gets an id of its own when `ids` are given, which a worker needs and an
 * enqueue benchmark leaves out.
 * @param {RawClient} raw
 * @param {ReturnType<typeof takeEnvelope>} envelope
 * @param {{ count: number, queue: string, ids?: readonly string[] }} options
 */
export async function enqueueRaw({ sql }, envelope, { count, queue, ids }) {
  const queueId = Number(sql.prepare("SELECT id FROM broker_queues WHERE name = ?").get(queue)?.id);
  const { headers, properties } = envelope.row;
  const rest = [envelope.row.content_type ?? null, envelope.row.content_encoding ?? null, envelope.row.body ?? null];
  const exchange = envelope.row.exchange ?? "";
  const insert = sql.prepare(
    "INSERT INTO broker_messages (exchange, routing_key, published, headers, properties, content_type, content_encoding, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const ready = sql.prepare(
    "INSERT INTO broker_ready (queue_id, urgency, position, id, since, deliveries, begun) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const begin = sql.prepare("BEGIN IMMEDIATE");
  const commit = sql.prepare("COMMIT");
  const values = [String(headers), String(properties)];
  for (let done = 0; done < count; done += BATCH) {
    begin.run();
    for (let at = done; at < Math.min(count, done + BATCH); at++) {
      const id = ids?.[at];
      const [head = "", props = ""] =
        id === undefined ? values : values.map((text) => text.replaceAll(envelope.id, id));
      const now = Date.now();
      const inserted = insert.run(exchange, queue, now, head, props, ...rest);
      const rowId = Number(inserted.lastInsertRowid);
      ready.run(queueId, 9, rowId, rowId, now, 0, 0);
    }
    commit.run();
    await turn();
  }
}

/**
 * Takes all messages of a queue as a worker does, without looking at them: claims a batch, and in the next transaction stores its
 * results, if it is given one, acknowledges it and claims the next.
 * @param {RawClient} raw
 * @param {{ queue: string, result: import("../../packages/lovage/dist/connections/sqlite-driver.js").SqlRow | undefined, ids: readonly string[] }} options `result`: a row to store for each, with an id of `ids`
 */
export async function drainRaw({ sql }, { queue, result, ids }) {
  const queueId = Number(sql.prepare("SELECT id FROM broker_queues WHERE name = ?").get(queue)?.id);
  const select = sql.prepare(
    `SELECT r.urgency, r.position, r.id, m.headers, m.properties, m.content_type, m.content_encoding, m.body
     FROM broker_ready r JOIN broker_messages m ON m.id = r.id WHERE r.queue_id = ? ORDER BY r.urgency, r.position, r.id LIMIT ?`,
  );
  const hold = sql.prepare(
    `INSERT INTO broker_held (id, queue_id, urgency, position, since, deliveries, begun, token, lease)
     SELECT id, queue_id, urgency, position, since, deliveries + 1, begun, ?, ? FROM broker_ready
     WHERE queue_id = ? AND (urgency, position, id) <= (?, ?, ?)`,
  );
  const unready = sql.prepare("DELETE FROM broker_ready WHERE queue_id = ? AND (urgency, position, id) <= (?, ?, ?)");
  const store = insertLike(sql, "result_tasks", result);
  const drop = sql.prepare("DELETE FROM broker_held WHERE id = ? AND token = ?");
  const forget = sql.prepare("DELETE FROM broker_messages WHERE id = ?");
  const begin = sql.prepare("BEGIN IMMEDIATE");
  const commit = sql.prepare("COMMIT");
  /** @type {ReturnType<typeof select.all>} */
  let held = [];
  let token = 0;
  let taken = 0;
  do {
    begin.run();
    for (const row of held) {
      if (result) store(ids[taken] ?? "");
      taken++;
      drop.run(Number(row.id), token);
      forget.run(Number(row.id));
    }
    held = select.all(queueId, BATCH);
    const last = held.at(-1);
    if (last) {
      const through = [queueId, Number(last.urgency), Number(last.position), Number(last.id)];
      hold.run(++token, Date.now() + 15_000, ...through);
      unready.run(...through);
    }
    commit.run();
    await turn();
  } while (held.length > 0);
  return taken;
}

/**
 * A function that inserts copies of a row, each with an id of its own.
 * @param {RawClient["sql"]} sql
 * @param {string} table
 * @param {import("../../packages/lovage/dist/connections/sqlite-driver.js").SqlRow | undefined} row
 */
function insertLike(sql, table, row = {}) {
  const columns = Object.keys(row);
  const values = Object.values(row);
  const idAt = columns.indexOf("id");
  if (idAt < 0) return () => undefined;
  const insert = sql.prepare(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  );
  return (/** @type {string} */ id) => insert.run(...values.with(idAt, id));
}

/** The event loop turns between two transactions, as in any program that does something else besides. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
