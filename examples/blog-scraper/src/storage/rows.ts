import { z } from "zod";
import type { BlogOverview, StoredPost } from "./repository.js";

/** Milliseconds since 1970 in SQLite; PostgreSQL has a type for it. */
const instant = z.union([z.number(), z.date()]).transform((value) => new Date(value));
const text = z.string().nullable();

const postRow = z
  .object({
    id: z.number(),
    blog: z.string(),
    url: z.string(),
    title: text,
    author: text,
    date: text,
    time: text,
    text: z.string(),
    first_saved_at: instant,
    last_saved_at: instant,
  })
  .transform(
    (row): StoredPost => ({
      id: row.id,
      blog: row.blog,
      url: row.url,
      title: row.title,
      author: row.author,
      date: row.date,
      time: row.time,
      text: row.text,
      firstSavedAt: row.first_saved_at,
      lastSavedAt: row.last_saved_at,
    }),
  );

/** Each turns a row as the database gives it into a record, and throws a ZodError on one of another shape. */
export function toPost(row: unknown): StoredPost {
  return postRow.parse(row);
}
export function toBlog(row: unknown): BlogOverview {
  const { blog, n } = z.object({ blog: z.string(), n: z.number() }).parse(row);
  return { blog, posts: n };
}
/** The number in a row of one column named `n`. */
export function toNumber(row: unknown): number {
  return z.object({ n: z.number() }).parse(row).n;
}
/** The text in a row of one column named `value`. */
export function toText(row: unknown): string {
  return z.object({ value: z.string() }).parse(row).value;
}
