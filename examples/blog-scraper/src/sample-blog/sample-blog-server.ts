import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { atomBlogHome, atomFeed } from "./atom-blog.js";
import { brokenPage, listPage, postPage, postPath } from "./blogger-pages.js";
import { SAMPLE_POSTS, type SamplePost } from "./sample-posts.js";
import { encodeWindows1252 } from "./windows-1252.js";

/** Posts on a page of the list. */
export const POSTS_PER_PAGE = 7;

const ROBOTS = "User-agent: *\nCrawl-delay: 0.05\nDisallow: /members/\n";

/** Pages of the list that are not UTF-8, by number: which charset, and where that is said. */
const CHARSETS: Readonly<Record<number, { contentType: string; meta: string }>> = {
  3: { contentType: "text/html; charset=windows-1252", meta: "windows-1252" },
  4: { contentType: "text/html", meta: "iso-8859-1" },
};
/** The page of the list that fails at every first of two requests. */
const STUTTERING_PAGE = 5;

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

const HTML = "text/html; charset=utf-8";
const NOT_FOUND: Reply = {
  status: 404,
  contentType: HTML,
  body: "<h1>Sorry, the page you were looking for does not exist.</h1>",
};

/**
 * Serves the bundled blogs on loopback, faults included: the Blogger blog at `/`, the weather blog, which has
 * only a feed, at `/weather/`. Times are in seconds.
 */
export class SampleBlogServer {
  readonly #server: Server;
  readonly #latency: number;
  #stutters = 0;

  /** @param options.latency how long each answer takes. @default 0 */
  constructor(options: { latency?: number } = {}) {
    this.#latency = options.latency ?? 0;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) =>
        response.destroy(error instanceof Error ? error : undefined),
      );
    });
  }

  /**
   * Starts listening on 127.0.0.1 and returns the blog's address, ending in `/`. If `port` is taken, any free one is used,
   * so that two copies of the example can run side by side.
   */
  async start(port = 0): Promise<string> {
    try {
      await this.#listen(port);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
      await this.#listen(0);
    }
    return `${this.#origin()}/`;
  }

  /** Ends open connections too. Safe to call when not started. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  #origin(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the sample blog is not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#latency > 0) await sleep(this.#latency * 1000);
    const reply = this.#route(new URL(request.url ?? "/", this.#origin()));
    response.writeHead(reply.status, { "content-type": reply.contentType });
    response.end(request.method === "HEAD" ? undefined : reply.body);
  }

  #route(url: URL): Reply {
    if (url.pathname === "/robots.txt") return { status: 200, contentType: "text/plain", body: ROBOTS };
    if (url.pathname === "/") return this.#listPage(1);
    if (url.pathname === "/search") return this.#listPage(Number(url.searchParams.get("page")));
    if (url.pathname === "/weather/") return { status: 200, contentType: HTML, body: atomBlogHome() };
    if (url.pathname === "/weather/feed.xml") return this.#feedPage(Number(url.searchParams.get("page") ?? 1));
    const post = SAMPLE_POSTS.find((one) => postPath(one) === url.pathname);
    return post === undefined ? NOT_FOUND : this.#postPage(post);
  }

  #listPage(number: number): Reply {
    if (!Number.isInteger(number) || number < 1 || (number - 1) * POSTS_PER_PAGE >= SAMPLE_POSTS.length)
      return NOT_FOUND;
    if (number === STUTTERING_PAGE) {
      this.#stutters += 1;
      if (this.#stutters % 2 === 1) return { status: 503, contentType: HTML, body: "<h1>Back in a moment</h1>" };
    }
    // Each page begins with the last post of the one before, as happens when a blog grows while it is being read.
    const first = (number - 1) * POSTS_PER_PAGE;
    const posts = SAMPLE_POSTS.slice(Math.max(0, first - 1), first + POSTS_PER_PAGE);
    const isLast = first + POSTS_PER_PAGE >= SAMPLE_POSTS.length;
    const charset = CHARSETS[number] ?? { contentType: HTML, meta: "utf-8" };
    const html = listPage(posts, this.#origin(), isLast ? null : `/search?page=${number + 1}`, charset.meta);
    const body = charset.meta === "utf-8" ? html : encodeWindows1252(html);
    return { status: 200, contentType: charset.contentType, body };
  }

  #postPage(post: SamplePost): Reply {
    if (post.ownPage === "server-error")
      return { status: 500, contentType: HTML, body: "<h1>Something went wrong</h1>" };
    if (post.ownPage === "broken") return { status: 200, contentType: HTML, body: brokenPage(post) };
    return { status: 200, contentType: HTML, body: postPage(post, this.#origin()) };
  }

  #feedPage(page: number): Reply {
    return { status: 200, contentType: "application/atom+xml", body: atomFeed(page, this.#origin()) };
  }
}
