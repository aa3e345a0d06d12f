/** The tables, one text per version; a text that was released is never changed. They are in the schema of the search path. */
export const SCHEMA: readonly string[] = [
  `CREATE TABLE jobs (
     id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     name TEXT NOT NULL,
     blog_url TEXT NOT NULL,
     since TEXT,            -- YYYY-MM-DD
     until TEXT,
     skip_count INTEGER NOT NULL,
     limit_count INTEGER,
     created_at TIMESTAMPTZ NOT NULL
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
     queued_at TIMESTAMPTZ NOT NULL,
     started_at TIMESTAMPTZ,
     ended_at TIMESTAMPTZ
   );
   CREATE INDEX runs_of_job ON runs (job_id, queued_at);
   CREATE TABLE log_entries (
     id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     run_id TEXT NOT NULL REFERENCES runs (id),
     at TIMESTAMPTZ NOT NULL,
     level TEXT NOT NULL,
     message TEXT NOT NULL
   );
   CREATE INDEX log_of_run ON log_entries (run_id, id);
   CREATE TABLE posts (
     id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     job_id INTEGER NOT NULL REFERENCES jobs (id),
     url TEXT NOT NULL,
     title TEXT,
     author TEXT,
     date TEXT,             -- YYYY-MM-DD
     time TEXT,             -- HH:MM
     text TEXT NOT NULL,
     first_run_id TEXT NOT NULL,
     last_run_id TEXT NOT NULL,
     first_saved_at TIMESTAMPTZ NOT NULL,
     last_saved_at TIMESTAMPTZ NOT NULL,
     UNIQUE (job_id, url)
   );
   CREATE INDEX posts_by_date ON posts (job_id, date DESC NULLS LAST, time DESC NULLS LAST, id);`,
  // Jobs, runs and their logs are kept by Lovage's console since then.
  `ALTER TABLE posts RENAME TO posts_of_jobs;
   DROP INDEX posts_by_date;
   CREATE TABLE posts (
     id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     blog TEXT NOT NULL,
     url TEXT NOT NULL,
     title TEXT,
     author TEXT,
     date TEXT,             -- YYYY-MM-DD
     time TEXT,             -- HH:MM
     text TEXT NOT NULL,
     first_run_id TEXT NOT NULL,
     last_run_id TEXT NOT NULL,
     first_saved_at TIMESTAMPTZ NOT NULL,
     last_saved_at TIMESTAMPTZ NOT NULL,
     UNIQUE (blog, url)
   );
   CREATE INDEX posts_by_date ON posts (blog, date DESC NULLS LAST, time DESC NULLS LAST, id);
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
