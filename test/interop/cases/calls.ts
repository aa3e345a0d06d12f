import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Call, Client } from "../support/client.js";
import { type Language, LOVAGE_NODE, linesOf, type Pair, PYTHON_NODE, SLOTS, untilLines } from "../support/pair.js";

/** What differs by the language of the worker. */
const WORKERS = {
  lovage: {
    prefix: "js",
    other: "py",
    node: LOVAGE_NODE,
    // Python knows no module lovage.errors, and makes a class of that name in its own.
    error: { type: "RangeError", module: "celery.exceptions" },
    ownError: { type: "PaymentDeclined", args: ["no funds"] },
    traceback: /tasks\.mjs:\d+/,
  },
  python: {
    prefix: "py",
    other: "js",
    node: PYTHON_NODE,
    error: { type: "ValueError", module: "builtins" },
    ownError: { type: "PaymentDeclined", args: ["no funds", 402] },
    traceback: /Traceback[\s\S]*app\.py", line \d+/,
  },
} as const;

const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  -2.5e-300,
  1.7976931348623157e308,
  9007199254740991,
  9007199254740993n,
  -(2n ** 70n),
  "",
  "héllo ✓ 漢字 🎉",
  'quotes " and \\ back\u0000slashes\n\u2028',
  [],
  {},
  [1, [2, [3, [null]]]],
  { a: { b: [{ c: "d" }] }, "key with spaces": 1, ключ: "значение", "": 0 },
];

/** A client of one language calls a worker of the other. */
export function describeCalls(from: Language, to: Language, pair: () => Pair): void {
  const { prefix, other, node, error, ownError, traceback } = WORKERS[to];
  const task = (name: string): string => `${prefix}.${name}`;
  const client = (): Client => pair().clients[from];

  describe(`a ${from} client and a ${to} worker`, () => {
    test("positional arguments reach the task and its result comes back", async () => {
      expect(await client().call({ name: task("add"), args: [2, 3] })).toEqual({ state: "SUCCESS", value: 5 });
    });

    test("keyword arguments do", async () => {
      const kwargs = { url: "https://example.com", sizes: [1, 2], ключ: null };
      const { value } = await client().call({ name: task(to === "lovage" ? "echo-kwargs" : "echo"), kwargs });
      expect(value).toEqual(to === "lovage" ? kwargs : { args: [], kwargs });
    });

    test("every JSON value arrives, and comes back, as it was", async () => {
      if (from === "python") return expect(await pair().python.roundTrip(task("echo"), VALUES)).toEqual([]);
      const { value } = await client().call({ name: task("echo"), args: VALUES });
      expect(value).toEqual({ args: VALUES, kwargs: {} });
    });

    test("a body and a result of 1 MB do", async () => {
      const text = `é${"x".repeat(1 << 20)}`;
      const ending = await client().call({ name: task("length"), args: [text] });
      expect(ending).toEqual({ state: "SUCCESS", value: text.length });
      const { value } = await client().call({ name: task("echo"), args: [text] });
      expect(value).toEqual(to === "lovage" ? [text] : { args: [text], kwargs: {} });
    });

    test("ids, custom headers and the queue are known to the task", async () => {
      const id = await client().send({ name: task("request"), headers: { tenant: "blue" }, shadow: "shown.name" });
      const { value } = await client().get(id);
      const family = { id, root_id: id, parent_id: null, retries: 0, hostname: node, queue: prefix };
      expect(value).toMatchObject({ ...family, tenant: "blue" });
    });

    test("numbers in headers keep their value, and the connection its sense", async () => {
      const tenant = {
        small: [0, 1, 127, -1, -128],
        larger: [128, 255, 32_767, 32_768, -129, -40_000],
        deep: [[1.5, [65_536]]],
      };
      expect(await client().call({ name: task("request"), headers: { tenant }, time_limit: 300 })).toMatchObject({
        state: "SUCCESS",
        value: { tenant, timelimit: [300, null] },
      });
    });

    test("so do numbers beyond 32 bits", async () => {
      const tenant = { later: 2 ** 40, earlier: -(2 ** 40) };
      expect(await client().call({ name: task("request"), headers: { tenant } })).toMatchObject({ value: { tenant } });
    });

    test.each([
      ["countdown", () => ({ countdown: 1 })],
      ["an ETA", () => ({ eta: new Date(Date.now() + 1000).toISOString() })],
    ])("a task with %s runs when it is due", async (_name, when) => {
      const due = Date.now() / 1000 + 1;
      const { value } = await client().call({ name: task("request"), ...when() });
      const { started, eta } = ranAt(value);
      // Clocks of the two processes are one; an ETA may be kept to the millisecond only.
      expect(started).toBeGreaterThanOrEqual(due - 0.02);
      expect(started).toBeLessThan(due + 5);
      expect(Date.parse(eta) / 1000).toBeCloseTo(due, 0);
    });

    test("a task that waited until it expired is revoked", async () => {
      const release = await holdSlots();
      // It expires in the worker's hands: on RabbitMQ it would vanish if it did in the queue.
      const id = await client().send({ name: task("add"), args: [1, 2], expires: 0.5 });
      await expired(0.5);
      release();
      expect(await client().get(id)).toMatchObject({
        state: "REVOKED",
        error: { type: "TaskRevokedError", module: "celery.exceptions", args: ["expired"] },
      });
    });

    test("a soft limit of the call is told to the task, which can tidy up", async () => {
      const { stage } = pair();
      const call = { name: task("tidy"), args: [stage.path()], soft_time_limit: 1, time_limit: 30 };
      expect(await client().call(call)).toEqual({ state: "SUCCESS", value: "tidied up" });
    });

    test("a soft limit of the call ends a task that only heeds it", async () => {
      const ending = await client().call({ name: task("heed"), args: [pair().stage.path()], soft_time_limit: 1 });
      expect(ending).toMatchObject({
        state: "FAILURE",
        error: { type: "SoftTimeLimitExceeded", module: "billiard.exceptions" },
      });
    });

    test("a hard limit of the call ends a task that nothing else would", async () => {
      const ending = await client().call({ name: task("spin"), args: [pair().stage.path()], time_limit: 1 });
      expect(ending).toMatchObject({
        state: "FAILURE",
        error: { type: "TimeLimitExceeded", module: "billiard.exceptions", args: [1] },
      });
    });

    test.each(["flaky", "autoretry"])("a task that asks for it runs again: %s", async (name) => {
      expect(await client().call({ name: task(name), args: [2] })).toEqual({ state: "SUCCESS", value: 2 });
    });

    test("a task whose tries are used up fails and says so", async () => {
      expect(await client().call({ name: task("hopeless") })).toMatchObject({
        state: "FAILURE",
        error: { type: "MaxRetriesExceededError", module: "celery.exceptions", args: [expect.stringMatching("retry")] },
      });
    });

    test("an error comes with its class, its message and its stack", async () => {
      const ending = await client().call({ name: task("fail"), args: ["out of stock: ünit"] });
      expect(ending).toMatchObject({ state: "FAILURE", error: { ...error, args: ["out of stock: ünit"] } });
      expect(ending.traceback).toMatch(traceback);
      expect(ending.traceback).toContain("out of stock: ünit");
    });

    test("an error of a class that the caller does not know does too", async () => {
      const ending = await client().call({ name: task("decline"), args: ["no funds"] });
      expect(ending).toMatchObject({ state: "FAILURE", error: ownError });
      expect(ending.traceback).toMatch(traceback);
    });

    test.each([prefix, other])("what follows a success is called with the result: %s.record", async (language) => {
      const path = pair().stage.path();
      const link = [{ task: `${language}.record`, args: [path] }];
      await client().call({ name: task("add"), args: [20, 22], link });
      expect(await untilLines(path, 1)).toEqual(["42"]);
    });

    test.each([prefix, other])("what follows a failure is called with the id: %s.errback", async (language) => {
      const { errbacks } = pair().stage;
      const before = linesOf(errbacks).length;
      const link_error = [{ task: `${language}.errback` }];
      const id = await client().send({ name: task("fail"), args: ["no"], link_error });
      expect((await untilLines(errbacks, before + 1)).slice(before)).toEqual([`${language} ${id}`]);
    });

    test("a task that sends one in the other language is its parent", async () => {
      const id = await client().send({ name: task("relay"), args: [`${other}.add`, [1, 2]] });
      const { value } = await client().get(id);
      expect(await client().children(id)).toEqual([value]);
    });

    test("a result that is not wanted is not kept", async () => {
      const path = pair().stage.path();
      const id = await client().send({ name: task("record"), args: ["done", path], ignore_result: true });
      await untilLines(path, 1);
      // The next one is done after it, and its result would have come after it too.
      await client().call({ name: task("add"), args: [1, 1] });
      expect(await client().state(id)).toBe("PENDING");
    });

    test("a revoked task is not run", async () => {
      const path = pair().stage.path();
      const release = await holdSlots();
      const id = await client().send({ name: task("record"), args: ["ran", path] });
      await client().revoke(id, node, { terminate: false });
      release();
      expect(await client().get(id)).toMatchObject({
        state: "REVOKED",
        error: { type: "TaskRevokedError", module: "celery.exceptions", args: ["revoked"] },
      });
      expect(linesOf(path)).toEqual([]);
    });

    test("a terminated task is ended while it runs", async () => {
      const path = pair().stage.path();
      const id = await client().send({ name: task("spin"), args: [path] });
      await untilLines(path, 1);
      await client().revoke(id, node, { terminate: true });
      expect(await client().get(id)).toMatchObject({
        state: "REVOKED",
        error: { type: "TaskRevokedError", module: "celery.exceptions", args: ["terminated"] },
      });
      expect(await client().call({ name: task("add"), args: [1, 2] })).toEqual({ state: "SUCCESS", value: 3 });
    });

    /** Keeps all slots of the worker busy until the returned function is called. */
    async function holdSlots(): Promise<() => void> {
      const path = pair().stage.path();
      const held: readonly Call[] = Array.from({ length: SLOTS }, () => ({ name: task("hold"), args: [path] }));
      await client().sendMany(held);
      await untilLines(`${path}.began`, SLOTS);
      return () => writeFileSync(path, "");
    }
  });
}

function ranAt(value: unknown): { started: number; eta: string } {
  if (typeof value !== "object" || value === null) throw new TypeError(`expected an object, got ${String(value)}`);
  const { started, eta } = { started: undefined, eta: undefined, ...value };
  return { started: Number(started), eta: String(eta) };
}

/** Nothing tells that time has passed but time. */
async function expired(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000 + 50));
}
