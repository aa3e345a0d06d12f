import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { allRoutes } from "../../src/server/routes/all.js";
import { eventsRoutes } from "../../src/server/routes/events.js";
import { meRoutes } from "../../src/server/routes/me.js";
import { startHttp, usersOfEachRole } from "../support/console-http.js";
import { StreamListener } from "../support/event-stream.js";

const INDEX =
  '<!doctype html><html><head><meta charset="utf-8" />\n<base href="/" /><script src="./theme.js"></script></head><body></body></html>';
const SCRIPT = `export const text = ${JSON.stringify("x".repeat(2000))};`;

/** A folder as the pages' build leaves it. */
async function builtPages(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "lovage-web-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, "assets"));
  await writeFile(join(root, "index.html"), INDEX);
  await writeFile(join(root, "theme.js"), "document.documentElement.dataset.theme = 'dark';");
  await writeFile(join(root, "assets/main-BX3k9_a2.js"), SCRIPT);
  await writeFile(join(root, "assets/main-BX3k9_a2.js.gz"), gzipSync(SCRIPT));
  await writeFile(join(root, "assets/main-BX3k9_a2.js.br"), brotliCompressSync(SCRIPT));
  return root;
}

const PAGES = [
  "/",
  "/workers",
  "/workers/celery%40a%2Fb",
  "/tasks/50%25",
  "/task-types/q.%C3%A9%201",
  "/jobs/a/runs/b",
  "/settings/audit",
  "/login",
];

describe("pages", () => {
  test.each(PAGES)("%s is the document that reads its own address", async (path) => {
    const console = await startHttp({ webRoot: await builtPages() });
    const reply = await console.ask(path);
    expect(reply.status).toBe(200);
    expect(reply.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(reply.text).toContain('<base href="/">');
    expect(reply.text.match(/<base/g)).toHaveLength(1);
  });

  test("that there are not are answered 404 by the same document", async () => {
    const console = await startHttp({ webRoot: await builtPages() });
    for (const path of [
      "/nothing",
      "/workers/a/b/c",
      "/%2e%2e/etc",
      "/index.html",
      "/assets/main-BX3k9_a2.js.gz",
      "/api.html",
    ]) {
      const reply = await console.ask(path);
      expect([reply.status, reply.headers["content-type"]], path).toEqual([404, "text/html; charset=utf-8"]);
    }
  });

  test("allow styles by a number of their own, anew each time, and no script that is not a file of ours", async () => {
    const console = await startHttp({ webRoot: await builtPages() });
    const [first, second] = [await console.ask("/"), await console.ask("/")];
    const nonce = /<meta name="style-nonce" content="([\w-]{22})">/.exec(first.text)?.[1] ?? "?";
    expect(first.headers["content-security-policy"]).toContain(`style-src 'self' 'nonce-${nonce}'`);
    expect(first.headers["content-security-policy"]).toContain("script-src 'self';");
    expect(first.headers["cache-control"]).toBe("no-store");
    expect(second.text).not.toContain(nonce);
  });

  test("say that they were not built, while the API works", async () => {
    const console = await startHttp({ webRoot: join(tmpdir(), "no-such-folder"), routes: meRoutes });
    expect(await console.ask("/")).toMatchObject({ status: 503, json: { code: "pages_not_built" } });
    expect((await console.ask("/api/v1/me")).status).toBe(200);
  });

  test("of Flower lead to their like here, with names as they were written", async () => {
    const console = await startHttp({ webRoot: await builtPages(), options: { urlPrefix: "/x" } });
    const target = async (path: string) => (await console.ask(path)).headers.location;
    expect(await target("/x/worker/celery%40a%2Fb")).toBe("/x/workers/celery%40a%2Fb");
    expect(await target("/x/task/50%25")).toBe("/x/tasks/50%25");
    expect(await target("/x/broker")).toBe("/x/queues");
  });

  test("take no POST", async () => {
    const console = await startHttp({ webRoot: await builtPages() });
    expect((await console.ask("/tasks", { method: "POST" })).status).toBe(405);
  });
});

describe("files", () => {
  test("with a hash in their name are kept for good, others are asked for again", async () => {
    const console = await startHttp({ webRoot: await builtPages() });
    const hashed = await console.ask("/assets/main-BX3k9_a2.js");
    expect(hashed.text).toBe(SCRIPT);
    expect(hashed.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(hashed.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    const plain = await console.ask("/theme.js");
    expect(plain.headers["cache-control"]).toBe("no-cache");
    const again = await console.ask("/theme.js", { headers: { "if-none-match": plain.headers.etag ?? "" } });
    expect([again.status, again.text]).toEqual([304, ""]);
  });

  test.each([
    ["br, gzip", "br"],
    ["gzip", "gzip"],
    ["br;q=0, gzip;q=0.5", "gzip"],
    ["identity", undefined],
  ])("are sent as the browser can take them: %s", async (accepted, encoding) => {
    const console = await startHttp({ webRoot: await builtPages() });
    const reply = await console.ask("/assets/main-BX3k9_a2.js", { headers: { "accept-encoding": accepted } });
    expect(reply.headers["content-encoding"]).toBe(encoding);
    expect(reply.headers.vary).toBe("Accept-Encoding");
  });

  test.each([
    "/../package.json",
    "/..%2f..%2fpackage.json",
    "/assets/../../package.json",
    "/%2e%2e%2fpackage.json",
    "//etc/passwd",
    "/assets/%00",
  ])("beyond the folder are not served: %s", async (path) => {
    const console = await startHttp({ webRoot: await builtPages() });
    const reply = await console.ask(path);
    expect(reply.status).toBe(404);
    expect(reply.text).not.toContain("dependencies");
  });
});

describe("--url-prefix", () => {
  test("holds for pages, files, API, documents and streams", async () => {
    const console = await startHttp({
      webRoot: await builtPages(),
      routes: [...meRoutes, ...eventsRoutes],
      options: { urlPrefix: "/ops/lovage" },
    });
    expect(console.url).toBe(`${console.origin}/ops/lovage/`);
    for (const path of ["", "/", "/tasks/a%2Fb"]) {
      const reply = await console.ask(`/ops/lovage${path}`);
      expect(reply.status, path).toBe(200);
      expect(reply.text, path).toContain('<base href="/ops/lovage/">');
    }
    expect((await console.ask("/ops/lovage/assets/main-BX3k9_a2.js")).text).toBe(SCRIPT);
    expect((await console.ask("/ops/lovage/api/v1/me")).json).toMatchObject({ name: "local" });
    expect((await console.ask("/ops/lovage/api/v1/openapi.json")).json).toMatchObject({
      servers: [{ url: "/ops/lovage/" }],
    });
    expect((await console.ask("/ops/lovage/api/docs")).text).toContain('href="/ops/lovage/api/docs/style.css"');
    const listener = await StreamListener.open(console.url, "stats");
    listener.close();
  });

  test("may be taken off by a proxy on the way", async () => {
    const console = await startHttp({ webRoot: await builtPages(), routes: meRoutes, options: { urlPrefix: "/ops" } });
    expect((await console.ask("/tasks")).text).toContain('<base href="/ops/">');
    expect((await console.ask("/api/v1/me")).status).toBe(200);
    expect((await console.ask("/opsy/api/v1/me")).status).toBe(404);
  });
});

test("every reply says what pages may do, and that types are not to be guessed", async () => {
  const console = await startHttp({
    webRoot: await builtPages(),
    routes: meRoutes,
    options: { auth: "basic", users: await usersOfEachRole() },
  });
  const replies = [
    ...(await Promise.all(
      [
        "/",
        "/nothing",
        "/theme.js",
        "/healthz",
        "/readyz",
        "/api/docs",
        "/api/docs/style.css",
        "/api/v1/openapi.json",
        "/api/v1/me",
        "/api/nothing",
        "/worker/a",
      ].map((path) => console.ask(path)),
    )),
    await console.ask("/api/v1/logout", { method: "POST" }),
    await console.ask("/", { method: "OPTIONS" }),
    await console.ask("/", { method: "PROPFIND" }),
    await console.ask("/", { headers: { host: "a b" } }),
  ];
  for (const reply of replies) {
    expect(reply.headers["content-security-policy"]).toMatch(
      /^default-src 'self'; script-src 'self'; .*frame-ancestors 'none'/,
    );
    expect(reply.headers["x-content-type-options"]).toBe("nosniff");
    expect(reply.headers["referrer-policy"]).toBe("same-origin");
    expect(reply.headers["content-security-policy"]).not.toContain("unsafe");
  }
});

describe("health", () => {
  test("says that the console runs, and whether it can serve", async () => {
    let broker: string | null = null;
    const check = async () => ({ store: null, broker });
    const state = { url: "", reachable: true, error: null, capabilities: {} };
    const console = await startHttp({
      parts: { health: { broker: state, backend: { url: null, capabilities: {} }, check } },
    });
    expect((await console.ask("/healthz")).text).toBe("ok\n");
    expect(await console.ask("/readyz")).toMatchObject({ status: 200, json: { store: "ok", broker: "ok" } });
    broker = "redis://secret is away";
    const reply = await console.ask("/readyz");
    expect(reply).toMatchObject({ status: 503, json: { store: "ok", broker: "unavailable" } });
    expect((await console.ask("/healthz")).status).toBe(200);
  });
});

describe("the API's document", () => {
  interface Document {
    readonly openapi: string;
    readonly paths: Record<
      string,
      Record<
        string,
        { operationId: string; summary: string; description: string; parameters?: { name: string; in: string }[] }
      >
    >;
  }

  test("is the route table, no more and no less", async () => {
    const console = await startHttp({ routes: allRoutes });
    const document = (await console.ask("/api/v1/openapi.json")).json as Document;
    expect(document.openapi).toBe("3.1.0");
    const documented = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    const table = allRoutes.map(({ definition }) => `${definition.method} /api/v1${definition.path}`);
    expect([...documented].sort()).toEqual([...table].sort());
    for (const { definition } of allRoutes) {
      const operation = document.paths[`/api/v1${definition.path}`]?.[definition.method];
      expect(operation?.summary, definition.path).toBe(definition.summary);
      const inPath = (operation?.parameters ?? []).filter((each) => each.in === "path").map(({ name }) => name);
      expect(inPath, definition.path).toEqual([...definition.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });

  test("has a name of its own for each route", () => {
    const table = allRoutes.map(({ definition }) => `${definition.method} ${definition.path}`);
    expect(new Set(table).size).toBe(table.length);
  });

  test("has a reader that needs no script and no other host", async () => {
    const console = await startHttp({ routes: allRoutes });
    const page = await console.ask("/api/docs");
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.text).not.toMatch(/<script|https?:\/\/(?!json-schema)/);
    expect(page.text).toContain("/api/v1/audit");
    expect((await console.ask("/api/docs/style.css")).headers["content-type"]).toBe("text/css; charset=utf-8");
  });
});

test("the table names an action for each route that may change something, and never leaves one to viewers that others must not do", () => {
  const VIEWERS_OWN = new Set(["save view", "change view", "delete view", "log in", "log out"]);
  for (const { definition } of allRoutes) {
    if (definition.method === "get") continue;
    const name = `${definition.method} ${definition.path}`;
    expect(definition.audit, name).toBeDefined();
    if (definition.role === "viewer") expect(VIEWERS_OWN.has(definition.audit?.action ?? ""), name).toBe(true);
  }
});
