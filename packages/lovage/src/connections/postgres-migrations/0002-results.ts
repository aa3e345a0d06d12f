/**
 * The result backend's tables. `meta` and `result` are the texts that Celery's Redis backend keeps: json of PostgreSQL would refuse
 * `\u0000`, and jsonb would write numbers its own way.
 *
 * `count_chord_part` is a function because each of its steps must see what the one before did, also when hundreds of parts are counted
 * in one statement.
 */
export const RESULT_TABLES = `
CREATE TABLE result_tasks (
  id text COLLATE "C" PRIMARY KEY, status text NOT NULL, fence bigint, meta text NOT NULL,
  stored_at timestamptz NOT NULL, expires_at timestamptz
);
CREATE INDEX result_tasks_expires ON result_tasks (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE result_groups (id text COLLATE "C" PRIMARY KEY, result text NOT NULL, expires_at timestamptz);
CREATE INDEX result_groups_expires ON result_groups (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE result_chords (group_id text COLLATE "C" PRIMARY KEY, counted bigint NOT NULL, expires_at timestamptz);
CREATE INDEX result_chords_expires ON result_chords (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE result_chord_parts (
  group_id text COLLATE "C" NOT NULL, part_id text COLLATE "C" NOT NULL, PRIMARY KEY (group_id, part_id)
);

-- Processes that wait for results now: without any, nothing is notified. Worth nothing after a crash, so it is not logged.
CREATE UNLOGGED TABLE result_listeners (id text PRIMARY KEY, until timestamptz NOT NULL);

CREATE FUNCTION count_chord_part(chord text, part text, asof timestamptz, expires timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  fresh bigint;
  total bigint;
BEGIN
  DELETE FROM result_chords WHERE group_id = chord AND expires_at <= asof;
  IF FOUND THEN
    DELETE FROM result_chord_parts WHERE group_id = chord;
  END IF;
  INSERT INTO result_chord_parts VALUES (chord, part) ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS fresh = ROW_COUNT;
  INSERT INTO result_chords AS known VALUES (chord, fresh, expires)
  ON CONFLICT (group_id) DO UPDATE SET counted = known.counted + excluded.counted, expires_at = excluded.expires_at
  RETURNING counted INTO total;
  RETURN total;
END $$;
`;
