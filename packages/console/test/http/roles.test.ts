import type { z } from "@hono/zod-openapi";
import { describe, expect, test } from "vitest";
import { ROLES } from "../../src/api/common.js";
import type { RouteDefinition } from "../../src/server/route.js";
import { allRoutes } from "../../src/server/routes/all.js";
import { basic, startHttp, usersOfEachRole } from "../support/console-http.js";
import { startConsole } from "../support/running-console.js";

const definitions = allRoutes.map(({ definition }) => definition);
const unsafe = definitions.filter(({ method }) => method !== "get");

/** A path of the route, for things that are not there. */
function examplePath({ path, params }: RouteDefinition): string {
  const shape = params?.shape ?? {};
  return `/api/v1${path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(exampleName(shape[name])))}`;
}
function exampleName(schema: unknown): string {
  const parses = (value: string): boolean => (schema as z.ZodType | undefined)?.safeParse(value).success ?? true;
  return ["no/such thing", "no-such-thing", "1"].find(parses) ?? "x";
}

describe("every route that may change something, tried as each role", () => {
  test("is refused to those below its role and to strangers, to nobody else, and leaves one line each time", async () => {
    const console = await startConsole({ options: { auth: "basic", users: await usersOfEachRole() } });
    const { audit } = console.console.parts;
    let lines = 0;
    for (const definition of unsafe) {
      const name = `${definition.method.toUpperCase()} ${definition.path}`;
      for (const role of [undefined, ...ROLES]) {
        const headers = role === undefined ? { origin: console.origin } : basic(role, `pass-${role}`);
        // A body that nothing can be done with: only whether it was looked at counts here.
        const reply = await console.ask(examplePath(definition), {
          method: definition.method.toUpperCase(),
          body: {},
          headers,
        });
        const mayNot = role !== undefined && ROLES.indexOf(role) < ROLES.indexOf(definition.role);
        const seen = `${name} as ${role ?? "a stranger"}: ${reply.status} ${reply.text.slice(0, 200)}`;
        if (role === undefined && definition.open === undefined) expect(reply.status, seen).toBe(401);
        else expect(reply.status === 403, seen).toBe(mayNot);
        if (role !== undefined) expect(reply.status, seen).not.toBe(401);
        expect(reply.status, seen).not.toBe(500);
        lines += 1;
        const { items, total } = await audit.list({}, { limit: 1 });
        expect(total, `lines after ${seen}`).toBe(lines);
        expect(items[0], seen).toMatchObject({ user: role ?? "", action: definition.audit?.action });
        if (mayNot) expect(items[0]?.outcome, seen).toBe("refused: forbidden");
      }
    }
    expect(lines).toBe(unsafe.length * 4);
  });

  test("is refused to everybody in a read-only console, but for what is a viewer's own", async () => {
    const console = await startConsole({ options: { readOnly: true } });
    for (const definition of unsafe) {
      const reply = await console.ask(examplePath(definition), { method: definition.method.toUpperCase(), body: {} });
      expect(reply.status === 403, `${definition.method} ${definition.path}: ${reply.status}`).toBe(
        definition.role !== "viewer",
      );
    }
  });

  test("is refused from another page, whoever's browser it is", async () => {
    const console = await startHttp({ routes: allRoutes });
    for (const definition of unsafe) {
      const headers = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
      const reply = await console.ask(examplePath(definition), {
        method: definition.method.toUpperCase(),
        body: {},
        headers,
      });
      expect(reply, `${definition.method} ${definition.path}`).toMatchObject({
        status: 403,
        json: { code: "cross_site" },
      });
    }
  });
});

test("every route that only reads answers a viewer, or says that the thing is not there, and is refused to strangers", async () => {
  const console = await startConsole({ options: { auth: "basic", users: await usersOfEachRole() } });
  for (const definition of definitions) {
    if (definition.method !== "get" || definition.contentType === "text/event-stream") continue;
    const path = examplePath(definition);
    expect((await console.ask(path)).status, path).toBe(401);
    const reply = await console.ask(path, { headers: basic("viewer", "pass-viewer") });
    const seen = `${path}: ${reply.status} ${reply.text.slice(0, 300)}`;
    if (definition.role !== "viewer") expect(reply.status, seen).toBe(403);
    else expect([200, 400, 404, 409], seen).toContain(reply.status);
  }
});
