import type { Dialect } from "./database.js";

/** States after which nothing comes, as SQL writes a list. The same text in index and query, so that SQLite knows one by the other. */
export const UNFINISHED = "state NOT IN ('SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED', 'IGNORED')";

/**
 * The tables of tasks.
 *
 * `seq` counts tasks in the order in which they were first heard of: events and logs name their task by it, so that what is written at
 * one time lies together, which random ids would scatter over the whole file. `at_ms` is when the task was received, or first heard of.
 * An index on a column that is null for most tasks holds the others only.
 */
export function taskMigrations({ autoId, denseId, bigint, real, thenBy }: Dialect): readonly string[] {
  const seq = thenBy("seq");
  return [
    `
    CREATE TABLE tasks (
      seq ${denseId},
      id text NOT NULL,
      at_ms ${bigint} NOT NULL,
      state text NOT NULL,
      name text, worker text, queue text,
      received_ms ${bigint}, first_ms ${bigint} NOT NULL, sent_ms ${bigint}, started_ms ${bigint}, finished_ms ${bigint},
      eta_ms ${bigint}, expires_ms ${bigint}, updated_ms ${bigint} NOT NULL,
      runtime ${real}, retries ${bigint} NOT NULL,
      fingerprint text, root_id text, parent_id text, group_id text, schedule text, job text, run_id text, rerun_of text,
      args text, kwargs text, result text, error text,
      client text, exchange text, routing_key text, priority ${bigint},
      revoked ${bigint} NOT NULL, deliveries ${bigint}, slot text, content_type text, size_bytes ${bigint},
      time_limit ${real}, soft_time_limit ${real}, clock ${bigint} NOT NULL, attempt ${bigint} NOT NULL,
      log_bytes ${bigint} NOT NULL, logs_cut ${bigint} NOT NULL, version ${bigint} NOT NULL,
      args_source text, progress_json text, stamps_json text, marks_json text, args_json text, kwargs_json text, result_json text, traceback text
    );
    CREATE UNIQUE INDEX tasks_id ON tasks (id);
    CREATE INDEX tasks_at ON tasks (at_ms${seq});
    CREATE INDEX tasks_state ON tasks (state, at_ms${seq});
    CREATE INDEX tasks_name ON tasks (name, at_ms${seq});
    CREATE INDEX tasks_retries ON tasks (retries, at_ms${seq});
    CREATE INDEX tasks_sent ON tasks (sent_ms${seq});
    CREATE INDEX tasks_started ON tasks (started_ms${seq});
    CREATE INDEX tasks_finished ON tasks (finished_ms${seq});
    CREATE INDEX tasks_runtime ON tasks (runtime${seq});
    CREATE INDEX tasks_type ON tasks (name, finished_ms, state) WHERE finished_ms IS NOT NULL;
    CREATE INDEX tasks_unfinished ON tasks (id) WHERE ${UNFINISHED};
    CREATE INDEX tasks_eta ON tasks (eta_ms) WHERE eta_ms IS NOT NULL;
    CREATE INDEX tasks_failed ON tasks (finished_ms, fingerprint, worker) WHERE fingerprint IS NOT NULL;
    CREATE INDEX tasks_fingerprint ON tasks (fingerprint, at_ms${seq}) WHERE fingerprint IS NOT NULL;
    CREATE INDEX tasks_root ON tasks (root_id, at_ms${seq}) WHERE root_id <> id;
    CREATE INDEX tasks_parent ON tasks (parent_id, at_ms${seq}) WHERE parent_id IS NOT NULL;
    CREATE INDEX tasks_run ON tasks (run_id, at_ms${seq}) WHERE run_id IS NOT NULL;
    CREATE INDEX tasks_job ON tasks (job, at_ms${seq}) WHERE job IS NOT NULL;
    CREATE INDEX tasks_schedule ON tasks (schedule, at_ms${seq}) WHERE schedule IS NOT NULL;
    CREATE INDEX tasks_rerun ON tasks (rerun_of) WHERE rerun_of IS NOT NULL;

    CREATE TABLE task_states (state text PRIMARY KEY, tasks ${bigint} NOT NULL);

    CREATE TABLE task_events (
      seq ${autoId}, task ${bigint} NOT NULL, type text NOT NULL, at_ms ${bigint} NOT NULL, worker text NOT NULL,
      clock ${bigint} NOT NULL, attempt ${bigint} NOT NULL, fields_json text NOT NULL
    );
    CREATE INDEX task_events_task ON task_events (task);

    CREATE TABLE task_logs (
      seq ${autoId}, task ${bigint} NOT NULL, at_ms ${bigint} NOT NULL, level text NOT NULL, message text NOT NULL,
      fields_json text NOT NULL, attempt ${bigint} NOT NULL, worker text
    );
    CREATE INDEX task_logs_task ON task_logs (task, seq);
    CREATE INDEX task_logs_at ON task_logs (at_ms);
    `,
  ];
}
