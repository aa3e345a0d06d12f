import type { Post } from "../scraper/post.js";

export interface StoredPost extends Post {
  readonly id: number;
  /** Address of the blog it was read from. */
  readonly blog: string;
  readonly firstSavedAt: Date;
  readonly lastSavedAt: Date;
}

/** Which posts. Left out: all. */
export interface PostFilter {
  readonly blog?: string | undefined;
  /** Id of the task that saved them last. */
  readonly run?: string | undefined;
}

/** A blog with the number of posts saved from it. */
export interface BlogOverview {
  readonly blog: string;
  readonly posts: number;
}

/**
 * Keeps posts: what a run is, how it goes and what it logs is Lovage's to keep. Several processes may have one open on the same store.
 * Each method is one transaction. All reject with {@link StorageError} when the store cannot do its work.
 */
export interface Repository {
  /** Stores a post once per blog and address. "added" if it was this run that stored it first, else "updated". */
  savePost(blog: string, runId: string, post: Post): Promise<"added" | "updated">;
  /** Newest date first, undated last. */
  listPosts(filter: PostFilter, page: { readonly offset: number; readonly limit: number }): Promise<StoredPost[]>;
  countPosts(filter: PostFilter): Promise<number>;
  findPost(id: number): Promise<StoredPost | undefined>;
  /** By address. */
  listBlogs(): Promise<BlogOverview[]>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** The store could not do its work: busy for too long, full, unreadable. */
export class StorageError extends Error {
  override readonly name: string = "StorageError";
}
