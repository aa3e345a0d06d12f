import { describe, expect, test } from "vitest";
import { HeldClock } from "../../../lovage/test/support/held-clock.js";
import { hashPassword } from "../../src/server/auth/password.js";
import { eventsRoutes } from "../../src/server/routes/events.js";
import { meRoutes } from "../../src/server/routes/me.js";
import { usersRoutes } from "../../src/server/routes/users.js";
import { type Answer, basic, startHttp, type TestConsole } from "../support/console-http.js";
import { StreamListener } from "../support/event-stream.js";

const routes = [...meRoutes, ...usersRoutes, ...eventsRoutes];

async function startBasic(setup: Parameters<typeof startHttp>[0] = {}) {
  const users = [`ann:admin:${await hashPassword("correct horse")}`];
  const clock = new HeldClock();
  const console = await startHttp({ routes, clock, ...setup, options: { auth: "basic", users, ...setup.options } });
  return { clock, console };
}

function logIn(
  console: TestConsole,
  name: string,
  password: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return console.ask("/api/v1/login", {
    method: "POST",
    body: { name, password },
    headers: { "sec-fetch-site": "same-origin", ...headers },
  });
}
const cookieOf = (answer: Answer): string => answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";

describe("logging in", () => {
  test("gives a session that API and streams know, until it is ended everywhere", async () => {
    const { console } = await startBasic();
    const first = { cookie: cookieOf(await logIn(console, "ann", "correct horse")) };
    const second = { cookie: cookieOf(await logIn(console, "ann", "correct horse")) };
    expect(first.cookie).not.toBe(second.cookie);
    expect((await console.ask("/api/v1/me", { headers: first })).json).toMatchObject({
      name: "ann",
      role: "admin",
      authMode: "basic",
    });
    const stream = await StreamListener.open(console.origin, "stats", second);
    const out = await console.ask("/api/v1/logout", {
      method: "POST",
      headers: { ...first, "sec-fetch-site": "same-origin" },
    });
    expect(out.status).toBe(200);
    expect(out.headers["set-cookie"]?.[0]).toContain("Max-Age=0");
    expect((await console.ask("/api/v1/me", { headers: first })).status).toBe(401);
    expect((await console.ask("/api/v1/me", { headers: second })).status).toBe(401);
    await stream.untilEnded();
  });

  test("sets a cookie that scripts cannot read and other sites do not send, for https only beyond loopback", async () => {
    const { console } = await startBasic();
    const local = (await logIn(console, "ann", "correct horse")).headers["set-cookie"]?.[0] ?? "";
    expect(local).toMatch(/^lovage_session_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    const remote = await logIn(console, "ann", "correct horse", { host: "console.example" });
    expect(remote.headers["set-cookie"]?.[0]).toMatch(
      /^lovage_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
  });

  test("keeps the cookie to the console's prefix", async () => {
    const { console } = await startBasic({ options: { urlPrefix: "/ops" } });
    const reply = await console.ask("/ops/api/v1/login", {
      method: "POST",
      body: { name: "ann", password: "correct horse" },
      headers: { "sec-fetch-site": "same-origin" },
    });
    expect(reply.headers["set-cookie"]?.[0]).toContain("; Path=/ops/;");
  });

  test("keeps nothing in the store that lets anybody in", async () => {
    const { console } = await startBasic();
    const secret = cookieOf(await logIn(console, "ann", "correct horse")).split("=")[1] ?? "?";
    const rows = await console.database.all({ sql: "SELECT * FROM console_sessions" });
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test("is over after twelve hours without a request, not before", async () => {
    const { clock, console } = await startBasic();
    const headers = { cookie: cookieOf(await logIn(console, "ann", "correct horse")) };
    await clock.advance(11 * 3600);
    expect((await console.ask("/api/v1/me", { headers })).status).toBe(200);
    await clock.advance(11 * 3600);
    expect((await console.ask("/api/v1/me", { headers })).status).toBe(200);
    await clock.advance(12 * 3600 + 1);
    expect((await console.ask("/api/v1/me", { headers })).status).toBe(401);
  });

  test("ends a stream whose session is over, though the stream stayed open", async () => {
    const { clock, console } = await startBasic();
    const headers = { cookie: cookieOf(await logIn(console, "ann", "correct horse")) };
    const stream = await StreamListener.open(console.origin, "stats", headers);
    await clock.advance(12 * 3600 + 30);
    await stream.untilEnded();
  });

  test("says the same to a wrong password and a name that there is not", async () => {
    const { console } = await startBasic();
    const [wrong, nobody] = [await logIn(console, "ann", "wrong"), await logIn(console, "nobody", "wrong")];
    expect(wrong.status).toBe(401);
    expect(wrong.text).toBe(nobody.text);
  });

  test("writes who tried what into the audit trail, and no password", async () => {
    const { console } = await startBasic();
    await logIn(console, "ann", "wrong one");
    await logIn(console, "ann", "correct horse");
    const { items } = await console.audit.list({}, { limit: 10, sort: "at" });
    expect(items.map(({ action, target, outcome }) => [action, target, outcome])).toEqual([
      ["log in", "ann", "refused: wrong_login"],
      ["log in", "ann", "done"],
    ]);
    expect(JSON.stringify(items)).not.toMatch(/wrong one|correct horse/);
  });

  test("from another page is refused, so that nobody is logged in as somebody else", async () => {
    const { console } = await startBasic();
    expect((await logIn(console, "ann", "correct horse", { "sec-fetch-site": "cross-site" })).status).toBe(403);
  });
});

describe("guessing passwords", () => {
  test("slows down after five wrong ones, and longer each time; the right one waits as well", async () => {
    const { clock, console } = await startBasic();
    for (let i = 0; i < 5; i++) expect((await logIn(console, "ann", `guess ${i}`)).status).toBe(401);
    const refused = await logIn(console, "ann", "correct horse");
    expect(refused).toMatchObject({ status: 429, json: { code: "login_slow_down" } });
    expect(refused.headers["retry-after"]).toBe("2");
    await clock.advance(2);
    expect((await logIn(console, "ann", "guess 6")).status).toBe(401);
    expect((await logIn(console, "ann", "correct horse")).headers["retry-after"]).toBe("4");
    await clock.advance(4);
    expect((await logIn(console, "ann", "correct horse")).status).toBe(200);
    expect((await logIn(console, "ann", "guess 7")).status).toBe(401);
  });

  test("in parallel is no quicker", async () => {
    const { console } = await startBasic();
    const answers = await Promise.all(new Array(12).fill(0).map((_, i) => logIn(console, "ann", `guess ${i}`)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
  });

  test("by the header of the API counts as well, and whoever is in stays in", async () => {
    const { console } = await startBasic();
    expect((await console.ask("/api/v1/me", { headers: basic("ann", "correct horse") })).status).toBe(200);
    for (let i = 0; i < 5; i++)
      expect((await console.ask("/api/v1/me", { headers: basic("ann", `g${i}`) })).status).toBe(401);
    expect((await console.ask("/api/v1/me", { headers: basic("ann", "g6") })).status).toBe(429);
    // Known to be right: neither computed nor counted as a guess.
    expect((await console.ask("/api/v1/me", { headers: basic("ann", "correct horse") })).status).toBe(200);
  });

  test("with many names from one address slows that address down", async () => {
    const { console } = await startBasic();
    for (let i = 0; i < 20; i++) expect((await logIn(console, `name${i}`, "x")).status).toBe(401);
    expect((await logIn(console, "name21", "x")).status).toBe(429);
  });

  test("is not forgiven by a restart", async () => {
    const { clock, console } = await startBasic();
    for (let i = 0; i < 5; i++) await logIn(console, "ann", "wrong");
    const { console: restarted } = await startBasic({ database: console.database, clock });
    expect((await logIn(restarted, "ann", "correct horse")).status).toBe(429);
  });
});

describe("users", () => {
  const admin = basic("ann", "correct horse");
  const write = (console: TestConsole, method: string, path: string, body: unknown) =>
    console.ask(path, { method, body, headers: admin });

  test("are made, changed and disabled by an admin, and may log in accordingly", async () => {
    const { console } = await startBasic();
    expect(
      (await write(console, "POST", "/api/v1/users", { name: "bob", role: "viewer", password: "bobs password" }))
        .status,
    ).toBe(201);
    const headers = { cookie: cookieOf(await logIn(console, "bob", "bobs password")) };
    expect((await console.ask("/api/v1/me", { headers })).json).toMatchObject({ role: "viewer" });
    await write(console, "PATCH", "/api/v1/users/bob", { role: "operator" });
    expect((await console.ask("/api/v1/me", { headers })).json).toMatchObject({ role: "operator" });
    const stream = await StreamListener.open(console.origin, "stats", headers);
    await write(console, "PATCH", "/api/v1/users/bob", { disabled: true });
    await stream.untilEnded();
    expect((await console.ask("/api/v1/me", { headers })).status).toBe(401);
    expect((await logIn(console, "bob", "bobs password")).status).toBe(401);
    expect((await console.ask("/api/v1/users", { headers: admin })).json).toMatchObject({
      items: [
        { name: "ann", source: "settings", role: "admin", createdAt: null },
        { name: "bob", source: "store", role: "operator", disabled: true },
      ],
    });
  });

  test("whose password changes are logged out, and the old one lets nobody in", async () => {
    const { console } = await startBasic();
    await write(console, "POST", "/api/v1/users", { name: "bob", role: "viewer", password: "first password" });
    expect((await console.ask("/api/v1/me", { headers: basic("bob", "first password") })).status).toBe(200);
    await write(console, "PATCH", "/api/v1/users/bob", { password: "second password" });
    expect((await console.ask("/api/v1/me", { headers: basic("bob", "first password") })).status).toBe(401);
    expect((await console.ask("/api/v1/me", { headers: basic("bob", "second password") })).status).toBe(200);
  });

  test("of the settings are not changed here, names are not taken twice, and bad ones are refused", async () => {
    const { console } = await startBasic();
    const statuses = [
      (await write(console, "PATCH", "/api/v1/users/ann", { role: "viewer" })).status,
      (await write(console, "POST", "/api/v1/users", { name: "ann", role: "viewer", password: "12345678" })).status,
      (await write(console, "POST", "/api/v1/users", { name: "a:b", role: "viewer", password: "12345678" })).status,
      (await write(console, "POST", "/api/v1/users", { name: "bob", role: "viewer", password: "short" })).status,
      (await write(console, "PATCH", "/api/v1/users/nobody", { role: "viewer" })).status,
    ];
    expect(statuses).toEqual([409, 409, 400, 400, 404]);
  });

  test("keep at least one admin", async () => {
    const { console } = await startBasic({ options: { users: [] }, database: await storeWithAdmin() });
    const headers = basic("root", "roots password");
    const change = (body: unknown) => console.ask("/api/v1/users/root", { method: "PATCH", body, headers });
    expect((await change({ disabled: true })).json).toMatchObject({ status: 409, code: "last_admin" });
    expect((await change({ role: "operator" })).json).toMatchObject({ code: "last_admin" });
  });
});

/** A store in which somebody made an admin before. */
async function storeWithAdmin() {
  const { console } = await startBasic();
  await console.accounts.create({ name: "root", role: "admin", password: "roots password" });
  return console.database;
}
