/**
 * The result backend's tables. `meta` is the record as Celery's Redis backend writes it; `fence` is the highest fencing token it was
 * written with, 0 for none; instants are Unix milliseconds.
 */
const TABLES = `
CREATE TABLE result_tasks (id TEXT PRIMARY KEY, status TEXT NOT NULL, fence INTEGER NOT NULL, meta TEXT NOT NULL, expires INTEGER) WITHOUT ROWID;
CREATE INDEX result_tasks_expires ON result_tasks (expires) WHERE expires IS NOT NULL;
CREATE TABLE result_groups (id TEXT PRIMARY KEY, result TEXT NOT NULL, expires INTEGER) WITHOUT ROWID;
CREATE TABLE result_chord_parts (group_id TEXT NOT NULL, part_id TEXT NOT NULL, expires INTEGER, PRIMARY KEY (group_id, part_id)) WITHOUT ROWID;
`;

/** Scripts in order; a new version adds one. */
export const BACKEND_MIGRATIONS: readonly string[] = [TABLES];
