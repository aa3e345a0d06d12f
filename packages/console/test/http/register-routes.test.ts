import { z } from "@hono/zod-openapi";
import { BrokerConnectionError } from "lovage";
import { deferred } from "lovage/internal";
import { describe, expect, test } from "vitest";
import { ApiError, RouteReply, route, StreamReply } from "../../src/server/route.js";
import { StoreError } from "../../src/server/store/store-error.js";
import { basic, startHttp, usersOfEachRole } from "../support/console-http.js";

const Anything = z.unknown();

/** A GET that answers with what `answer` returns or throws. */
function getting(answer: () => unknown) {
  return route(
    { method: "get", path: "/thing", tag: "test", summary: "x", role: "viewer", response: Anything },
    async () => answer(),
  );
}

const named = route(
  {
    method: "get",
    path: "/things/{name}/parts/{part}",
    tag: "test",
    summary: "Says its parameters",
    role: "viewer",
    params: z.object({ name: z.string(), part: z.string() }),
    response: Anything,
  },
  async ({ params }) => params,
);

describe("parameters of paths", () => {
  test.each(["celery@a/b", "50%", "q.é 1", "a%2Fb", "?x#y;z", "日本", "+"])("come decoded once: %s", async (name) => {
    const console = await startHttp({ routes: [named] });
    const reply = await console.ask(
      `/api/v1/things/${encodeURIComponent(name)}/parts/${encodeURIComponent(`${name}!`)}`,
    );
    expect(reply.json).toEqual({ name, part: `${name}!` });
  });

  test("are taken as they are where somebody left a percent sign bare", async () => {
    const console = await startHttp({ routes: [named] });
    expect((await console.ask("/api/v1/things/50%/parts/a")).json).toEqual({ name: "50%", part: "a" });
  });

  test("never catch a path that the table has by name", async () => {
    const one = route(
      {
        method: "get",
        path: "/things/{id}",
        tag: "t",
        summary: "x",
        role: "viewer",
        params: z.object({ id: z.string() }),
        response: Anything,
      },
      async ({ params }) => params.id,
    );
    const fixed = route(
      { method: "get", path: "/things/preview", tag: "t", summary: "x", role: "viewer", response: Anything },
      async () => "fixed",
    );
    const console = await startHttp({ routes: [one, fixed] });
    expect((await console.ask("/api/v1/things/preview")).json).toBe("fixed");
    expect((await console.ask("/api/v1/things/other")).json).toBe("other");
  });
});

describe("what cannot be read", () => {
  const sending = route(
    {
      method: "post",
      path: "/send",
      tag: "test",
      summary: "x",
      role: "operator",
      query: z.object({ limit: z.coerce.number().int().min(1).default(5) }),
      body: z.object({ args: z.array(z.object({ url: z.string() })), n: z.number().default(1) }),
      response: Anything,
      audit: { action: "send", target: () => "" },
    },
    async ({ body, query }) => ({ body, query }),
  );
  const post = async (body: unknown, options: { path?: string; headers?: Record<string, string> } = {}) => {
    const console = await startHttp({ routes: [sending] });
    return console.ask(options.path ?? "/api/v1/send", { method: "POST", body, headers: options.headers ?? {} });
  };

  test("is answered with every place that is wrong", async () => {
    const reply = await post({ args: [{ url: 1 }], n: "x" });
    expect(reply.status).toBe(400);
    expect(reply.json).toMatchObject({
      type: "about:blank",
      title: "Bad Request",
      status: 400,
      code: "validation",
      errors: [{ path: "args[0].url" }, { path: "n" }],
    });
  });

  test("names a query's parameter", async () => {
    const reply = await post({ args: [] }, { path: "/api/v1/send?limit=none" });
    expect(reply.json).toMatchObject({ code: "validation", errors: [{ path: "limit" }] });
  });

  test("does not count a query's parameter that is empty", async () => {
    expect((await post({ args: [] }, { path: "/api/v1/send?limit=" })).json).toMatchObject({ query: { limit: 5 } });
  });

  test.each(['{"args": [', "hello", "\u0000", `${"[".repeat(200_000)}${"]".repeat(200_000)}`])(
    "is a body that is no JSON or none to read",
    async (body) => {
      const reply = await post(body, { headers: { "content-type": "application/json" } });
      expect(reply.status).toBe(400);
    },
  );

  test("is a body of another type, which other pages can send without asking", async () => {
    const reply = await post('{"args":[]}', { headers: { "content-type": "text/plain" } });
    expect(reply).toMatchObject({ status: 415, json: { code: "unsupported_media_type" } });
  });

  test.each([true, false])(
    "is a body of more than a megabyte, whether it says so before (%s) or not",
    async (saysSo) => {
      const text = JSON.stringify({ args: [], padding: "x".repeat(1024 * 1024) });
      const headers: Record<string, string> = saysSo
        ? { "content-length": String(text.length) }
        : { "transfer-encoding": "chunked" };
      const reply = await post(text, { headers: { "content-type": "application/json", ...headers } });
      expect(reply).toMatchObject({ status: 413, json: { code: "body_too_large" } });
    },
  );
});

describe("errors", () => {
  test.each([
    [new ApiError(409, "conflict", "no", { retryAfter: 3 }), 409, "conflict", "no"],
    [new ApiError(400, "bad_query", "here", { position: 4 }), 400, "bad_query", "here"],
    [new StoreError("the file is locked"), 503, "store_unavailable", "the file is locked"],
    [
      new BrokerConnectionError("no answer from redis://u:secret@h/0"),
      503,
      "broker_connection",
      "no answer from redis://u:********@h/0",
    ],
  ])("%s has its own status and code", async (error, status, code, detail) => {
    const console = await startHttp({
      routes: [
        getting(() => {
          throw error;
        }),
      ],
    });
    const reply = await console.ask("/api/v1/thing");
    expect(reply.status).toBe(status);
    expect(reply.headers["content-type"]).toBe("application/problem+json");
    expect(reply.json).toMatchObject({ status, code, detail });
  });

  test("that nobody foresaw tell a client nothing but where the log has more", async () => {
    const logged: unknown[] = [];
    const logger = {
      debug() {},
      info() {},
      warn() {},
      error: (_text: string, fields?: object) => void logged.push(fields),
    };
    const failure = new TypeError("secret of the inside");
    const console = await startHttp({
      logger,
      routes: [
        getting(() => {
          throw failure;
        }),
      ],
    });
    const reply = await console.ask("/api/v1/thing");
    expect(reply).toMatchObject({ status: 500, json: { code: "internal" } });
    expect(reply.text).not.toContain("secret");
    expect(logged).toMatchObject([{ error: failure }]);
  });

  test("of a path that is not there are JSON under /api", async () => {
    const console = await startHttp();
    for (const path of ["/api/v1/nothing", "/api/nothing", "/api/v1"]) {
      expect((await console.ask(path)).json, path).toMatchObject({ status: 404, code: "not_found" });
    }
  });
});

describe("deadlines", () => {
  test("end a handler's signal, then the request", async () => {
    const aborted = deferred<unknown>();
    const slow = route(
      { method: "get", path: "/slow", tag: "test", summary: "x", role: "viewer", response: Anything, deadline: 0.05 },
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted.resolve(signal.reason);
            reject(signal.reason);
          });
        }),
    );
    const console = await startHttp({ routes: [slow] });
    expect(await console.ask("/api/v1/slow")).toMatchObject({ status: 504, json: { code: "deadline_exceeded" } });
    expect(await aborted.promise).toBeInstanceOf(ApiError);
  });
});

describe("replies", () => {
  test("keep all digits of whole numbers", async () => {
    const console = await startHttp({ routes: [getting(() => ({ n: 2n ** 60n, m: 1 }))] });
    expect((await console.ask("/api/v1/thing")).json).toEqual({ n: { $bigint: "1152921504606846976" }, m: 1 });
  });

  test("have the status and headers that a handler chose", async () => {
    const console = await startHttp({
      routes: [getting(() => new RouteReply({ a: 1 }, { status: 202, headers: { etag: '"7"' } }))],
    });
    const reply = await console.ask("/api/v1/thing");
    expect(reply).toMatchObject({ status: 202, json: { a: 1 } });
    expect(reply.headers.etag).toBe('"7"');
  });

  test("are never kept by a browser", async () => {
    const console = await startHttp({ routes: [getting(() => 1)] });
    expect((await console.ask("/api/v1/thing")).headers["cache-control"]).toBe("no-store");
  });

  test("that are made while they are sent are made no faster than the client takes them", async () => {
    let made = 0;
    const ended = deferred<void>();
    async function* lines() {
      try {
        for (; made < 100_000; made++) yield `${"x".repeat(1000)}\n`;
      } finally {
        ended.resolve();
      }
    }
    const console = await startHttp({
      routes: [getting(() => new StreamReply(lines(), { contentType: "text/csv", fileName: 'a"b/ü.csv' }))],
    });
    const response = await fetch(`${console.origin}/api/v1/thing`);
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="a_b_.csv"');
    const reader = response.body?.getReader();
    await reader?.read();
    // The client takes no more; what the sockets hold is full at some time, and a client that leaves ends it.
    await reader?.cancel();
    await ended.promise;
    expect(made).toBeLessThan(20_000);
  });
});

describe("roles and the audit trail", () => {
  const acting = route(
    {
      method: "post",
      path: "/things/{name}/purge",
      tag: "test",
      summary: "x",
      role: "admin",
      params: z.object({ name: z.string() }),
      body: z.object({ password: z.string().optional(), args: z.array(z.unknown()).default([]) }),
      response: Anything,
      audit: { action: "purge", target: ({ params }) => `queue ${params.name}` },
    },
    async () => ({
      outcomes: [
        { target: "a", outcome: "done", detail: "" },
        { target: "b", outcome: "refused", detail: "" },
      ],
    }),
  );

  test("refuse who may not, and write one line for each request, without secrets", async () => {
    const console = await startHttp({ routes: [acting], options: { auth: "basic", users: await usersOfEachRole() } });
    const path = "/api/v1/things/q%2F1/purge";
    const body = { password: "hush", args: ["redis://u:hush@h"] };
    const statuses = [];
    for (const role of ["viewer", "operator", "admin"]) {
      statuses.push((await console.ask(path, { method: "POST", body, headers: basic(role, `pass-${role}`) })).status);
    }
    expect(statuses).toEqual([403, 403, 200]);
    const { items } = await console.audit.list({}, { limit: 10, sort: "at" });
    expect(items.map(({ user, action, target, outcome }) => [user, action, target, outcome])).toEqual([
      ["viewer", "purge", "q/1", "refused: forbidden"],
      ["operator", "purge", "q/1", "refused: forbidden"],
      ["admin", "purge", "queue q/1", "1 done, 1 refused"],
    ]);
    expect(items[2]).toMatchObject({
      role: "admin",
      via: "api",
      address: "127.0.0.1",
      parameters: { password: "********" },
    });
    expect(JSON.stringify(items)).not.toContain("hush");
  });

  test("make everybody a viewer in a read-only console", async () => {
    const console = await startHttp({ routes: [acting], options: { readOnly: true } });
    const reply = await console.ask("/api/v1/things/x/purge", { method: "POST", body: {} });
    expect(reply).toMatchObject({ status: 403, json: { code: "forbidden" } });
  });
});
