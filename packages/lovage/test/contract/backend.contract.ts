import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { BackendCapabilities, ResultBackend } from "../../src/backends/backend.js";
import { BackendConnectionError, BackendError } from "../../src/errors.js";
import { READY_STATES } from "../../src/protocol/states.js";
import { decodeTaskMeta, encodeTaskMeta, type ResultTuple, type TaskMeta } from "../../src/protocol/task-meta.js";

/** One result backend with nothing in it, for one test. */
export interface BackendFixture {
  /** A new connection, not yet opened. */
  connection(options: { resultExpires: number | null }): ResultBackend;
  /** Removes what the test left. All connections are closed by then. */
  remove(): Promise<void>;
}

export interface BackendContract {
  readonly capabilities: BackendCapabilities;
  fixture(): Promise<BackendFixture>;
}

/** Seconds: longer than any test. */
const LONG = 3600;
/** Seconds: for tests that wait for its end. */
const SHORT = 0.05;
/** Milliseconds in which what should not happen would have happened. There is no signal for nothing. */
const QUIET_MS = 60;

/** What every result backend does, and each by its capabilities. */
export function describeBackend(name: string, contract: BackendContract): void {
  const { capabilities } = contract;

  /** Opens connections to one backend; they are closed when the test is over. */
  async function given(): Promise<(resultExpires?: number | null) => Promise<ResultBackend>> {
    const fixture = await contract.fixture();
    const opened: ResultBackend[] = [];
    onTestFinished(async () => {
      for (const backend of opened) await backend.close();
      await fixture.remove();
    });
    return async (resultExpires = LONG) => {
      const backend = fixture.connection({ resultExpires });
      opened.push(backend);
      await backend.connect();
      return backend;
    };
  }
  async function givenBackend(resultExpires: number | null = LONG): Promise<ResultBackend> {
    return await (await given())(resultExpires);
  }

  describe(`the ${name} result backend`, () => {
    test("declares the capabilities this suite was given", async () => {
      expect((await givenBackend()).capabilities).toEqual(capabilities);
    });

    describe("its connection", () => {
      test("may be opened twice", async () => {
        const backend = await givenBackend();
        await backend.store(success("t"));
        await backend.connect();
        expect((await backend.get("t"))?.status).toBe("SUCCESS");
      });

      test("may be closed before it is opened, and twice", async () => {
        const fixture = await contract.fixture();
        onTestFinished(fixture.remove);
        const backend = fixture.connection({ resultExpires: LONG });
        await backend.close();
        await backend.close();
      });

      test.for(USES)("refuses to $what once it is closed", async ({ use }) => {
        const backend = await givenBackend();
        await backend.close();
        await expect(use(backend)).rejects.toThrow(BackendError);
        await expect(use(backend)).rejects.toMatchObject({ code: "backend_closed" });
      });

      test("ends pending waits when it is closed", async () => {
        const connect = await given();
        const leaving = await connect();
        const staying = await connect();
        const ended = [wait(leaving, "a"), wait(leaving, "a"), wait(leaving, "b")].map((each) => each.catch(String));
        const kept = wait(staying, "a");
        await leaving.close();
        for (const each of ended) expect(await each).toMatch(/closed/);
        await staying.store(success("a"));
        expect((await kept).status).toBe("SUCCESS");
      });

      test("says of a wait that it ends that another try may succeed", async () => {
        const backend = await givenBackend();
        const waiting = expect(wait(backend, "a")).rejects.toThrow(BackendConnectionError);
        await backend.close();
        await waiting;
      });

      test("leaves what is stored to the other connections", async () => {
        const connect = await given();
        const [one, other] = [await connect(), await connect()];
        await one.store(success("t", 7));
        await one.close();
        expect((await other.get("t"))?.result).toBe(7);
      });
    });

    describe("a stored result", () => {
      test("is there for all connections", async () => {
        const connect = await given();
        const [one, other] = [await connect(), await connect()];
        expect(await one.store(success("t", { deep: [1, null, "x"] }))).toBe(true);
        expect((await one.get("t"))?.result).toEqual({ deep: [1, null, "x"] });
        expect(await other.get("t")).toEqual(await one.get("t"));
      });

      test("that was never stored is undefined", async () => {
        expect(await (await givenBackend()).get("nobody")).toBeUndefined();
      });

      test("keeps all that is known of the task", async () => {
        const backend = await givenBackend();
        const meta: TaskMeta = {
          taskId: "t",
          status: "FAILURE",
          result: { exc_type: "RangeError", exc_message: ["too far"], exc_module: null },
          traceback: "RangeError: too far\n    at add (tasks.ts:3:5)",
          children: [tuple("child")],
          dateDone: new Date("2026-02-03T04:05:06.789Z"),
          groupId: "g",
          parentId: "p",
          name: "shop.add",
          args: [1, "zwei"],
          kwargs: { deep: { er: true } },
          worker: "w1@host",
          retries: 2,
          queue: "images",
        };
        await backend.store(meta);
        expect(await backend.get("t")).toEqual(meta);
      });

      test("keeps values that JSON alone cannot carry", async () => {
        const backend = await givenBackend();
        const meta = success("t", { when: new Date(0), big: 2n ** 70n, bytes: new Uint8Array([0, 255, 10]) });
        await backend.store(meta);
        expect(await backend.get("t")).toEqual(decodeTaskMeta(encodeTaskMeta(meta)));
      });

      test("may be any JSON, under any id", async () => {
        const backend = await givenBackend();
        await fc.assert(
          fc.asyncProperty(
            fc.string({ unit: "grapheme", minLength: 1 }),
            fc.jsonValue({ noUnicodeString: false }),
            async (id, value) => {
              const meta = success(id, value);
              await backend.forget(id);
              await backend.store(meta);
              expect(await backend.get(id)).toEqual(decodeTaskMeta(encodeTaskMeta(meta)));
            },
          ),
          { numRuns: 50 },
        );
      });

      test("may be megabytes", async () => {
        const backend = await givenBackend();
        const text = "häßlich 😀 ".repeat(300_000);
        await backend.store(success("t", text));
        expect((await backend.get("t"))?.result).toBe(text);
      });

      test("does not change with the object it was stored from, or with one it was read into", async () => {
        const backend = await givenBackend();
        const value = { list: [1] };
        const stored = backend.store(success("t", value));
        value.list.push(2);
        await stored;
        const read = (await backend.get("t"))?.result;
        if (typeof read === "object" && read !== null) Reflect.set(read, "list", "spoilt");
        expect((await backend.get("t"))?.result).toEqual({ list: [1] });
      });

      test("that cannot be written is refused and leaves what was there", async () => {
        const backend = await givenBackend();
        await backend.store(state("t", "STARTED"));
        const circle: unknown[] = [];
        circle.push(circle);
        await expect(backend.store(success("t", circle))).rejects.toThrow();
        expect((await backend.get("t"))?.status).toBe("STARTED");
      });

      test("takes the place of the one before", async () => {
        const backend = await givenBackend();
        for (const status of ["PENDING", "RECEIVED", "STARTED", "PROGRESS", "RETRY", "FAILURE", "STARTED", "SUCCESS"]) {
          expect(await backend.store(state("t", status))).toBe(true);
          expect((await backend.get("t"))?.status).toBe(status);
        }
      });

      test("is nobody else's", async () => {
        const backend = await givenBackend();
        await Promise.all(["a", "b", "A"].map((id) => backend.store(success(id, id))));
        for (const id of ["a", "b", "A"]) expect((await backend.get(id))?.result).toBe(id);
      });

      test("is the last of those stored at once", async () => {
        const backend = await givenBackend();
        const values = Array.from({ length: 100 }, (_, index) => index);
        await Promise.all(values.map((value) => backend.store({ ...state("t", "PROGRESS"), result: value })));
        expect((await backend.get("t"))?.result).toBe(99);
      });
    });

    describe("a stored SUCCESS", () => {
      test.for(["SUCCESS", "FAILURE", "RETRY", "REVOKED", "STARTED", "PROGRESS"])(
        "stands against a later %s",
        async (status) => {
          const backend = await givenBackend();
          await backend.store(success("t", "first"));
          expect(await backend.store({ ...state("t", status), result: "second" })).toBe(false);
          expect(await backend.get("t")).toMatchObject({ status: "SUCCESS", result: "first" });
        },
      );

      test("stands against a write by another connection", async () => {
        const connect = await given();
        const [one, other] = [await connect(), await connect()];
        await one.store(success("t", "first"));
        expect(await other.store(state("t", "FAILURE"))).toBe(false);
        expect((await other.get("t"))?.result).toBe("first");
      });

      test("gives way once it is forgotten", async () => {
        const backend = await givenBackend();
        await backend.store(success("t"), { fence: 9 });
        await backend.forget("t");
        expect(await backend.store(state("t", "STARTED"))).toBe(true);
        expect((await backend.get("t"))?.status).toBe("STARTED");
      });
    });

    describe("a fence", () => {
      test.for(FENCED)(
        "$second.status with fence $second.fence after $first.status with fence $first.fence: kept is $kept",
        async ({ first, second, kept }) => {
          const backend = await givenBackend();
          await backend.store(state("t", first.status), { fence: first.fence });
          expect(await backend.store(state("t", second.status), { fence: second.fence })).toBe(kept);
          expect((await backend.get("t"))?.status).toBe(kept ? second.status : first.status);
        },
      );

      test("outlives a write that had none", async () => {
        const backend = await givenBackend();
        await backend.store(state("t", "STARTED"), { fence: 5 });
        await backend.store(state("t", "PROGRESS"));
        expect(await backend.store(state("t", "FAILURE"), { fence: 4 })).toBe(false);
        expect((await backend.get("t"))?.status).toBe("PROGRESS");
      });

      test("holds whatever the order of the writes", async () => {
        const connect = await given();
        const backends = [await connect(), await connect()];
        const write = fc.record({
          status: fc.constantFrom("STARTED", "SUCCESS", "FAILURE", "RETRY"),
          fence: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
          by: fc.constantFrom(0, 1),
        });
        let run = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(write, { maxLength: 8 }), async (writes) => {
            const id = `t${run++}`;
            const expected = new FencedState();
            for (const { status, fence, by } of writes) {
              expect(await backends[by]?.store(state(id, status), { fence })).toBe(expected.store(status, fence));
            }
            expect((await backends[0]?.get(id))?.status).toBe(expected.status);
          }),
          { numRuns: 100 },
        );
      });
    });

    describe("forgetting", () => {
      test("removes the result, for all", async () => {
        const connect = await given();
        const [one, other] = [await connect(), await connect()];
        await one.store(success("t"));
        await one.store(success("kept"));
        await other.forget("t");
        expect(await one.get("t")).toBeUndefined();
        expect(await one.get("kept")).toBeDefined();
      });

      test("what is not there is not an error", async () => {
        const backend = await givenBackend();
        await backend.forget("nobody");
        await backend.forget("nobody");
      });
    });

    describe("waiting", () => {
      test.for([...READY_STATES])("ends with the state %s", async (status) => {
        const backend = await givenBackend();
        const waiting = wait(backend, "t");
        await backend.store(state("t", status));
        expect((await waiting).status).toBe(status);
      });

      test.for([...READY_STATES])("is over at once when %s is stored already", async (status) => {
        const connect = await given();
        await (await connect()).store(state("t", status));
        expect((await wait(await connect(), "t")).status).toBe(status);
      });

      test.for(["PENDING", "RECEIVED", "STARTED", "RETRY", "PROGRESS"])("is not ended by %s", async (status) => {
        const backend = await givenBackend();
        const ended = vi.fn();
        const waiting = wait(backend, "t").finally(ended);
        await backend.store(state("t", status));
        await quiet();
        expect(ended).not.toHaveBeenCalled();
        await backend.store(success("t"));
        expect((await waiting).status).toBe("SUCCESS");
      });

      test("is not ended by a write that was refused", async () => {
        const backend = await givenBackend();
        await backend.store(state("t", "STARTED"), { fence: 5 });
        const waiting = wait(backend, "t");
        expect(await backend.store({ ...success("t"), result: "by a zombie" }, { fence: 4 })).toBe(false);
        await backend.store({ ...success("t"), result: "by its successor" }, { fence: 5 });
        expect((await waiting).result).toBe("by its successor");
      });

      test("resolves with what is stored", async () => {
        const backend = await givenBackend();
        const waiting = wait(backend, "t");
        await backend.store(success("t", { value: [1, 2] }));
        expect(await waiting).toEqual(await backend.get("t"));
      });

      test("is ended by another connection", async () => {
        const connect = await given();
        const [waiter, storer] = [await connect(), await connect()];
        const waiting = wait(waiter, "t");
        await storer.store(success("t", "from over there"));
        expect((await waiting).result).toBe("from over there");
      });

      test("is ended for all who wait, on all connections", async () => {
        const connect = await given();
        const backends = [await connect(), await connect()];
        const waiting = backends.flatMap((backend) => [wait(backend, "t"), wait(backend, "t"), wait(backend, "t")]);
        await backends[0]?.store(success("t", 1));
        expect((await Promise.all(waiting)).map(({ result }) => result)).toEqual([1, 1, 1, 1, 1, 1]);
      });

      test("for many tasks ends each with its own result", async () => {
        const connect = await given();
        const [waiter, storer] = [await connect(), await connect()];
        const ids = Array.from({ length: 500 }, (_, index) => `t${index}`);
        const waiting = ids.map((id) => wait(waiter, id));
        await Promise.all(ids.toReversed().map((id) => storer.store(success(id, id))));
        expect((await Promise.all(waiting)).map(({ result }) => result)).toEqual(ids);
      });

      test("misses nothing that is stored in the very moment it begins", async () => {
        const connect = await given();
        const [waiter, storer] = [await connect(), await connect()];
        for (let turn = 0; turn < 100; turn++) {
          const [meta] = await Promise.all([wait(waiter, `t${turn}`), storer.store(success(`t${turn}`))]);
          expect(meta.status).toBe("SUCCESS");
        }
      });

      test("is given up with the signal's reason", async () => {
        const backend = await givenBackend();
        const controller = new AbortController();
        const given = backend.wait("t", controller.signal);
        const others = wait(backend, "t");
        controller.abort(new RangeError("enough"));
        await expect(given).rejects.toThrow(new RangeError("enough"));
        await backend.store(success("t"));
        expect((await others).status).toBe("SUCCESS");
      });

      test("does not begin under a signal that has aborted", async () => {
        const backend = await givenBackend();
        await expect(backend.wait("t", AbortSignal.abort(new RangeError("too late")))).rejects.toThrow("too late");
      });

      test("can begin again after it was given up", async () => {
        const backend = await givenBackend();
        const controller = new AbortController();
        const first = backend.wait("t", controller.signal);
        controller.abort();
        await expect(first).rejects.toThrow();
        const second = wait(backend, "t");
        await backend.store(success("t"));
        expect((await second).status).toBe("SUCCESS");
      });
    });

    describe("groups", () => {
      test("are kept as they were saved, for all connections", async () => {
        const connect = await given();
        const [one, other] = [await connect(), await connect()];
        const result: ResultTuple = [
          ["gruppe-ü", tuple("parent")],
          [tuple("a"), tuple("b"), [["g2", null], [tuple("c")]]],
        ];
        await one.saveGroup({ groupId: "gruppe-ü", result });
        expect(await other.restoreGroup("gruppe-ü")).toEqual({ groupId: "gruppe-ü", result });
      });

      test("are replaced when they are saved again", async () => {
        const backend = await givenBackend();
        await backend.saveGroup({ groupId: "g", result: [["g", null], [tuple("a")]] });
        await backend.saveGroup({ groupId: "g", result: [["g", null], [tuple("b")]] });
        expect((await backend.restoreGroup("g"))?.result[1]).toEqual([tuple("b")]);
      });

      test("that were never saved are undefined", async () => {
        expect(await (await givenBackend()).restoreGroup("nobody")).toBeUndefined();
      });

      test("are not tasks", async () => {
        const backend = await givenBackend();
        await backend.saveGroup({ groupId: "x", result: [["x", null], []] });
        expect(await backend.get("x")).toBeUndefined();
        await backend.forget("x");
        expect(await backend.restoreGroup("x")).toBeDefined();
      });
    });

    describe("counting the parts of a chord", () => {
      test("says how many have been counted", async () => {
        const backend = await givenBackend();
        expect(await backend.countChordPart("g", "a")).toBe(1);
        expect(await backend.countChordPart("g", "b")).toBe(2);
        expect(await backend.countChordPart("other", "c")).toBe(1);
      });

      test("counts a repeated part once", async () => {
        const connect = await given();
        const [one, other] = [await connect(), await connect()];
        await one.countChordPart("g", "a");
        await one.countChordPart("g", "b");
        expect(await one.countChordPart("g", "a")).toBe(2);
        expect(await other.countChordPart("g", "a")).toBe(2);
        expect(await other.countChordPart("g", "c")).toBe(3);
      });

      test("gives each part a count of its own, however many come at once", async () => {
        const connect = await given();
        const backends = [await connect(), await connect()];
        const counts = await Promise.all(
          Array.from({ length: 200 }, (_, index) => backends[index % 2]?.countChordPart("g", `part-${index}`)),
        );
        expect(counts.map(Number).toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: 200 }, (_, index) => index + 1),
        );
      });
    });

    describe("expiry", () => {
      test("hides what was stored longer ago than resultExpires", async () => {
        const backend = await givenBackend(SHORT);
        await backend.store(success("t"));
        await backend.saveGroup({ groupId: "g", result: [["g", null], []] });
        expect(await backend.get("t")).toBeDefined();
        await vi.waitFor(async () => {
          expect(await backend.get("t")).toBeUndefined();
          expect(await backend.restoreGroup("g")).toBeUndefined();
        });
      });

      test("counts from the last time it was stored", async () => {
        const connect = await given();
        const [brief, long] = [await connect(SHORT), await connect(LONG)];
        await brief.store(state("t", "STARTED"));
        await long.store(state("t", "PROGRESS"));
        await new Promise((later) => setTimeout(later, SHORT * 2000));
        expect((await long.get("t"))?.status).toBe("PROGRESS");
      });

      test("ends all that a result stood against", async () => {
        const backend = await givenBackend(SHORT);
        await backend.store(success("t", "old"), { fence: 5 });
        await vi.waitFor(async () => expect(await backend.get("t")).toBeUndefined());
        expect(await backend.store(state("t", "STARTED"), { fence: 2 })).toBe(true);
        expect(await backend.store(state("t", "RETRY"), { fence: 3 })).toBe(true);
      });

      test("ends no wait", async () => {
        const connect = await given();
        const [brief, long] = [await connect(SHORT), await connect(LONG)];
        await brief.store(success("t", "old"));
        await vi.waitFor(async () => expect(await brief.get("t")).toBeUndefined());
        const waiting = wait(long, "t");
        await long.store(success("t", "new"));
        expect((await waiting).result).toBe("new");
      });

      test("deletes what has expired, and says how many results went", async () => {
        const connect = await given();
        const [backend, other] = [await connect(LONG), await connect(null)];
        for (const id of ["a", "b", "c"]) await backend.store(success(id));
        await backend.saveGroup({ groupId: "g", result: [["g", null], []] });
        await backend.countChordPart("g", "a");
        await other.store(success("for ever"));
        expect(await backend.removeExpired(new Date())).toBe(0);
        expect(await backend.get("a")).toBeDefined();

        expect(await backend.removeExpired(inSeconds(2 * LONG))).toBe(3);

        expect(await backend.get("a")).toBeUndefined();
        expect(await backend.restoreGroup("g")).toBeUndefined();
        expect(await backend.countChordPart("g", "b")).toBe(1);
        expect(await backend.get("for ever")).toBeDefined();
        expect(await backend.removeExpired(inSeconds(2 * LONG))).toBe(0);
      });

      test("does not come when resultExpires is null", async () => {
        const backend = await givenBackend(null);
        await backend.store(success("t"));
        await backend.saveGroup({ groupId: "g", result: [["g", null], []] });
        expect(await backend.removeExpired(inSeconds(1e9))).toBe(0);
        expect(await backend.get("t")).toBeDefined();
        expect(await backend.restoreGroup("g")).toBeDefined();
      });
    });
  });
}

/** All that one can ask of a backend. */
const USES: readonly { readonly what: string; use(backend: ResultBackend): Promise<unknown> }[] = [
  { what: "connect", use: (backend) => backend.connect() },
  { what: "store", use: (backend) => backend.store(success("t")) },
  { what: "get", use: (backend) => backend.get("t") },
  { what: "forget", use: (backend) => backend.forget("t") },
  { what: "wait", use: (backend) => backend.wait("t", new AbortController().signal) },
  { what: "save a group", use: (backend) => backend.saveGroup({ groupId: "g", result: [["g", null], []] }) },
  { what: "restore a group", use: (backend) => backend.restoreGroup("g") },
  { what: "count a part", use: (backend) => backend.countChordPart("g", "a") },
  { what: "remove what expired", use: (backend) => backend.removeExpired(new Date()) },
];

interface FencedWrite {
  readonly status: string;
  readonly fence: number | undefined;
}
function fenced(status: string, fence?: number): FencedWrite {
  return { status, fence };
}
const FENCED: readonly { readonly first: FencedWrite; readonly second: FencedWrite; readonly kept: boolean }[] = [
  { first: fenced("SUCCESS", 5), second: fenced("FAILURE", 6), kept: true },
  { first: fenced("SUCCESS", 5), second: fenced("STARTED", 6), kept: true },
  { first: fenced("SUCCESS", 5), second: fenced("SUCCESS", 5), kept: false },
  { first: fenced("SUCCESS", 5), second: fenced("SUCCESS", 4), kept: false },
  { first: fenced("SUCCESS", 5), second: fenced("FAILURE"), kept: false },
  { first: fenced("SUCCESS"), second: fenced("FAILURE", 1), kept: true },
  { first: fenced("STARTED", 5), second: fenced("SUCCESS", 5), kept: true },
  { first: fenced("STARTED", 5), second: fenced("SUCCESS", 4), kept: false },
  { first: fenced("STARTED", 5), second: fenced("SUCCESS"), kept: true },
  { first: fenced("FAILURE", 5), second: fenced("SUCCESS", 4), kept: false },
  { first: fenced("FAILURE", 5), second: fenced("SUCCESS", 5), kept: true },
  { first: fenced("RETRY", 5), second: fenced("STARTED", 6), kept: true },
  { first: fenced("STARTED"), second: fenced("SUCCESS", 1), kept: true },
];

/** The rule of `ResultBackend.store`, word by word. */
class FencedState {
  status: string | undefined;
  #fence = 0;

  store(status: string, fence = 0): boolean {
    const higher = fence > this.#fence;
    const lower = fence !== 0 && fence < this.#fence;
    if (lower || (this.status === "SUCCESS" && !higher)) return false;
    this.status = status;
    this.#fence = Math.max(fence, this.#fence);
    return true;
  }
}

function state(taskId: string, status: string): TaskMeta {
  return { taskId, status, result: null, traceback: null, children: [], dateDone: null };
}
function success(taskId: string, result: unknown = null): TaskMeta {
  return { ...state(taskId, "SUCCESS"), result, dateDone: new Date("2026-01-02T03:04:05Z") };
}
function tuple(id: string): ResultTuple {
  return [[id, null], null];
}
/** Waits without a limit of its own: the test's is enough. */
function wait(backend: ResultBackend, id: string): Promise<TaskMeta> {
  return backend.wait(id, new AbortController().signal);
}
/** Time for what should not happen. There is no event to wait for. */
async function quiet(): Promise<void> {
  await new Promise((later) => setTimeout(later, QUIET_MS));
}
function inSeconds(seconds: number): Date {
  return new Date(Date.now() + seconds * 1000);
}
