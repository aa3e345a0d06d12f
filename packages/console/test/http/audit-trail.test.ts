import { silentLogger } from "lovage";
import { describe, expect, test } from "vitest";
import { HeldClock } from "../../../lovage/test/support/held-clock.js";
import { AuditTrail } from "../../src/server/audit/audit-trail.js";
import { auditRoutes } from "../../src/server/routes/audit.js";
import { describeDatabases } from "../support/console-database.js";
import { basic, startHttp, usersOfEachRole } from "../support/console-http.js";

const LINE = {
  user: "ann",
  role: "admin",
  via: "page",
  action: "purge",
  target: "celery",
  parameters: {},
  outcome: "done",
  address: "::1",
} as const;

describeDatabases("the audit trail", (place) => {
  async function trail(clock = new HeldClock()) {
    const database = await (await place()).open();
    const audit = new AuditTrail({ database, logger: silentLogger, clock });
    await audit.open();
    return { audit, database, clock };
  }

  test("is read newest first, in pages, and by what is asked for", async () => {
    const { audit, clock } = await trail();
    for (let i = 0; i < 5; i++) {
      await audit.write({ ...LINE, target: `queue_${i}`, user: i % 2 === 0 ? "ann" : "bob" });
      await clock.advance(60);
    }
    const first = await audit.list({}, { limit: 2 });
    expect(first.items.map(({ target }) => target)).toEqual(["queue_4", "queue_3"]);
    expect(first.total).toBe(5);
    const second = await audit.list({}, { limit: 2, cursor: first.nextCursor ?? undefined });
    expect(second.items.map(({ target }) => target)).toEqual(["queue_2", "queue_1"]);
    const third = await audit.list({}, { limit: 2, cursor: second.nextCursor ?? undefined });
    expect(third).toMatchObject({ items: [{ target: "queue_0" }], nextCursor: null });
    expect((await audit.list({ user: "bob" }, { limit: 9 })).total).toBe(2);
    // A wildcard of the database's own is only a character here.
    expect((await audit.list({ q: "QUEUE_3" }, { limit: 9 })).total).toBe(1);
    expect((await audit.list({ q: "queue%3" }, { limit: 9 })).total).toBe(0);
    const from = "2026-01-01T00:02:00.000Z";
    expect((await audit.list({ from, to: "2026-01-01T00:04:00.000Z" }, { limit: 9 })).total).toBe(2);
  });

  test("keeps hostile and long texts as texts, cut, and masks secrets", async () => {
    const { audit } = await trail();
    const parameters = {
      url: "amqp://u:hush@h",
      nested: { api_key: "hush", list: new Array(200).fill("x") },
      long: "y".repeat(100_000),
      nul: "a\u0000b",
    };
    await audit.write({ ...LINE, target: `${"t".repeat(2000)}\u0000`, user: "<img src=x>\u202e", parameters });
    const { items } = await audit.list({}, { limit: 1 });
    const text = JSON.stringify(items);
    expect(text).not.toContain("hush");
    expect(text.length).toBeLessThan(10_000);
    expect(items[0]).toMatchObject({ user: "<img src=x>\u202e", parameters: { nested: { api_key: "********" } } });
  });

  test("loses its oldest lines after as many days as are kept", async () => {
    const { audit, clock } = await trail();
    await audit.write({ ...LINE, target: "old" });
    await clock.advance(2 * 86_400);
    await audit.write({ ...LINE, target: "new" });
    expect(await audit.sweep(1)).toBe(1);
    expect((await audit.list({}, { limit: 9 })).items).toMatchObject([{ target: "new" }]);
  });

  test("counts the refusals of strangers beyond two a second, and not those of users", async () => {
    const { audit, clock } = await trail();
    for (let i = 0; i < 200; i++) await audit.write({ ...LINE, user: "", role: "", outcome: "refused: cross_site" });
    await audit.write(LINE);
    expect((await audit.list({}, { limit: 1 })).total).toBe(121);
    await clock.advance(60);
    await audit.write({ ...LINE, user: "", role: "" });
    const { items } = await audit.list({ action: "refused requests" }, { limit: 1 });
    expect(items).toMatchObject([{ parameters: { count: 80 } }]);
  });
});

describe("the audit trail's file", () => {
  test("is CSV that no spreadsheet takes for formulas, or JSON", async () => {
    const console = await startHttp({ routes: auditRoutes });
    await console.audit.write({ ...LINE, target: '=cmd|"x"', parameters: { a: 1 } });
    await console.audit.write({ ...LINE, target: "a,b\nc" });
    const csv = await console.ask("/api/v1/audit/export");
    expect(csv.headers["content-type"]).toBe("text/csv; charset=utf-8");
    expect(csv.headers["content-disposition"]).toBe('attachment; filename="audit.csv"');
    expect(csv.text).toContain("id,at,user,role,via,action,target,parameters,outcome,address\r\n");
    expect(csv.text).toContain(`"'=cmd|""x"""`);
    expect(csv.text).toContain('"a,b\nc"');
    const json = await console.ask("/api/v1/audit/export?format=json&q=cmd");
    expect(json.json).toMatchObject([{ target: '=cmd|"x"', parameters: { a: 1 } }]);
  });

  test("has no parameters for those who may not see payloads", async () => {
    const console = await startHttp({
      routes: auditRoutes,
      options: { auth: "basic", users: await usersOfEachRole(), viewerSeesPayloads: false },
    });
    await console.audit.write({ ...LINE, parameters: { args: ["payload"] } });
    for (const path of ["/api/v1/audit", "/api/v1/audit/export", "/api/v1/audit/export?format=json"]) {
      expect((await console.ask(path, { headers: basic("viewer", "pass-viewer") })).text, path).not.toContain(
        "payload",
      );
      expect((await console.ask(path, { headers: basic("operator", "pass-operator") })).text, path).toContain(
        "payload",
      );
    }
  });

  test("holds all lines, page by page", async () => {
    const console = await startHttp({ routes: auditRoutes });
    for (let i = 0; i < 1200; i++) await console.audit.write({ ...LINE, target: `t${i}` });
    const { json } = await console.ask("/api/v1/audit/export?format=json");
    expect(json).toHaveLength(1200);
  });
});
