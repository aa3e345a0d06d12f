import { setTimeout as wait } from "node:timers/promises";
import { currentTask, Lovage, silentLogger } from "lovage";
import { Worker } from "lovage/worker";
import { expect, onTestFinished, test } from "vitest";
import { basic, usersOfEachRole } from "../support/console-http.js";
import { type RunningConsole, startConsole } from "../support/running-console.js";
import { until } from "../support/until.js";

const CARD = "4111111111111111";
const SECRETS = [CARD, "hunter2"];

/** A program that hides card numbers, and a task that has run with one; a worker that is busy with another, if asked. Viewers do not see what tasks are given and give. */
async function openShop({
  busy = false,
} = {}): Promise<RunningConsole & { readonly paid: string; viewer(path: string): Promise<string> }> {
  const app = new Lovage("shop", {
    brokerUrl: "memory:",
    resultBackend: "memory:",
    workerSendTaskEvents: true,
    redact: ({ name, args, kwargs, result }) => ({
      name,
      args: hidden(args),
      kwargs: hidden(kwargs),
      result: hidden(result),
    }),
  });
  const pay = app.task("shop.pay", (card: string) => ({ password: "hunter2", card }));
  const hold = app.task("shop.hold", async (_card: string) => {
    await wait(60_000, undefined, { signal: currentTask().signal });
  });
  const options = { auth: "basic", users: await usersOfEachRole(), viewerSeesPayloads: false } as const;
  const shop = await startConsole({ app, options });
  const worker = new Worker({ app, pool: "solo", hostname: "w@shop", logger: silentLogger });
  onTestFinished(() => worker.abort());
  await worker.start();
  await until(() => shop.console.parts.ingest.status.leader);
  const paid = await pay.delay(CARD);
  await paid.get({ timeout: 30 });
  if (busy) await hold.delay(CARD);
  const { tasks } = shop.console.parts;
  await until(async () => (await tasks.get(paid.id))?.state === "SUCCESS");
  const viewer = async (path: string): Promise<string> =>
    (await shop.ask(path, { headers: basic("viewer", "pass-viewer") })).text;
  return { ...shop, paid: paid.id, viewer };
}

function hidden<T>(value: T): T {
  return JSON.parse((JSON.stringify(value) ?? "null").replaceAll(CARD, "CARD"));
}

const operator = basic("operator", "pass-operator");

test("Flower's routes mask what the rest of the console masks", async () => {
  const { ask, paid } = await openShop();
  for (const path of [`/api/task/result/${paid}`, `/api/task/info/${paid}`, "/api/tasks", "/api/workers?refresh=1"]) {
    const { status, text } = await ask(path, { headers: operator });
    expect(status, path).toBe(200);
    for (const secret of SECRETS) expect(text, path).not.toContain(secret);
  }
  const { json } = await ask(`/api/task/result/${paid}`, { headers: operator });
  expect(json).toMatchObject({ state: "SUCCESS", result: { password: "********", card: "CARD" } });
  const applied = await ask("/api/task/apply/shop.pay", { method: "POST", body: { args: [CARD] }, headers: operator });
  expect(applied.json).toMatchObject({ state: "SUCCESS", result: { password: "********", card: "CARD" } });
});

test("Flower's workers tell viewers which tasks run, and not with what, when viewers see no contents", async () => {
  const { ask, viewer } = await openShop({ busy: true });
  await until(async () => {
    const { text } = await ask("/api/workers?refresh=1", { headers: operator });
    return text.includes("shop.hold");
  });
  const seen: unknown = JSON.parse(await viewer("/api/workers"));
  expect(seen).toMatchObject({ "w@shop": { active: [{ type: "shop.hold" }] } });
  expect(JSON.stringify(seen)).not.toMatch(/"(kw)?args"/);
});

test("viewers who see no contents cannot find them out by searching", async () => {
  const { ask, viewer, paid } = await openShop();
  const found = async (path: string): Promise<string> => await viewer(path);
  for (const q of ["args:CARD", "kwargs:a=b", "result:card", "-args:CARD", "name:pay (result:x OR kwargs:y)"]) {
    expect(JSON.parse(await found(`/api/v1/tasks?q=${encodeURIComponent(q)}`)), q).toMatchObject({
      code: "bad_search",
      detail: expect.stringContaining("your role does not see"),
    });
  }
  expect(JSON.parse(await found("/api/v1/tasks?q=CARD"))).toMatchObject({ items: [], states: {} });
  expect(JSON.parse(await found("/api/tasks?search=CARD"))).toEqual({});
  expect(await found("/api/v1/tasks/export?format=csv&q=args:CARD")).toContain("bad_search");
  expect(JSON.parse(await found("/api/v1/tasks?q=shop.pay"))).toMatchObject({ items: [{ id: paid }] });
  const { json } = await ask("/api/v1/tasks?q=args:CARD%20name:pay", { headers: operator });
  expect(json).toMatchObject({ items: [{ id: paid }] });
});

test("the audit trail keeps what tasks were given as the program's own redact leaves it", async () => {
  const { ask, console } = await openShop();
  const sent = await ask("/api/v1/tasks", {
    method: "POST",
    body: { name: "py.pay", args: [CARD], kwargs: { also: CARD } },
    headers: operator,
  });
  expect(sent.status).toBe(201);
  await ask("/api/task/send-task/shop.pay", { method: "POST", body: { args: [CARD] }, headers: operator });
  await ask("/api/v1/jobs", {
    method: "POST",
    body: { title: "Pay", task: "py.pay", defaults: { also: CARD } },
    headers: operator,
  });
  const { items } = await console.parts.audit.list({}, { limit: 10 });
  expect(items).toHaveLength(3);
  expect(JSON.stringify(items)).not.toContain(CARD);
  expect(items.at(-1)?.parameters).toMatchObject({ name: "py.pay", args: ["CARD"], kwargs: { also: "CARD" } });
});

test("a job's hidden values stay hidden in its form, and its secrets from who may not change it", async () => {
  const { console, ask, viewer } = await openShop();
  const job = {
    title: "Pay",
    task: "py.pay",
    asked: ["amount"],
    defaults: { amount: 71_717 },
    fixed: { api_key: "sk-1" },
  };
  expect((await ask("/api/v1/jobs", { method: "POST", body: job, headers: operator })).status).toBe(201);
  expect(await viewer("/api/v1/jobs/pay")).not.toMatch(/71717|sk-1/);
  expect(await console.parts.jobs.get("pay", { payloads: true, edits: false })).toMatchObject({
    fixed: { api_key: "********" },
  });
  expect((await ask("/api/v1/jobs/pay", { headers: operator })).json).toMatchObject({ fixed: { api_key: "sk-1" } });
});

test("a job called New has an address of its own", async () => {
  const { ask } = await startConsole();
  const made = await ask("/api/v1/jobs", { method: "POST", body: { title: "New", task: "a.b" } });
  expect(made.json).toMatchObject({ slug: "new-job" });
  const asked = await ask("/api/v1/jobs", { method: "POST", body: { title: "X", slug: "new", task: "a.b" } });
  expect(asked.json).toMatchObject({ code: "validation", errors: [{ path: "slug" }] });
});

test("a page of another origin asks the API nothing, not even what it could not read", async () => {
  const { ask, app } = await startConsole();
  await app.sendTask("a.b", []);
  for (const path of ["/api/v1/queues/celery/messages", "/api/v1/overview", "/api/tasks"]) {
    for (const site of ["cross-site", "same-site"]) {
      const reply = await ask(path, { headers: { "sec-fetch-site": site } });
      expect([path, reply.status, reply.json]).toEqual([path, 403, expect.objectContaining({ code: "cross_site" })]);
    }
    for (const site of ["same-origin", "none", undefined]) {
      const reply = await ask(path, { headers: site === undefined ? {} : { "sec-fetch-site": site } });
      expect([path, site, reply.status]).toEqual([path, site, 200]);
    }
  }
  expect((await ask("/tasks", { headers: { "sec-fetch-site": "cross-site" } })).status).not.toBe(403);
  const listed = await startConsole({ options: { corsOrigins: ["https://board.example"] } });
  const headers = { "sec-fetch-site": "cross-site", origin: "https://board.example" };
  expect((await listed.ask("/api/v1/overview", { headers })).status).toBe(200);
});

test("the metrics are open to this machine, and not to what a proxy on it passes on", async () => {
  const { ask } = await startConsole({ options: { auth: "basic", users: await usersOfEachRole() } });
  expect((await ask("/metrics")).status).toBe(200);
  for (const name of ["x-forwarded-for", "forwarded", "x-real-ip", "via"]) {
    expect((await ask("/metrics", { headers: { [name]: "203.0.113.9" } })).status, name).toBe(401);
  }
});

test("Flower's tasks are not passed over without end", async () => {
  const { ask } = await startConsole();
  expect((await ask("/api/tasks?offset=999999999")).status).toBe(400);
  expect((await ask("/api/tasks?offset=100000&limit=10")).text).toBe("{}");
});
