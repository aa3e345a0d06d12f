import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;
type Page = string | { status?: number; headers?: Record<string, string>; body?: string | Uint8Array } | Handler;

/** A site on loopback that answers what a test tells it to, and remembers what it was asked. */
export interface ScriptedSite extends AsyncDisposable {
  readonly origin: string;
  readonly host: string;
  /** Paths asked for, in order, robots.txt left out. */
  readonly asked: string[];
  readonly userAgents: Set<string>;
  /** One page for always, or several for the first, second … time (the last one stays). */
  page(path: string, ...pages: Page[]): void;
}

export async function startSite(robots: Page = { status: 404 }): Promise<ScriptedSite> {
  const pages = new Map<string, Page[]>([["/robots.txt", [robots]]]);
  const asked: string[] = [];
  const userAgents = new Set<string>();
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    if (path !== "/robots.txt") asked.push(path);
    userAgents.add(request.headers["user-agent"] ?? "");
    const queue = pages.get(path) ?? [{ status: 404, body: "no such page" }];
    const page = queue.length > 1 ? queue.shift() : queue[0];
    answer(page ?? "", request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  const host = `127.0.0.1:${address.port}`;
  return {
    origin: `http://${host}`,
    host,
    asked,
    userAgents,
    page: (path, ...answers) => void pages.set(path, answers),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(page: Page, request: IncomingMessage, response: ServerResponse): void {
  if (typeof page === "function") return page(request, response);
  const { status = 200, headers = {}, body = "" } = typeof page === "string" ? { body: page } : page;
  response.writeHead(status, { "content-type": "text/html; charset=utf-8", ...headers });
  response.end(body);
}
