/**
 * The broker's tables. An envelope is written once and never changed: where it stands is a row in one of three small tables, so that
 * handing out a message of a megabyte moves a few bytes, and so that what has to be vacuumed often is small.
 *
 *   published ──> broker_ready ──(claim)──> broker_held ──(ack)──> gone
 *             └─> broker_scheduled ──(due)──^     └─(reject, lease over)──> broker_ready
 *
 * `urgency` is 9 − priority, so that the most urgent sorts first. `position` is the order within an urgency, from the same sequence as
 * ids. Headers and properties are JSON as text, so that they come back letter by letter (jsonb would order keys and round numbers).
 *
 * Rows live for moments: autovacuum comes by their number, not by their share, and does not rest in between. Workers do it too
 * (brokers/postgres/upkeep.ts), because autovacuum looks once a minute. What a crash may forget is unlogged.
 */
const CHURN =
  "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0";
const TINY = "fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500";

export const BROKER_TABLES = `
CREATE TABLE broker_queues (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, max_priority smallint);
CREATE TABLE broker_exchanges (name text PRIMARY KEY, type text NOT NULL);
CREATE TABLE broker_bindings (exchange text NOT NULL, queue_id integer NOT NULL, routing_key text NOT NULL,
  PRIMARY KEY (exchange, queue_id, routing_key));
-- One row. The stamp is drawn anew with every change of the three tables above; whoever routes by a copy of them checks it.
CREATE TABLE broker_topology (stamp bigint NOT NULL);
INSERT INTO broker_topology VALUES (0);

CREATE SEQUENCE broker_ids;
-- Fencing tokens: they grow with every delivery.
CREATE SEQUENCE broker_tokens;
-- One row: when the server started that tokens were last drawn from. After another start they are set forward.
CREATE TABLE broker_server_start (started timestamptz);
INSERT INTO broker_server_start VALUES (NULL);
CREATE TABLE broker_messages (id bigint PRIMARY KEY, exchange text NOT NULL, routing_key text NOT NULL, headers text NOT NULL,
  properties text NOT NULL, content_type text, content_encoding text, body bytea NOT NULL, published timestamptz NOT NULL)
  WITH (${CHURN});
CREATE TABLE broker_ready (queue_id integer NOT NULL, urgency smallint NOT NULL, position bigint NOT NULL, id bigint NOT NULL,
  since timestamptz NOT NULL, deliveries integer NOT NULL, begun integer NOT NULL, PRIMARY KEY (queue_id, urgency, position))
  WITH (${CHURN});
CREATE TABLE broker_scheduled (queue_id integer NOT NULL, due timestamptz NOT NULL, id bigint NOT NULL, urgency smallint NOT NULL,
  PRIMARY KEY (queue_id, due, id)) WITH (${CHURN});
CREATE TABLE broker_held (id bigint PRIMARY KEY, queue_id integer NOT NULL, urgency smallint NOT NULL, position bigint NOT NULL,
  since timestamptz NOT NULL, deliveries integer NOT NULL, begun integer NOT NULL, token bigint NOT NULL, lease timestamptz NOT NULL,
  holder uuid NOT NULL) WITH (${CHURN});
CREATE INDEX broker_held_by_lease ON broker_held (lease);

-- The last commit of each process that publishes: one whose answer was lost is not done twice.
CREATE TABLE broker_publishers (id uuid PRIMARY KEY, last bigint NOT NULL, at timestamptz NOT NULL) WITH (${TINY});
-- Who consumes; "waiting" ones want to be notified.
CREATE UNLOGGED TABLE broker_consumers (id uuid NOT NULL, queue_id integer NOT NULL, process uuid NOT NULL, waiting boolean NOT NULL,
  expires timestamptz NOT NULL, PRIMARY KEY (id, queue_id)) WITH (${TINY});
CREATE UNLOGGED TABLE broker_subscribers (id uuid PRIMARY KEY, channel text NOT NULL, polls boolean NOT NULL, expires timestamptz NOT NULL)
  WITH (${TINY});
-- Broadcasts too long for a notification, and all of them while somebody listens who cannot be notified.
CREATE UNLOGGED TABLE broker_broadcasts (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL UNIQUE, channel text NOT NULL,
  payload text NOT NULL, at timestamptz NOT NULL DEFAULT now()) WITH (${CHURN});
`;
