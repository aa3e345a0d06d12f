import { z } from "@hono/zod-openapi";
import { describe, expect, test } from "vitest";
import { route } from "../../src/server/route.js";
import { basic, startHttp, usersOfEachRole } from "../support/console-http.js";

/** A route that counts how often it acted. */
function acting() {
  const acts: string[] = [];
  const act = route(
    {
      method: "post",
      path: "/things/{name}/act",
      tag: "test",
      summary: "Acts",
      role: "operator",
      params: z.object({ name: z.string() }),
      response: z.object({ acted: z.boolean() }),
      audit: { action: "act", target: ({ params }) => params.name ?? "" },
    },
    async ({ params }) => {
      acts.push(params.name);
      return { acted: true };
    },
  );
  return { acts, routes: [act] };
}

const ACT = "/api/v1/things/x/act";

describe("a request that acts, in mode none", () => {
  test("is let in from the console's own page", async () => {
    const { acts, routes } = acting();
    const console = await startHttp({ routes });
    const reply = await console.ask(ACT, {
      method: "POST",
      headers: { "sec-fetch-site": "same-origin", origin: console.origin },
    });
    expect(reply.status).toBe(200);
    expect(acts).toEqual(["x"]);
  });

  test.each(["cross-site", "same-site", "none"])(
    "is refused when the browser says Sec-Fetch-Site: %s",
    async (site) => {
      const { acts, routes } = acting();
      const console = await startHttp({ routes });
      const reply = await console.ask(ACT, {
        method: "POST",
        headers: { "sec-fetch-site": site, origin: console.origin },
      });
      expect(reply.status).toBe(403);
      expect(reply.json).toMatchObject({ code: "cross_site" });
      expect(reply.headers["content-type"]).toBe("application/problem+json");
      expect(acts).toEqual([]);
    },
  );

  test.each(["https://evil.example", "null", "http://127.0.0.1:1"])(
    "is refused from the origin %s of a browser without Sec-Fetch-Site",
    async (origin) => {
      const { acts, routes } = acting();
      const console = await startHttp({ routes });
      const reply = await console.ask(ACT, { method: "POST", headers: { origin } });
      expect(reply.status).toBe(403);
      expect(acts).toEqual([]);
    },
  );

  test("is let in from the own origin of a browser without Sec-Fetch-Site", async () => {
    const { acts, routes } = acting();
    const console = await startHttp({ routes });
    const reply = await console.ask(ACT, { method: "POST", headers: { origin: console.origin } });
    expect(reply.status).toBe(200);
    expect(acts).toEqual(["x"]);
  });

  test("needs no credentials from a program, which sends neither header", async () => {
    const { acts, routes } = acting();
    const console = await startHttp({ routes });
    expect((await console.ask(ACT, { method: "POST" })).status).toBe(200);
    expect(acts).toEqual(["x"]);
  });

  test("is refused, as is any other, for a host name that is not this machine's", async () => {
    const { acts, routes } = acting();
    const console = await startHttp({ routes });
    for (const host of [
      "evil.example",
      "evil.example:8000",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "10.0.0.1",
    ]) {
      expect((await console.ask(ACT, { method: "POST", headers: { host } })).json, host).toMatchObject({
        code: "wrong_host",
      });
      expect((await console.ask("/api/v1/openapi.json", { headers: { host } })).status, host).toBe(403);
    }
    expect(acts).toEqual([]);
  });

  test("may come to localhost by any of its names and through any port", async () => {
    const console = await startHttp();
    for (const host of ["localhost", "LOCALHOST:9000", "127.0.0.1:1", "127.1.2.3", "[::1]:8000"]) {
      expect((await console.ask("/api/v1/openapi.json", { headers: { host } })).status, host).toBe(200);
    }
  });
});

describe("a request that acts, with logins", () => {
  async function withLogins() {
    const { acts, routes } = acting();
    const console = await startHttp({ routes, options: { auth: "basic", users: await usersOfEachRole() } });
    return { acts, console };
  }

  test("is let in for curl with credentials", async () => {
    const { acts, console } = await withLogins();
    expect((await console.ask(ACT, { method: "POST", headers: basic("operator", "pass-operator") })).status).toBe(200);
    expect(acts).toEqual(["x"]);
  });

  test("is refused without Sec-Fetch-Site, Origin and credentials", async () => {
    const { acts, console } = await withLogins();
    expect((await console.ask(ACT, { method: "POST" })).json).toMatchObject({ status: 403, code: "cross_site" });
    expect(acts).toEqual([]);
  });

  test("is refused from another page although the browser adds the user's Basic credentials", async () => {
    const { acts, console } = await withLogins();
    const headers = { ...basic("admin", "pass-admin"), "sec-fetch-site": "cross-site", origin: "https://evil.example" };
    expect((await console.ask(ACT, { method: "POST", headers })).status).toBe(403);
    expect(acts).toEqual([]);
    const { items } = await console.audit.list({}, { limit: 10 });
    expect(items).toMatchObject([{ user: "admin", action: `POST ${ACT}`, outcome: "refused: cross_site" }]);
  });

  test("is refused on routes that others put at the root, and let in there for an operator", async () => {
    const acts: string[] = [];
    const console = await startHttp({
      options: { auth: "basic", users: await usersOfEachRole() },
      extraRoutes: (app) =>
        void app.post("/api/worker/shutdown/:name", (context) => {
          acts.push(context.req.param("name"));
          context.get("note").action = "shut down worker";
          return context.json({ message: "Shutting down!" });
        }),
    });
    const path = "/api/worker/shutdown/celery%40a%2Fb";
    const forged = { ...basic("admin", "pass-admin"), "sec-fetch-site": "cross-site" };
    expect((await console.ask(path, { method: "POST", headers: forged })).status).toBe(403);
    expect((await console.ask(path, { method: "POST", headers: { origin: console.origin } })).status).toBe(401);
    expect((await console.ask(path, { method: "POST", headers: basic("viewer", "pass-viewer") })).status).toBe(403);
    expect(acts).toEqual([]);
    expect((await console.ask(path, { method: "POST", headers: basic("operator", "pass-operator") })).status).toBe(200);
    expect(acts).toEqual(["celery@a/b"]);
    const { items } = await console.audit.list({}, { limit: 10, sort: "at" });
    expect(items.map(({ user, via, outcome }) => ({ user, via, outcome }))).toEqual([
      { user: "admin", via: "flower", outcome: "refused: cross_site" },
      { user: "", via: "flower", outcome: "refused: unauthenticated" },
      { user: "viewer", via: "flower", outcome: "refused: forbidden" },
      { user: "operator", via: "flower", outcome: "done" },
    ]);
  });

  test("knows its own origin behind a proxy that is trusted, by what that proxy says", async () => {
    const { acts, routes } = acting();
    const console = await startHttp({
      routes,
      options: { auth: "header", trustProxy: ["127.0.0.0/8"], headerRole: "operator" },
    });
    const headers = { "x-forwarded-user": "ann", "x-forwarded-host": "console.example", "x-forwarded-proto": "https" };
    const own = await console.ask(ACT, { method: "POST", headers: { ...headers, origin: "https://console.example" } });
    const plain = await console.ask(ACT, { method: "POST", headers: { ...headers, origin: "http://console.example" } });
    expect([own.status, plain.status]).toEqual([200, 403]);
    expect(acts).toEqual(["x"]);
  });
});

describe("pages of other origins", () => {
  test("read nothing unless their origin is listed", async () => {
    const console = await startHttp({ options: { corsOrigins: ["https://board.example"] } });
    const listed = await console.ask("/api/v1/openapi.json", { headers: { origin: "https://board.example" } });
    const other = await console.ask("/api/v1/openapi.json", { headers: { origin: "https://board.example.evil" } });
    expect(listed.headers["access-control-allow-origin"]).toBe("https://board.example");
    expect(listed.headers["access-control-allow-credentials"]).toBeUndefined();
    expect(other.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("may ask to read, and are not offered to act", async () => {
    const { acts, routes } = acting();
    const console = await startHttp({ routes, options: { corsOrigins: ["https://board.example"] } });
    const headers = { origin: "https://board.example", "access-control-request-method": "POST" };
    const preflight = await console.ask(ACT, { method: "OPTIONS", headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers["access-control-allow-methods"]).toBe("GET, HEAD");
    const post = await console.ask(ACT, {
      method: "POST",
      headers: { origin: "https://board.example", "sec-fetch-site": "cross-site" },
    });
    expect(post.status).toBe(403);
    expect(acts).toEqual([]);
  });

  test("get no CORS headers where no origin is listed", async () => {
    const console = await startHttp();
    const reply = await console.ask("/api/v1/openapi.json", { headers: { origin: "https://board.example" } });
    expect(reply.headers["access-control-allow-origin"]).toBeUndefined();
  });
});
