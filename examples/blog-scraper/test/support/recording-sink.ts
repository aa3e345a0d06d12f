import type { Post } from "../../src/scraper/post.js";
import {
  type LogLevel,
  NO_COUNTS,
  type ScrapeCounts,
  type ScrapeProgress,
  type ScrapeSink,
} from "../../src/scraper/scrape-blog.js";

/** Remembers what a scrape reports; saves into a map by address. */
export class RecordingSink implements ScrapeSink {
  readonly posts = new Map<string, Post>();
  readonly lines: string[] = [];
  readonly progresses: ScrapeProgress[] = [];

  async save(post: Post): Promise<"added" | "updated"> {
    const known = this.posts.has(post.url);
    this.posts.set(post.url, post);
    return known ? "updated" : "added";
  }
  async log(level: LogLevel, message: string): Promise<void> {
    this.lines.push(`${level}: ${message}`);
  }
  async progress(progress: ScrapeProgress): Promise<void> {
    this.progresses.push(progress);
  }
  /** The counts reported last. */
  get counts(): ScrapeCounts {
    return this.progresses.at(-1)?.counts ?? NO_COUNTS;
  }
  titles(): (string | null)[] {
    return [...this.posts.values()].map((post) => post.title);
  }
}
