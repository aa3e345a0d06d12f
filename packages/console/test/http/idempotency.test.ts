import { z } from "@hono/zod-openapi";
import { BrokerConnectionError, silentLogger } from "lovage";
import { deferred, systemClock } from "lovage/internal";
import { expect, test } from "vitest";
import { IdempotentReplies } from "../../src/server/http/idempotent-replies.js";
import { ApiError, route } from "../../src/server/route.js";
import { describeDatabases } from "../support/console-database.js";
import { basic, startHttp, usersOfEachRole } from "../support/console-http.js";

/** A route that takes as long as the test wants, and counts. */
function counting(work: (count: number) => Promise<unknown> = async (count) => ({ count }), deadline = 30) {
  let count = 0;
  const act = route(
    {
      method: "post",
      path: "/act/{name}",
      tag: "test",
      summary: "x",
      role: "operator",
      params: z.object({ name: z.string() }),
      body: z.object({ n: z.number().default(0) }),
      response: z.unknown(),
      status: 202,
      deadline,
      audit: { action: "act", target: () => "" },
    },
    async () => {
      count += 1;
      return work(count);
    },
  );
  return { routes: [act], count: () => count };
}
const keyed = (key: string, body: unknown = {}) => ({ method: "POST", body, headers: { "idempotency-key": key } });

test("a request with a key acts once, and its repeat gets the same reply", async () => {
  const { routes, count } = counting();
  const console = await startHttp({ routes });
  const first = await console.ask("/api/v1/act/x", keyed("k1"));
  const again = await console.ask("/api/v1/act/x", keyed("k1"));
  expect([first.status, again.status]).toEqual([202, 202]);
  expect(again.text).toBe(first.text);
  expect(again.headers["idempotent-replayed"]).toBe("true");
  expect(count()).toBe(1);
  await console.ask("/api/v1/act/x", keyed("k2"));
  expect(count()).toBe(2);
  const { items } = await console.audit.list({}, { limit: 10, sort: "at" });
  expect(items.map(({ outcome }) => outcome)).toEqual(["done", "answered as before (202)", "done"]);
});

test("a second request that comes while the first is at work waits for its reply", async () => {
  const goOn = deferred<void>();
  const begun = deferred<void>();
  const { routes, count } = counting(async (number) => {
    begun.resolve();
    await goOn.promise;
    return { number };
  });
  const console = await startHttp({ routes });
  const first = console.ask("/api/v1/act/x", keyed("k"));
  await begun.promise;
  const second = console.ask("/api/v1/act/x", keyed("k"));
  // Not answered by the time that another request has come and gone.
  await console.ask("/healthz");
  goOn.resolve();
  expect((await first).text).toBe((await second).text);
  expect(count()).toBe(1);
});

test("the same key with another body, or for another thing, is refused", async () => {
  const { routes, count } = counting();
  const console = await startHttp({ routes });
  await console.ask("/api/v1/act/x", keyed("k", { n: 1 }));
  expect(await console.ask("/api/v1/act/x", keyed("k", { n: 2 }))).toMatchObject({
    status: 422,
    json: { code: "idempotency_key_reused" },
  });
  expect((await console.ask("/api/v1/act/y", keyed("k", { n: 1 }))).status).toBe(422);
  expect(count()).toBe(1);
});

test("two users may use the same key", async () => {
  const { routes, count } = counting();
  const console = await startHttp({ routes, options: { auth: "basic", users: await usersOfEachRole() } });
  for (const role of ["operator", "admin"]) {
    const request = keyed("k");
    await console.ask("/api/v1/act/x", { ...request, headers: { ...request.headers, ...basic(role, `pass-${role}`) } });
  }
  expect(count()).toBe(2);
});

test("a refusal is kept, a failure is not: it may be tried again", async () => {
  const { routes, count } = counting(async (number) => {
    if (number === 1) throw new ApiError(503, "away", "the broker is away");
    throw new ApiError(409, "in_the_way", "a run is in the way");
  });
  const console = await startHttp({ routes });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await console.ask("/api/v1/act/x", keyed("k"))).status);
  expect(statuses).toEqual([503, 409, 409]);
  expect(count()).toBe(2);
});

test("a request whose time was over goes on: its repeat does not act again, and gets what it came to", async () => {
  const goOn = deferred<void>();
  const { routes, count } = counting(async (number) => {
    await goOn.promise;
    return { number };
  }, 0.01);
  const console = await startHttp({ routes });
  expect(await console.ask("/api/v1/act/x", keyed("k"))).toMatchObject({
    status: 504,
    json: { code: "deadline_exceeded" },
  });
  goOn.resolve();
  expect(await console.ask("/api/v1/act/x", keyed("k"))).toMatchObject({ status: 202, json: { number: 1 } });
  expect(count()).toBe(1);
});

test("a request that the broker did not confirm is not done again under its key: it may have acted", async () => {
  const { routes, count } = counting(async () => {
    throw new BrokerConnectionError("the message was not confirmed");
  });
  const console = await startHttp({ routes });
  expect((await console.ask("/api/v1/act/x", keyed("k"))).status).toBe(503);
  expect(await console.ask("/api/v1/act/x", keyed("k"))).toMatchObject({
    status: 409,
    json: { code: "idempotency_unfinished" },
  });
  expect(count()).toBe(1);
});

test("a key that is no key is refused", async () => {
  const { routes, count } = counting();
  const console = await startHttp({ routes });
  expect(await console.ask("/api/v1/act/x", keyed("k".repeat(201)))).toMatchObject({
    status: 400,
    json: { code: "bad_idempotency_key" },
  });
  expect(count()).toBe(0);
});

describeDatabases("the store of replies", (place) => {
  const request = { user: "ann", route: "post /x", key: "k", content: "1" };
  const reply = { status: 201, headers: { etag: '"1"' }, body: "{}" };

  test("serves consoles that share it: the other one waits for the reply", async () => {
    const { open } = await place();
    const [one, other] = [await open(), await open()].map(
      (database) => new IdempotentReplies({ database, logger: silentLogger }),
    );
    if (one === undefined || other === undefined) throw new Error("two were made");
    await one.open();
    await other.open();
    const goOn = deferred<void>();
    const begun = deferred<void>();
    const first = one.once(request, async () => {
      begun.resolve();
      await goOn.promise;
      return reply;
    });
    await begun.promise;
    const second = other.once(request, async () => ({ ...reply, status: 500 }));
    goOn.resolve();
    expect(await first).toEqual({ reply, again: false });
    expect(await second).toEqual({ reply, again: true });
  });

  test("forgets a key after a day", async () => {
    const { open } = await place();
    let nowMs = Date.now();
    const clock = { ...systemClock, now: () => new Date(nowMs) };
    const replies = new IdempotentReplies({ database: await open(), logger: silentLogger, clock });
    await replies.open();
    await replies.once(request, async () => reply);
    nowMs += 24 * 3600_000 + 1;
    expect(await replies.once(request, async () => reply)).toMatchObject({ again: false });
    await replies.sweep();
  });

  test("keeps a key whose console died at work: what it did is not known", async () => {
    const { open } = await place();
    let nowMs = Date.now();
    const clock = { ...systemClock, now: () => new Date(nowMs) };
    const database = await open();
    const dead = new IdempotentReplies({ database, logger: silentLogger, clock });
    await dead.open();
    const never = deferred<typeof reply>();
    const begun = deferred<void>();
    const work = dead.once(request, () => {
      begun.resolve();
      return never.promise;
    });
    await begun.promise;
    nowMs += 601_000;
    const restarted = new IdempotentReplies({ database, logger: silentLogger, clock });
    await expect(restarted.once(request, async () => reply)).rejects.toMatchObject({
      status: 409,
      code: "idempotency_unfinished",
    });
    never.resolve(reply);
    await work;
  });
});
