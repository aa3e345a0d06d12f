/**
 * Tasks that were sent inside other programs' transactions, on their way to a broker that is not this database.
 * `message` and `route` are JSON; ids grow in the order in which a transaction sent its tasks.
 */
export const OUTBOX_TABLES = `
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message text NOT NULL, body bytea NOT NULL, route text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  error text, failed_at timestamptz
);
-- Rows come and go; the few that failed are looked at by people.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Tells this database from others that have a schema of the same name. A function, as a transaction that began before it was made sees
-- it all the same, which it would not with a row.
DO $$ BEGIN
  EXECUTE format(
    'CREATE FUNCTION database_id() RETURNS text LANGUAGE sql IMMUTABLE AS %L',
    format('SELECT %L::text', md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text)));
END $$;
`;
