import { expect, test } from "vitest";
import { startConsole } from "../support/running-console.js";

test("a body that is nested without end is refused, by the console's API and by Flower's", async () => {
  const { ask, url } = await startConsole();
  for (const path of ["/api/v1/tasks", "/api/task/send-task/a.b"]) {
    for (const depth of [600, 4000, 200_000]) {
      const body = `{"name": "a.b", "args": [${"[".repeat(depth)}${"]".repeat(depth)}]}`;
      const reply = await fetch(new URL(path, url), {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": `${depth}` },
        body,
      });
      expect([path, depth, reply.status]).toEqual([path, depth, 400]);
      expect(await reply.text()).toMatch(/nested|no JSON/);
    }
  }
  const { json } = await ask("/api/v1/tasks", { method: "POST", body: { name: "a.b", args: [[[["deep enough"]]]] } });
  expect(json).toMatchObject({ id: expect.any(String) });
});

test("lists of more values than a question carries are refused", async () => {
  const { ask } = await startConsole();
  const values = (count: number): string => Array.from({ length: count }, (_, n) => `s${n}`).join(",");
  for (const query of [`state=${values(1500)}`, `name=${"a,".repeat(5100)}`]) {
    const { status, json } = await ask(`/api/v1/tasks?${query}`);
    expect([query.slice(0, 10), status, json]).toEqual([
      query.slice(0, 10),
      400,
      expect.objectContaining({ code: "bad_search", detail: expect.stringContaining("can be asked for") }),
    ]);
  }
  const filter = { state: values(40_000) };
  const operation = await ask("/api/v1/operations", { method: "POST", body: { kind: "rerun", filter } });
  expect([operation.status, operation.json]).toEqual([400, expect.objectContaining({ code: "bad_search" })]);
});

test("a body that is too long is refused before it is read to its end", async () => {
  const { url } = await startConsole();
  let given = 0;
  const endless = new ReadableStream({
    pull: (controller) => {
      given += 65_536;
      controller.enqueue(new Uint8Array(65_536).fill(32));
    },
  });
  const refused = await fetch(new URL("/api/task/send-task/a.b", url), {
    method: "POST",
    body: endless,
    duplex: "half",
    headers: { "content-type": "application/json" },
  }).then(
    ({ status }) => status,
    // The console hangs up on who goes on sending.
    () => 413,
  );
  expect(refused).toBe(413);
  expect(given).toBeLessThan(64 * 1024 * 1024);
});
