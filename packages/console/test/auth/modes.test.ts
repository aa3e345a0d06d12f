import { describe, expect, test } from "vitest";
import { HeldClock } from "../../../lovage/test/support/held-clock.js";
import type { ConsoleOptions } from "../../src/server/console-options.js";
import { meRoutes } from "../../src/server/routes/me.js";
import { tokensRoutes } from "../../src/server/routes/tokens.js";
import { viewsRoutes } from "../../src/server/routes/views.js";
import { basic, startHttp, usersOfEachRole } from "../support/console-http.js";

const routes = [...meRoutes, ...tokensRoutes, ...viewsRoutes];

describe("a console that everybody or nobody could use refuses to start", () => {
  test.each<[string, Partial<ConsoleOptions>, string, RegExp]>([
    [
      "without logins on all addresses",
      { auth: "none", host: "0.0.0.0" },
      "console_needs_auth",
      /--auth basic.*127\.0\.0\.1/,
    ],
    ["without logins on an address of the network", { auth: "none", host: "192.168.1.5" }, "console_needs_auth", /./],
    ["without logins on a name", { auth: "none", host: "console.example" }, "console_needs_auth", /./],
    [
      "with logins and no user",
      { auth: "basic" },
      "console_no_users",
      /LOVAGE_CONSOLE_USERS="\$\(lovage console hash-password/,
    ],
    ["with logins and users of a proxy only", { auth: "basic", users: ["ann:admin"] }, "console_no_users", /./],
    ["with a header anybody could send", { auth: "header" }, "console_needs_trust_proxy", /--trust-proxy/],
    [
      "with proxies that are no addresses",
      { auth: "header", trustProxy: ["10.0.0.0/33"] },
      "console_bad_trust_proxy",
      /10\.0\.0\.0\/33/,
    ],
    [
      "with a user without a role",
      { auth: "basic", users: ["ann:boss:x"] },
      "console_bad_users",
      /viewer, operator, admin/,
    ],
    [
      "with a user whose hash is a password",
      { auth: "basic", users: ["ann:admin:hunter2"] },
      "console_bad_users",
      /^(?!.*hunter2)/,
    ],
    [
      "with a user that is listed twice",
      { auth: "basic", users: ["ann:admin", "ann:viewer"] },
      "console_bad_users",
      /twice/,
    ],
  ])("%s", async (_what, options, code, message) => {
    await expect(startHttp({ options })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

test.each(["127.0.0.1", "::1", "localhost"])(
  "without logins everybody on this machine is an admin: %s",
  async (host) => {
    const console = await startHttp({ routes, options: { host } });
    const port = new URL(console.origin).port;
    const reply = await console.ask("/api/v1/me", { headers: { host: `localhost:${port}` } });
    expect(reply.json).toMatchObject({ name: "local", role: "admin", authMode: "none", environment: { name: "test" } });
  },
);

test("pages load without a login, and the API does not answer", async () => {
  const console = await startHttp({ routes, options: { auth: "basic", users: await usersOfEachRole() } });
  const reply = await console.ask("/api/v1/me");
  expect(reply).toMatchObject({ status: 401, json: { code: "unauthenticated" } });
  // A challenge for Basic would open the browser's own window over the login page.
  expect(reply.headers["www-authenticate"]).toBe("Bearer");
  expect((await console.ask("/healthz")).status).toBe(200);
  expect((await console.ask("/api/docs")).status).toBe(200);
});

test.each(["Digest x", "Bearer", "Bearer nonsense", "Basic %%%", "nonsense"])(
  "credentials that are none are refused: %s",
  async (authorization) => {
    const console = await startHttp({ routes, options: { auth: "basic", users: await usersOfEachRole() } });
    expect((await console.ask("/api/v1/me", { headers: { authorization } })).status).toBe(401);
  },
);

describe("a proxy's header", () => {
  const options = { auth: "header", headerRole: "operator", users: ["ann:admin"] } as const;

  test("names the user when it comes from a trusted proxy", async () => {
    const console = await startHttp({ routes, options: { ...options, trustProxy: ["127.0.0.1"] } });
    const me = async (user: string) =>
      (await console.ask("/api/v1/me", { headers: { "x-forwarded-user": user } })).json;
    expect(await me("ann")).toMatchObject({ name: "ann", role: "admin", authMode: "header" });
    expect(await me("bob")).toMatchObject({ name: "bob", role: "operator" });
    expect((await console.ask("/api/v1/me")).status).toBe(401);
  });

  test("names nobody when it comes from anywhere else", async () => {
    const console = await startHttp({ routes, options: { ...options, trustProxy: ["10.0.0.0/8"] } });
    expect((await console.ask("/api/v1/me", { headers: { "x-forwarded-user": "ann" } })).status).toBe(401);
    expect(
      (await console.ask("/api/v1/me", { headers: { "x-forwarded-user": "ann", "x-forwarded-for": "10.0.0.1" } }))
        .status,
    ).toBe(401);
  });

  test("tells the client's address, which is the last that no trusted proxy added", async () => {
    const console = await startHttp({ routes, options: { ...options, trustProxy: ["127.0.0.1", "10.0.0.0/8"] } });
    const headers = {
      "x-forwarded-user": "ann",
      "x-forwarded-for": "1.1.1.1, 203.0.113.9, 10.1.2.3",
      "sec-fetch-site": "same-origin",
    };
    await console.ask("/api/v1/views", {
      method: "POST",
      headers,
      body: { page: "tasks", name: "mine", search: "?q=a" },
    });
    const { items } = await console.audit.list({}, { limit: 1 });
    expect(items[0]).toMatchObject({ user: "ann", via: "page", address: "203.0.113.9", outcome: "done" });
  });
});

describe("tokens", () => {
  async function withToken(change: Record<string, unknown> = {}) {
    const clock = new HeldClock();
    const console = await startHttp({ routes, clock, options: { auth: "basic", users: await usersOfEachRole() } });
    const headers = basic("admin", "pass-admin");
    const made = await console.ask("/api/v1/tokens", {
      method: "POST",
      headers,
      body: { name: "ci", role: "operator", ...change },
    });
    const { token, item } = made.json as { token: string; item: { id: string } };
    return { clock, console, headers, token, id: item.id, bearer: { authorization: `Bearer ${token}` } };
  }

  test("are shown once, let a program in with their role, and are kept as a hash", async () => {
    const { console, headers, token, bearer } = await withToken();
    expect(token).toMatch(/^lovage_[\w-]{43}$/);
    expect((await console.ask("/api/v1/me", { headers: bearer })).json).toMatchObject({
      name: "token:ci",
      role: "operator",
    });
    const listed = await console.ask("/api/v1/tokens", { headers });
    expect(listed.json).toMatchObject({ items: [{ name: "ci", role: "operator", disabled: false, expires: null }] });
    expect(listed.text).not.toContain(token);
    expect(JSON.stringify(await console.database.all({ sql: "SELECT * FROM console_tokens" }))).not.toContain(token);
    expect(JSON.stringify(await console.audit.list({}, { limit: 10 }))).not.toContain(token);
  });

  test("end when they say, or when they are disabled", async () => {
    const { clock, console, bearer } = await withToken({ expires: "2026-01-01T01:00:00.000Z" });
    expect((await console.ask("/api/v1/me", { headers: bearer })).status).toBe(200);
    await clock.advance(3600);
    expect((await console.ask("/api/v1/me", { headers: bearer })).status).toBe(401);
    const other = await withToken();
    await other.console.ask(`/api/v1/tokens/${other.id}`, {
      method: "PATCH",
      headers: other.headers,
      body: { disabled: true },
    });
    expect((await other.console.ask("/api/v1/me", { headers: other.bearer })).status).toBe(401);
  });

  test("are not made a second time by a repeated request, nor told again", async () => {
    const { console, headers } = await withToken();
    const request = {
      method: "POST",
      headers: { ...headers, "idempotency-key": "k" },
      body: { name: "twice", role: "viewer" },
    };
    const first = await console.ask("/api/v1/tokens", request);
    const again = await console.ask("/api/v1/tokens", request);
    expect([first.status, again.status]).toEqual([201, 409]);
    expect(again.text).not.toContain("lovage_");
    const { token } = first.json as { token: string };
    expect(JSON.stringify(await console.database.all({ sql: "SELECT * FROM console_idempotency" }))).not.toContain(
      token,
    );
    expect((await console.ask("/api/v1/tokens", { headers })).json).toMatchObject({
      items: [{ name: "ci" }, { name: "twice" }],
    });
  });

  test("may be narrower than the console: without logins too", async () => {
    const console = await startHttp({ routes });
    const made = await console.ask("/api/v1/tokens", { method: "POST", body: { name: "reader", role: "viewer" } });
    const { token } = made.json as { token: string };
    const bearer = { authorization: `Bearer ${token}` };
    expect((await console.ask("/api/v1/me", { headers: bearer })).json).toMatchObject({ role: "viewer" });
    expect((await console.ask("/api/v1/tokens", { headers: bearer })).status).toBe(403);
  });
});

describe("saved views", () => {
  const view = { page: "tasks", name: "failed", search: "?state=FAILURE" };

  test("are everybody's own, and an admin's to share", async () => {
    const console = await startHttp({ routes, options: { auth: "basic", users: await usersOfEachRole() } });
    const as = (role: string) => basic(role, `pass-${role}`);
    const save = (role: string, shared: boolean) =>
      console.ask("/api/v1/views", { method: "POST", headers: as(role), body: { ...view, name: `${role}'s`, shared } });
    expect([
      (await save("viewer", false)).status,
      (await save("operator", true)).status,
      (await save("admin", true)).status,
    ]).toEqual([201, 403, 201]);
    const seen = await console.ask("/api/v1/views", { headers: as("viewer") });
    expect(seen.json).toMatchObject({
      items: [
        { name: "admin's", shared: true, own: false },
        { name: "viewer's", shared: false, own: true },
      ],
    });
    expect((await console.ask("/api/v1/views", { headers: as("operator") })).json).toMatchObject({
      items: [{ name: "admin's" }],
    });
    const { items } = seen.json as { items: { id: string }[] };
    const [shared, own] = items.map(({ id }) => `/api/v1/views/${id}`);
    expect((await console.ask(shared ?? "", { method: "DELETE", headers: as("viewer") })).status).toBe(403);
    expect((await console.ask(own ?? "", { method: "DELETE", headers: as("operator") })).status).toBe(404);
    expect(
      (await console.ask(own ?? "", { method: "PATCH", headers: as("viewer"), body: { name: "renamed" } })).json,
    ).toMatchObject({ name: "renamed", search: view.search });
    expect(
      (await console.ask(own ?? "", { method: "PATCH", headers: as("viewer"), body: { shared: true } })).status,
    ).toBe(403);
    expect((await console.ask(own ?? "", { method: "DELETE", headers: as("viewer") })).status).toBe(200);
  });
});
