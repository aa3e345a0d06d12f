import type { Post } from "../../scraper/post.js";
import type { BlogOverview, PostFilter, Repository, StoredPost } from "../repository.js";
import { toBlog, toNumber, toPost, toText } from "../rows.js";
import { schema } from "../schema.js";
import { PostgresDatabase } from "./postgres-database.js";

/** In the schema of the search path. */
const SCHEMA = schema({
  id: "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
  instant: "TIMESTAMPTZ",
  newestFirst: "date DESC NULLS LAST, time DESC NULLS LAST, id",
});

/** Opens the repository in a PostgreSQL database, creating schema and tables when missing: `postgres://…?schema=blog_scraper`. */
export async function openPostgresRepository(address: string, now: () => Date = () => new Date()): Promise<Repository> {
  return new PostgresRepository(await PostgresDatabase.open(address, SCHEMA), now);
}

/** A value that is left out matches all. */
const WHERE = "WHERE ($1::text IS NULL OR blog = $1) AND ($2::text IS NULL OR last_run_id = $2)";

class PostgresRepository implements Repository {
  readonly #db: PostgresDatabase;
  readonly #now: () => Date;

  constructor(db: PostgresDatabase, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  async savePost(blog: string, runId: string, post: Post): Promise<"added" | "updated"> {
    const [row] = await this.#db.query(
      `INSERT INTO posts (blog, url, title, author, date, time, text, first_run_id, last_run_id, first_saved_at, last_saved_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $9)
       ON CONFLICT (blog, url) DO UPDATE SET title = excluded.title, author = excluded.author, date = excluded.date,
         time = excluded.time, text = excluded.text, last_run_id = excluded.last_run_id, last_saved_at = excluded.last_saved_at
       RETURNING first_run_id AS value`,
      blog,
      post.url,
      post.title,
      post.author,
      post.date,
      post.time,
      post.text,
      runId,
      this.#now(),
    );
    return toText(row) === runId ? "added" : "updated";
  }

  async listPosts({ blog, run }: PostFilter, page: { offset: number; limit: number }): Promise<StoredPost[]> {
    const sql = `SELECT * FROM posts ${WHERE} ORDER BY date DESC NULLS LAST, time DESC NULLS LAST, id LIMIT $3 OFFSET $4`;
    return (await this.#db.query(sql, blog ?? null, run ?? null, page.limit, page.offset)).map(toPost);
  }

  async countPosts({ blog, run }: PostFilter): Promise<number> {
    const sql = `SELECT count(*)::integer AS n FROM posts ${WHERE}`;
    return toNumber((await this.#db.query(sql, blog ?? null, run ?? null))[0]);
  }

  async findPost(id: number): Promise<StoredPost | undefined> {
    const [row] = await this.#db.query("SELECT * FROM posts WHERE id = $1", id);
    return row === undefined ? undefined : toPost(row);
  }

  async listBlogs(): Promise<BlogOverview[]> {
    const sql = "SELECT blog, count(*)::integer AS n FROM posts GROUP BY blog ORDER BY blog";
    return (await this.#db.query(sql)).map(toBlog);
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
