import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import type { LiveEventName, LiveEvents } from "../../src/api/live.js";
import type { Me } from "../../src/api/operations.js";
import { nameOfSegment } from "../../src/api/path-names.js";
import { pageOf, SampleData } from "./sample-data.js";

export interface FixtureOptions {
  readonly port?: number;
  readonly urlPrefix?: string;
  readonly role?: Me["role"];
  /** Answers instead of the sample data: `"GET overview": () => ({ status: 500, body: problem })`. */
  readonly answers?: Readonly<Record<string, (request: FixtureRequest) => FixtureAnswer | undefined>>;
  /** Sends stats each second, as a busy console does. Default true. */
  readonly lively?: boolean;
  /** Whether looking into queues disturbs them. Default "disturbs". */
  readonly peek?: "clean" | "disturbs";
  /** Folder of the built pages. Default: dist/web. */
  readonly web?: string;
}
export interface FixtureRequest {
  readonly query: URLSearchParams;
  readonly body: unknown;
}
export interface FixtureAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const WEB = fileURLToPath(new URL("../../dist/web/", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".html": "text/html",
};

/**
 * The built pages over sample data, with the real console's headers: for looking at pages, and for tests of pages alone.
 * It keeps no state: what is sent to it is noted in `requests` and answered as if it had been done.
 */
export class FixtureConsole {
  readonly #options: FixtureOptions;
  readonly #data = new SampleData();
  readonly #streams = new Set<ServerResponse>();
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly body: unknown;
    readonly headers: IncomingMessage["headers"];
  }[] = [];
  #server: Server | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastId = 0;

  constructor(options: FixtureOptions = {}) {
    this.#options = options;
  }

  get #peek(): "clean" | "disturbs" {
    return this.#options.peek ?? "disturbs";
  }
  get openStreams(): number {
    return this.#streams.size;
  }
  get data(): SampleData {
    return this.#data;
  }

  /** Its address, without a slash at the end. */
  async start(): Promise<string> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#options.port ?? 0, "127.0.0.1", resolve));
    if (this.#options.lively !== false) this.#timer = setInterval(() => this.#tick(), 1000);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}${this.#options.urlPrefix ?? ""}`;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const server = this.#server;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }

  /** To every open stream. */
  send<E extends LiveEventName>(event: E, data: LiveEvents[E]): void {
    this.#lastId++;
    for (const stream of this.#streams)
      stream.write(`id: ${this.#lastId}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** As if the line broke. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #tick(): void {
    const { tiles } = this.#data.overview();
    this.send("stats", { ...tiles, running: 10 + (this.#lastId % 6), finishedPerMinute: 790 + (this.#lastId % 40) });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const prefix = this.#options.urlPrefix ?? "";
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (!url.pathname.startsWith(prefix)) return void response.writeHead(404).end();
    const path = url.pathname.slice(prefix.length);
    if (path === "/api/v1/events") return this.#openStream(request, response);
    if (path.startsWith("/api/v1/")) return this.#answerApi(path.slice("/api/v1/".length), url, request, response);
    await this.#servePage(path, response);
  }

  #openStream(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(": hello\n\n");
    this.#streams.add(response);
    request.on("close", () => this.#streams.delete(response));
  }

  async #servePage(path: string, response: ServerResponse): Promise<void> {
    const nonce = randomBytes(16).toString("base64url");
    response.setHeader(
      "content-security-policy",
      `default-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; frame-ancestors 'none'`,
    );
    const file = normalize(path).replace(/^\/+/, "");
    const content =
      extname(file) === "" ? undefined : await readFile(join(this.#options.web ?? WEB, file)).catch(() => undefined);
    if (content)
      return void response
        .writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" })
        .end(content);
    const index = await readFile(join(this.#options.web ?? WEB, "index.html"), "utf8");
    const tags = `<base href="${this.#options.urlPrefix ?? ""}/"><meta name="style-nonce" content="${nonce}">`;
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(index.replace(/<base [^>]*>/, tags));
  }

  async #answerApi(path: string, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? "GET";
    const body = await readBody(request);
    this.requests.push({ method, path, body, headers: request.headers });
    const own = this.#options.answers?.[`${method} ${path}`]?.({ query: url.searchParams, body });
    const answer = own ?? this.#sample(method, path, url.searchParams, body);
    const problem =
      typeof answer.body === "object" && answer.body !== null && "code" in answer.body && "status" in answer.body;
    response.writeHead(answer.status ?? 200, {
      "content-type": problem ? "application/problem+json" : "application/json",
      ...answer.headers,
    });
    response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
  }

  #sample(method: string, path: string, query: URLSearchParams, body: unknown): FixtureAnswer {
    if (method !== "GET") return { body: this.#bulk(path, body) ?? this.#done(path) };
    const parts = path.split("/").map((segment) => nameOfSegment(decodeURIComponent(segment)));
    const found = this.#read(parts, query);
    return found === undefined
      ? {
          status: 404,
          body: {
            type: "about:blank",
            title: "Not found",
            status: 404,
            code: "not_found",
            detail: `There is no ${path}.`,
          },
        }
      : { body: found };
  }

  /** To several workers: each answers in its own way. */
  #bulk(path: string, body: unknown): unknown {
    if (!path.startsWith("workers/bulk/") || typeof body !== "object" || body === null || !("workers" in body))
      return undefined;
    const workers: readonly unknown[] = Array.isArray(body.workers) ? body.workers : [];
    const answers = [
      { outcome: "done", detail: "pong" },
      { outcome: "refused", detail: "All processes busy" },
      { outcome: "no-answer", detail: "did not answer" },
    ] as const;
    return {
      outcomes: workers.map((worker, place) => ({ target: String(worker), ...answers[place % answers.length] })),
    };
  }

  #done(path: string): unknown {
    if (path === "operations") return this.#data.operations()[0];
    if (path === "tokens") return { ...this.#data.tokens()[0], token: "lvg_3f9c0a7b51d84e6f9a" };
    if (path === "tasks" || /\/(rerun|retry)$/.test(path)) return { id: "9f6c1d0e-3b7a-4c55-8e21-000000000001" };
    if (/^queues\/[^/]+\/(purge|move)$/.test(path) || path.includes("/messages/")) return { count: 56 };
    if (path.startsWith("dead-letters/"))
      return { count: 1, outcomes: [{ target: "9f6c1d0e", outcome: "done", detail: "sent to default" }] };
    if (path.endsWith("/runs")) return { id: "run-0", number: 43 };
    return { outcomes: [{ target: "celery@web-1", outcome: "done", detail: "ok" }] };
  }

  #read([resource = "", id, part]: readonly string[], query: URLSearchParams): unknown {
    const data = this.#data;
    switch (resource) {
      case "me":
        return data.me(this.#options.role);
      case "overview":
        return data.overview();
      case "attention":
        return { items: data.overview().attention };
      case "series":
        return data.series(query.get("metric") ?? "", query.get("range") ?? "1h");
      case "tasks":
        return id === undefined ? this.#tasks(query) : this.#task(id, part);
      case "errors":
        return { ...pageOf(data.errors()), from: data.ago(86_400), to: data.ago(0) };
      case "task-types":
        return id === undefined ? { items: data.taskTypes() } : this.#taskType(id, part);
      case "workers":
        return id === undefined ? data.workers() : data.workerDetail(id);
      case "queues":
        if (id === undefined) return { items: data.queues(query.get("internal") === "true"), peek: this.#peek };
        return part === "messages"
          ? { items: data.messages(), peek: this.#peek, ready: 56 }
          : data.queueDetail(id, this.#peek);
      case "dead-letters":
        return data.deadLetters(query);
      case "jobs":
        return id === undefined ? { items: data.jobs() } : this.#job(id, part);
      case "runs":
        return data.runDetail(id ?? "");
      case "operations":
        if (id === "stop-all") return { waiting: 50, running: 5 };
        return id === undefined ? pageOf(data.operations()) : data.operation(id);
      case "audit":
        return pageOf(data.audit(), 812);
      case "users":
        return { items: data.users() };
      case "tokens":
        return { items: data.tokens() };
      case "system":
        return data.system();
      case "views":
        return { items: data.me().views };
      default:
        return undefined;
    }
  }

  #tasks(query: URLSearchParams): unknown {
    const wanted = query.get("state")?.split(",");
    const tasks = this.#data.tasks().filter((task) => wanted === undefined || wanted.includes(task.state));
    return {
      ...pageOf(tasks, wanted === undefined ? 1_204_331 : tasks.length),
      searched: null,
      states: {
        PENDING: 12,
        SCHEDULED: 3,
        RECEIVED: 24,
        STARTED: 13,
        RETRY: 4,
        SUCCESS: 1_180_400,
        FAILURE: 3_412,
        REVOKED: 88,
        LOST: 3,
        CRAWLING: 2,
      },
    };
  }

  #task(id: string, part: string | undefined): unknown {
    switch (part) {
      case undefined:
        return this.#data.taskDetail(id);
      case "attempts":
        return { items: this.#data.attempts() };
      case "logs":
        return { items: this.#data.logs(id), nextSeq: 61, cut: false };
      case "events":
        return { items: this.#data.taskEvents() };
      case "canvas":
        return { rootId: id, tasks: this.#data.tasks().slice(0, 6), cut: false };
      case "raw":
        return { message: null, result: { status: "FAILURE" }, events: this.#data.taskEvents() };
      default:
        return undefined;
    }
  }

  #taskType(name: string, part: string | undefined): unknown {
    const type = this.#data.taskTypes().find((each) => each.name === name);
    return part === "schema" ? (type?.schema ?? {}) : type;
  }

  #job(slug: string, part: string | undefined): unknown {
    if (part === "runs") return pageOf(this.#data.runs());
    if (part === "stats") return this.#data.jobStats();
    if (part === "logs")
      return { items: this.#data.logs("run-0").map((line) => ({ ...line, run: 42 })), nextBefore: null };
    return this.#data.jobs().find((job) => job.slug === slug);
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? undefined : JSON.parse(text);
}
