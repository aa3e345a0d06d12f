/** What the databases write differently of the tables. */
export interface SchemaDialect {
  /** Type of a counting primary key. */
  readonly id: string;
  /** Type of an instant. */
  readonly instant: string;
  /** Columns by which an index has posts in the order in which they are listed. */
  readonly newestFirst: string;
}

/** The tables, one text per version; a text that was released is never changed. */
export function schema({ id, instant, newestFirst }: SchemaDialect): readonly string[] {
  return [
    `CREATE TABLE jobs (
     id ${id},
     name TEXT NOT NULL,
     blog_url TEXT NOT NULL,
     since TEXT,            -- YYYY-MM-DD
     until TEXT,
     skip_count INTEGER NOT NULL,
     limit_count INTEGER,
     created_at ${instant} NOT NULL
   );
   CREATE TABLE runs (
     id TEXT PRIMARY KEY,   -- the task's id
     job_id INTEGER NOT NULL REFERENCES jobs (id),
     status TEXT NOT NULL,
     error TEXT,
     found INTEGER NOT NULL DEFAULT 0,
     skipped INTEGER NOT NULL DEFAULT 0,
     extracted INTEGER NOT NULL DEFAULT 0,
     added INTEGER NOT NULL DEFAULT 0,
     updated INTEGER NOT NULL DEFAULT 0,
     failed INTEGER NOT NULL DEFAULT 0,
     done INTEGER NOT NULL DEFAULT 0,
     total INTEGER,
     message TEXT NOT NULL DEFAULT '',
     queued_at ${instant} NOT NULL,
     started_at ${instant},
     ended_at ${instant}
   );
   CREATE INDEX runs_of_job ON runs (job_id, queued_at);
   CREATE TABLE log_entries (
     id ${id},
     run_id TEXT NOT NULL REFERENCES runs (id),
     at ${instant} NOT NULL,
     level TEXT NOT NULL,
     message TEXT NOT NULL
   );
   CREATE INDEX log_of_run ON log_entries (run_id, id);
   CREATE TABLE posts (
     id ${id},
     job_id INTEGER NOT NULL REFERENCES jobs (id),
     url TEXT NOT NULL,
     title TEXT,
     author TEXT,
     date TEXT,             -- YYYY-MM-DD
     time TEXT,             -- HH:MM
     text TEXT NOT NULL,
     first_run_id TEXT NOT NULL,
     last_run_id TEXT NOT NULL,
     first_saved_at ${instant} NOT NULL,
     last_saved_at ${instant} NOT NULL,
     UNIQUE (job_id, url)
   );
   CREATE INDEX posts_by_date ON posts (job_id, ${newestFirst});`,
    // Jobs, runs and their logs are kept by Lovage's console since then.
    `ALTER TABLE posts RENAME TO posts_of_jobs;
   DROP INDEX posts_by_date;
   CREATE TABLE posts (
     id ${id},
     blog TEXT NOT NULL,
     url TEXT NOT NULL,
     title TEXT,
     author TEXT,
     date TEXT,             -- YYYY-MM-DD
     time TEXT,             -- HH:MM
     text TEXT NOT NULL,
     first_run_id TEXT NOT NULL,
     last_run_id TEXT NOT NULL,
     first_saved_at ${instant} NOT NULL,
     last_saved_at ${instant} NOT NULL,
     UNIQUE (blog, url)
   );
   CREATE INDEX posts_by_date ON posts (blog, ${newestFirst});
   CREATE INDEX posts_of_run ON posts (last_run_id);
   INSERT INTO posts (blog, url, title, author, date, time, text, first_run_id, last_run_id, first_saved_at, last_saved_at)
     SELECT blog_url, url, title, author, date, time, text, first_run_id, last_run_id, first_saved_at, last_saved_at
     FROM posts_of_jobs JOIN jobs ON jobs.id = posts_of_jobs.job_id WHERE true
     ON CONFLICT (blog, url) DO NOTHING;
   DROP TABLE posts_of_jobs;
   DROP TABLE log_entries;
   DROP TABLE runs;
   DROP TABLE jobs;`,
  ];
}
