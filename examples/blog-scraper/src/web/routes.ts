import { readFile } from "node:fs/promises";
import { type Context, Hono } from "hono";
import type { PostFilter, Repository } from "../storage/repository.js";
import { guard } from "./guard.js";
import { errorPage } from "./pages/layout.js";
import { postPage } from "./pages/post-page.js";
import { POSTS_PER_PAGE, postsPage } from "./pages/posts-page.js";

export interface PagesDeps {
  readonly repository: Repository;
  /** Told about errors that no page foresees. */
  readonly onError: (error: Error) => void;
}

const ASSETS: Readonly<Record<string, string>> = {
  "style.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "leaf.svg": "image/svg+xml",
};

/** All addresses of the page server: the posts that were scraped. Jobs, runs and logs are the console's. */
export function createPages(deps: PagesDeps): Hono {
  const app = new Hono();
  app.use(guard());
  app.get("/", (c) => showPosts(c, deps));
  app.get("/posts/:id", (c) => showPost(c, deps));
  app.get("/assets/:name", (c) => serveAsset(c));
  app.notFound((c) => notFound(c, "There is no such page."));
  app.onError((error, c) => {
    deps.onError(error);
    return c.html(errorPage("Something went wrong", "The server could not do that. Its log says why."), 500);
  });
  return app;
}

async function showPosts(c: Context, { repository }: PagesDeps): Promise<Response> {
  const filter: PostFilter = { blog: c.req.query("blog") || undefined, run: c.req.query("run") || undefined };
  const count = await repository.countPosts(filter);
  const pages = Math.max(1, Math.ceil(count / POSTS_PER_PAGE));
  const page = Math.min(pages, wholeNumber(c.req.query("page")) || 1);
  const posts = await repository.listPosts(filter, { offset: (page - 1) * POSTS_PER_PAGE, limit: POSTS_PER_PAGE });
  return c.html(postsPage({ filter, blogs: await repository.listBlogs(), posts, count, page }));
}

async function showPost(c: Context, { repository }: PagesDeps): Promise<Response> {
  const post = await repository.findPost(wholeNumber(c.req.param("id")));
  return post === undefined ? notFound(c, "There is no such post.") : c.html(postPage(post));
}

async function serveAsset(c: Context): Promise<Response> {
  const name = c.req.param("name") ?? "";
  const contentType = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  if (contentType === undefined) return notFound(c, "There is no such file.");
  // The same folder seen from src/web and from dist/web.
  const body = await readFile(new URL(`../../assets/${name}`, import.meta.url), "utf8");
  return c.body(body, 200, { "content-type": contentType });
}

function notFound(c: Context, text: string): Response | Promise<Response> {
  return c.html(errorPage("Not found", text), 404);
}

function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
