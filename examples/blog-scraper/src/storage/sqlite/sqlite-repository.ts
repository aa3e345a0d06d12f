import type { Post } from "../../scraper/post.js";
import type { BlogOverview, PostFilter, Repository, StoredPost } from "../repository.js";
import { toBlog, toNumber, toPost, toText } from "../rows.js";
import { schema } from "../schema.js";
import { SqliteDatabase } from "./sqlite-database.js";

/** Instants are milliseconds since 1970. An index is read from its end as well, where what is unknown, its least, comes last. */
const SCHEMA = schema({ id: "INTEGER PRIMARY KEY", instant: "INTEGER", newestFirst: "date, time" });

/** Opens the repository in a SQLite file, creating file, folder and tables when missing. */
export async function openSqliteRepository(file: string, now: () => Date = () => new Date()): Promise<Repository> {
  return new SqliteRepository(await SqliteDatabase.open(file, SCHEMA), now);
}

/** A value that is left out matches all. */
const WHERE = "WHERE (?1 IS NULL OR blog = ?1) AND (?2 IS NULL OR last_run_id = ?2)";

class SqliteRepository implements Repository {
  readonly #db: SqliteDatabase;
  readonly #now: () => Date;

  constructor(db: SqliteDatabase, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  savePost(blog: string, runId: string, post: Post): Promise<"added" | "updated"> {
    return this.#db.write(() => {
      const nowMs = this.#now().getTime();
      const row = this.#db.get(
        `INSERT INTO posts (blog, url, title, author, date, time, text, first_run_id, last_run_id, first_saved_at, last_saved_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
        runId,
        nowMs,
        nowMs,
      );
      return toText(row) === runId ? "added" : "updated";
    });
  }

  listPosts({ blog, run }: PostFilter, page: { offset: number; limit: number }): Promise<StoredPost[]> {
    const sql = `SELECT * FROM posts ${WHERE} ORDER BY date DESC, time DESC, id LIMIT ?3 OFFSET ?4`;
    return this.#db.read(() => this.#db.all(sql, blog ?? null, run ?? null, page.limit, page.offset).map(toPost));
  }

  countPosts({ blog, run }: PostFilter): Promise<number> {
    const sql = `SELECT count(*) AS n FROM posts ${WHERE}`;
    return this.#db.read(() => toNumber(this.#db.get(sql, blog ?? null, run ?? null)));
  }

  findPost(id: number): Promise<StoredPost | undefined> {
    return this.#db.read(() => {
      const row = this.#db.get("SELECT * FROM posts WHERE id = ?", id);
      return row === undefined ? undefined : toPost(row);
    });
  }

  listBlogs(): Promise<BlogOverview[]> {
    const sql = "SELECT blog, count(*) AS n FROM posts GROUP BY blog ORDER BY blog";
    return this.#db.read(() => this.#db.all(sql).map(toBlog));
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
