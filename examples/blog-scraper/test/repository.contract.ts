import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Post } from "../src/scraper/post.js";
import { openRepository } from "../src/storage/open-repository.js";
import type { Repository } from "../src/storage/repository.js";

const BLOG = "https://a.example/";
const POST: Post = {
  url: "https://a.example/1",
  title: "One",
  author: "Ane",
  date: "2024-03-03",
  time: "08:15",
  text: "text",
};
const FIRST_PAGE = { offset: 0, limit: 10 };

/** A store of its own, empty. */
export interface FreshStore extends AsyncDisposable {
  readonly repository: Repository;
  /** For `openRepository`, in this process or another. */
  readonly address: string;
}

/** The time of the clock that every store's repository is to be opened with. */
export const NOON = new Date("2024-05-05T12:00:00Z");

/** What holds for every kind of store. */
export function describeRepository(name: string, openFresh: () => Promise<FreshStore>): void {
  describe(name, () => {
    test("keeps posts, also after it was closed", async () => {
      await using store = await openFresh();
      await store.repository.savePost(BLOG, "r1", POST);
      await store.repository.close();
      const again = await openRepository(store.address);
      const [post] = await again.listPosts({}, FIRST_PAGE);
      expect(post).toEqual({ ...POST, id: post?.id, blog: BLOG, firstSavedAt: NOON, lastSavedAt: NOON });
      await again.close();
      await again.close();
    });

    test("stores a post once per blog and address, and says whether this run was the first", async () => {
      await using store = await openFresh();
      const { repository } = store;
      expect(await repository.savePost(BLOG, "r1", POST)).toBe("added");
      expect(await repository.savePost(BLOG, "r1", POST)).toBe("added");
      expect(await repository.savePost(BLOG, "r2", { ...POST, title: null, text: "new ' \0 \u{1F33F}" })).toBe(
        "updated",
      );
      expect(await repository.savePost("https://b.example/", "r2", POST)).toBe("added");
      const posts = await repository.listPosts({ blog: BLOG }, FIRST_PAGE);
      expect(posts).toMatchObject([{ ...POST, title: null, text: "new ' \ufffd \u{1F33F}" }]);
      expect(await repository.findPost(posts[0]?.id ?? 0)).toEqual(posts[0]);
      expect(await repository.findPost(0)).toBeUndefined();
    });

    test("counts and lists posts by blog and by the run that saved them last", async () => {
      await using store = await openFresh();
      const { repository } = store;
      await repository.savePost(BLOG, "r1", POST);
      await repository.savePost(BLOG, "r2", { ...POST, url: "https://a.example/2" });
      await repository.savePost("https://b.example/", "r2", POST);
      expect(await repository.countPosts({})).toBe(3);
      expect(await repository.countPosts({ run: "r2" })).toBe(2);
      expect(await repository.countPosts({ run: "r2", blog: BLOG })).toBe(1);
      expect((await repository.listPosts({ run: "r1" }, FIRST_PAGE)).map(({ url }) => url)).toEqual([POST.url]);
      expect(await repository.listBlogs()).toEqual([
        { blog: BLOG, posts: 2 },
        { blog: "https://b.example/", posts: 1 },
      ]);
    });

    test("lists posts page by page, newest first, undated last", async () => {
      await using store = await openFresh();
      const { repository } = store;
      const days = [null, "2024-01-01", "2024-03-01", "2024-02-01"];
      for (const [n, date] of days.entries())
        await repository.savePost(BLOG, "r", { ...POST, url: `https://a.example/${n}`, date });
      const datesOf = async (offset: number) =>
        (await repository.listPosts({}, { offset, limit: 3 })).map(({ date }) => date);
      expect(await datesOf(0)).toEqual(["2024-03-01", "2024-02-01", "2024-01-01"]);
      expect(await datesOf(3)).toEqual([null]);
    });

    test("is written by several processes at once without loss or duplicates", async () => {
      await using store = await openFresh();
      const script = fileURLToPath(new URL("./support/save-posts.ts", import.meta.url));
      const exits = ["r1", "r2", "r3"].map((run) =>
        once(
          spawn(process.execPath, ["--import", "tsx", script, store.address, run, "100"], { stdio: "inherit" }),
          "exit",
        ),
      );
      expect((await Promise.all(exits)).map(([code]) => code)).toEqual([0, 0, 0]);
      expect(await store.repository.countPosts({})).toBe(100);
    }, 30_000);
  });
}
