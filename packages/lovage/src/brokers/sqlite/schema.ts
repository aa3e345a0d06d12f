/**
 * The broker's tables. An envelope is written once and never changed: where it stands is a row in one of three small tables, so
 * that handing out and acknowledging a message of a megabyte moves a few bytes.
 *
 *   published ──> broker_ready ──(claim)──> broker_held ──(ack)──> gone
 *             └─> broker_scheduled ──(due)──^     └─(reject, lease over)──> broker_ready
 *
 * `urgency` is 9 − priority, so that the most urgent sorts first. `position` is the order within an urgency. Instants are Unix milliseconds.
 */
const TABLES = `
CREATE TABLE broker_queues (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, max_priority INTEGER);
CREATE TABLE broker_exchanges (name TEXT PRIMARY KEY, type TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE broker_bindings (exchange TEXT NOT NULL, queue_id INTEGER NOT NULL, routing_key TEXT NOT NULL,
  PRIMARY KEY (exchange, queue_id, routing_key)) WITHOUT ROWID;
CREATE TABLE broker_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, exchange TEXT NOT NULL, routing_key TEXT NOT NULL, headers TEXT NOT NULL,
  properties TEXT NOT NULL, content_type TEXT, content_encoding TEXT, body BLOB NOT NULL, published INTEGER NOT NULL);
CREATE TABLE broker_ready (queue_id INTEGER NOT NULL, urgency INTEGER NOT NULL, position INTEGER NOT NULL, id INTEGER NOT NULL,
  since INTEGER NOT NULL, deliveries INTEGER NOT NULL, begun INTEGER NOT NULL, PRIMARY KEY (queue_id, urgency, position, id)) WITHOUT ROWID;
CREATE TABLE broker_scheduled (queue_id INTEGER NOT NULL, due INTEGER NOT NULL, id INTEGER NOT NULL, urgency INTEGER NOT NULL,
  PRIMARY KEY (queue_id, due, id)) WITHOUT ROWID;
CREATE TABLE broker_held (id INTEGER PRIMARY KEY, queue_id INTEGER NOT NULL, urgency INTEGER NOT NULL, position INTEGER NOT NULL,
  since INTEGER NOT NULL, deliveries INTEGER NOT NULL, begun INTEGER NOT NULL, token INTEGER NOT NULL, lease INTEGER NOT NULL);
CREATE TABLE broker_counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO broker_counters VALUES ('token', 0), ('topology', 0);
CREATE TABLE broker_consumers (id TEXT NOT NULL, queue_id INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (id, queue_id)) WITHOUT ROWID;
CREATE TABLE broker_subscribers (id TEXT PRIMARY KEY, channel TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE broker_broadcasts (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, routing_key TEXT NOT NULL, headers TEXT NOT NULL,
  properties TEXT NOT NULL, content_type TEXT, content_encoding TEXT, body BLOB NOT NULL, published INTEGER NOT NULL);
CREATE INDEX broker_broadcasts_by_channel ON broker_broadcasts (channel, id);
`;

/** Scripts in order; a new version adds one. */
export const BROKER_MIGRATIONS: readonly string[] = [TABLES];
