import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { BackendCapabilities, ResultBackend } from "../../src/backends/backend.js";
import { BackendConnectionError, BackendError, EncodeError } from "../../src/errors.js";
import { READY_STATES } from "../../src/protocol/states.js";
import type { GroupMeta, TaskMeta } from "../../src/protocol/task-meta.js";
import { Decimal, PlainDate, PlainTime, Uuid } from "../../src/protocol/values.js";
import type { Clock } from "../../src/util/clock.js";
import { BackendProcess } from "../support/backend-process.js";
import { HeldClock } from "../support/held-clock.js";
import { failure, metaIn, passing, success } from "../support/task-metas.js";

/** One result backend with nothing in it, for one test. */
export interface BackendFixture {
  /** What another process opens the same backend with. */
  readonly url: string;
  /** A new connection, not yet opened. */
  connection(options: { resultExpires: number | null; clock: Clock }): ResultBackend;
  /** Lets `seconds` pass for what is stored, where the store has a clock of its own that no test can hold. */
  readonly pass?: (seconds: number) => Promise<void>;
  /** Removes what the test left. All connections are closed by then. */
  remove(): Promise<void>;
}

export interface BackendContract {
  /** The shared log is a matter of two drivers and pinned in shared-log.test.ts. */
  readonly capabilities: Omit<BackendCapabilities, "log">;
  fixture(): Promise<BackendFixture>;
}

/** Seconds. */
const DAY = 86_400;
/** Milliseconds in which what should not happen would have happened. There is no signal for nothing. */
const QUIET_MS = 60;
const NEVER = new AbortController().signal;
const UNREADY = ["PENDING", "RECEIVED", "STARTED", "RETRY", "PROGRESS", "MY OWN STATE"];

/** What every result backend does, and each by its capabilities. */
export function describeBackend(name: string, contract: BackendContract): void {
  const { capabilities } = contract;
  /** Skips a case where the backend cannot do it, and says why in the report's metadata. */
  const without = (reason: string, missing: boolean) => ({
    skip: missing,
    meta: missing ? { doesNotApply: reason } : {},
  });
  const toSender = capabilities.readers === "sender";
  const whereStored = without("only the process that sent a task can read its result", toSender);
  const whereFenced = without("nothing compares what is stored: the last ready state wins", !capabilities.fencing);
  const whereGrouped = without("there are no groups and no chords", !capabilities.groups);
  const goByThemselves = capabilities.expiry === "itself";
  const whereRemoved = without("the store drops what has expired by itself, by its own clock", goByThemselves);
  /** What `removeExpired` finds of so many results that have expired. */
  const leftToRemove = (expired: number): number => (goByThemselves ? 0 : expired);

  async function given({ resultExpires = DAY }: { resultExpires?: number | null } = {}): Promise<Given> {
    const fixture = await contract.fixture();
    // Other processes have the system's clock: what is stored by this one must not look expired to them.
    const clock = new HeldClock(new Date());
    const opened: ResultBackend[] = [];
    let address: Promise<string> | undefined;
    const unopened = (lifetime = resultExpires): ResultBackend => {
      const connection = fixture.connection({ resultExpires: lifetime, clock });
      const [first = connection] = opened;
      opened.push(connection);
      // Where results go to the sender, the test's first connection is it.
      const sendersAddress = (): Promise<string> | undefined => (address ??= first.replyAddress?.());
      return toSender ? answering(connection, async () => await sendersAddress()) : connection;
    };
    onTestFinished(async () => {
      for (const backend of opened) await backend.close();
      await fixture.remove();
    });
    const connect = async (lifetime = resultExpires): Promise<ResultBackend> => {
      const backend = unopened(lifetime);
      await backend.connect();
      return backend;
    };
    const held: HeldTime = {
      now: () => clock.now(),
      advance: async (seconds) => {
        // A result's life begins when it arrives: what is on its way has to, before time goes on.
        if (toSender) await opened[0]?.get("none");
        await clock.advance(seconds);
        await fixture.pass?.(seconds);
      },
    };
    const backend = await connect();
    const connectReader = async (): Promise<ResultBackend> => (toSender ? backend : await connect());
    return { url: fixture.url, clock: held, unopened, connect, connectReader, backend };
  }

  describe(`the ${name} result backend`, () => {
    test("declares the capabilities this suite was given", async () => {
      const { backend } = await given();
      const { log: _log, ...declared } = backend.capabilities;
      expect(declared).toEqual(capabilities);
    });

    describe("its connection", () => {
      test("may be opened twice", async () => {
        const { backend } = await given();
        await backend.connect();
        await backend.store(success("a", 1));
        expect(await backend.get("a")).toMatchObject({ result: 1 });
      });

      test("is not opened when the signal has aborted", async () => {
        const { unopened } = await given();
        const reason = new Error("enough");
        await expect(unopened().connect(AbortSignal.abort(reason))).rejects.toBe(reason);
      });

      test("may be closed twice, and before it was opened", async () => {
        const { backend, unopened } = await given();
        await backend.close();
        await backend.close();
        await unopened().close();
      });

      test("leaves other connections open when it closes", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        await other.store(success("a", 1));
        await other.close();
        expect(await backend.get("a")).toMatchObject({ result: 1 });
      });

      test.for(USES)("refuses to $what once it is closed", async ({ use }) => {
        const { backend } = await given();
        await backend.close();
        const error: unknown = await use(backend).catch((cause: unknown) => cause);
        expect(error).toBeInstanceOf(BackendError);
        expect(error).toMatchObject({ code: "backend_closed" });
      });

      test("settles a store that is under way when it is closed", whereStored, async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const storing = backend.store(success("a", 1)).catch(() => false);
        await backend.close();
        const kept = await storing;
        expect(await other.get("a")).toEqual(kept ? success("a", 1) : undefined);
      });
    });

    describe("what is stored", () => {
      test("is nothing for a task nobody has heard of", async () => {
        const { backend } = await given();
        expect(await backend.get("unknown")).toBeUndefined();
      });

      test("is seen by all connections as soon as the store has settled", whereStored, async () => {
        const { backend, connect } = await given();
        const other = await connect();
        expect(await backend.store(success("a", 8))).toBe(true);
        expect(await other.get("a")).toEqual(success("a", 8));
      });

      test("comes back with every field", async () => {
        const { backend } = await given();
        const child = [["child", [["a", null], null]], null] as const;
        const members = [
          ["g", null],
          [child, [["b", null], null]],
        ] as const;
        const meta: TaskMeta = {
          ...success("a", { x: [1, "two", null] }),
          traceback: "line 1\nline 2",
          children: [child, members],
          groupId: "g",
          parentId: "p",
          name: "shop.add",
          args: [1, { two: 2 }],
          kwargs: { three: 3 },
          worker: "w@host",
          retries: 2,
          queue: "images",
        };
        await backend.store(meta);
        expect(await backend.get("a")).toEqual(meta);
      });

      test("comes back without the fields it was stored without", async () => {
        const { backend } = await given();
        const revoked = metaIn("a", "REVOKED");
        await backend.store(revoked);
        expect(await backend.get("a")).toEqual({ ...revoked, children: null });
      });

      test("replaces the state before", async () => {
        const { backend } = await given();
        for (const meta of [
          passing("a", "STARTED", { pid: 1, hostname: "w@host" }),
          passing("a", "PROGRESS", { current: 1, total: 3 }),
          passing("a", "RETRY"),
          failure("a", "first"),
          success("a", 5),
        ]) {
          expect(await backend.store(meta)).toBe(true);
          expect(await backend.get("a")).toEqual(meta);
        }
      });

      test("replaces a failure by the states of another run", whereFenced, async () => {
        const { backend } = await given();
        for (const meta of [failure("a", "first"), passing("a", "STARTED"), failure("a", "second"), success("a", 5)]) {
          expect(await backend.store(meta)).toBe(true);
          expect(await backend.get("a")).toEqual(meta);
        }
      });

      test("is each task's own", async () => {
        const { backend } = await given();
        const ids = ["a", "A", "a ", " a", "ä", "日本", "a'b", 'a"b', "a\\b", "a%", "a_", "1", "01", "null"];
        await Promise.all(ids.map((id) => backend.store(success(id, `of ${id}`))));
        for (const id of ids) expect(await backend.get(id)).toEqual(success(id, `of ${id}`));
      });

      test("is not touched by what the caller does to its value afterwards", async () => {
        const { backend } = await given();
        const result = { list: [1] };
        await backend.store(success("a", result));
        result.list.push(2);
        const first = await backend.get("a");
        expect(first?.result).toEqual({ list: [1] });
        if (isListHolder(first?.result)) first.result.list.push(3);
        expect(await backend.get("a")).toEqual(success("a", { list: [1] }));
      });

      test.each([
        ["a Date", new Date("2024-02-29T23:59:59.999Z")],
        ["a bigint", 12345678901234567890n],
        ["bytes that are text", new TextEncoder().encode("grün")],
        ["bytes that are not", new Uint8Array([0, 255, 254, 128])],
        ["a calendar day", new PlainDate(2024, 2, 29)],
        ["a time of day", new PlainTime(1, 2, 3, 4)],
        ["a decimal", new Decimal("1.10")],
        ["a UUID", new Uuid("12345678-1234-5678-1234-567812345678")],
        ["text beyond the basic plane", "zażółć 日本 🦄 \u0000 \u2028 \ud800"],
        ["nothing", null],
        ["deep nesting", Array.from({ length: 200 }).reduce<unknown>((inner) => [inner], "core")],
      ])("may be %s", async (_, value) => {
        const { backend } = await given();
        await backend.store(success("a", { value, list: [value] }));
        expect(await backend.get("a")).toEqual(success("a", { value, list: [value] }));
      });

      test("may be any JSON value, under any id", async () => {
        const { backend } = await given();
        const id = fc.string({ unit: "grapheme", minLength: 1 });
        await fc.assert(
          fc.asyncProperty(id, fc.jsonValue({ stringUnit: "binary" }), async (taskId, value) => {
            await backend.forget(taskId);
            await backend.store(success(taskId, value));
            const expected: unknown = JSON.parse(JSON.stringify(value));
            expect(await backend.get(taskId)).toEqual(success(taskId, expected));
          }),
          { numRuns: 60 },
        );
      });

      test("may be large", async () => {
        const { backend, connectReader } = await given();
        const other = await connectReader();
        const result = "ä🦄x".repeat(1_000_000);
        const waiting = other.wait("a", NEVER);
        await backend.store(success("a", result));
        expect((await backend.get("a"))?.result === result).toBe(true);
        expect((await waiting).result === result).toBe(true);
      });

      test("stays as it was when a result cannot be written as JSON", async () => {
        const { backend } = await given();
        await backend.store(passing("a", "STARTED"));
        const circle: unknown[] = [];
        circle.push(circle);
        for (const value of [circle, { call: () => 1 }]) {
          await expect(backend.store(success("a", value))).rejects.toBeInstanceOf(EncodeError);
        }
        expect(await backend.get("a")).toMatchObject({ status: "STARTED" });
      });

      test("is in order when many are stored at once", async () => {
        const { backend } = await given();
        const stores = Array.from({ length: 500 }, (_, index) => backend.store(passing("a", "PROGRESS", index)));
        expect(await Promise.all(stores)).toEqual(stores.map(() => true));
        expect(await backend.get("a")).toMatchObject({ result: 499 });
      });

      test(
        "survives the end of its connections",
        without("the store is not durable", !capabilities.durable),
        async () => {
          const { backend, connect } = await given();
          await backend.store(success("a", 1));
          await backend.close();
          expect(await (await connect()).get("a")).toEqual(success("a", 1));
        },
      );

      test(
        "survives the kill of the process that stored it",
        without("no other process can store here", !(capabilities.durable && capabilities.shared)),
        async () => {
          const { backend, url } = await given();
          const peer = await BackendProcess.start(url);
          await peer.store("a", { from: "another process" });
          await peer.kill();
          expect(await backend.get("a")).toEqual(success("a", { from: "another process" }));
        },
      );
    });

    describe("a stored SUCCESS", whereFenced, () => {
      test.each(["FAILURE", "RETRY", "REVOKED", "STARTED", "PROGRESS", "SUCCESS"])(
        "is not replaced by %s without a fence",
        async (status) => {
          const { backend } = await given();
          await backend.store(success("a", 1));
          expect(await backend.store(metaIn("a", status, 2))).toBe(false);
          expect(await backend.get("a")).toEqual(success("a", 1));
        },
      );

      test("is not replaced by another connection", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        await backend.store(success("a", 1));
        expect(await other.store(failure("a"))).toBe(false);
        expect(await other.get("a")).toEqual(success("a", 1));
      });

      test("is not replaced by a write with the same fence, or with none", async () => {
        const { backend } = await given();
        await backend.store(success("a", 1), { fence: 7 });
        expect(await backend.store(failure("a"), { fence: 7 })).toBe(false);
        expect(await backend.store(failure("a"))).toBe(false);
        expect(await backend.get("a")).toEqual(success("a", 1));
      });

      test("is replaced by a write with a higher fence", async () => {
        const { backend } = await given();
        await backend.store(success("a", 1), { fence: 7 });
        expect(await backend.store(failure("a"), { fence: 8 })).toBe(true);
        expect(await backend.get("a")).toEqual(failure("a"));
      });
    });

    describe("a fence", whereFenced, () => {
      test("keeps a worker that was frozen from overwriting the run that replaced it", async () => {
        // Given a run that was taken over by a second one
        const { backend, connect } = await given();
        const frozen = await connect();
        await frozen.store(passing("a", "STARTED", "first run"), { fence: 1 });
        await backend.store(passing("a", "STARTED", "second run"), { fence: 2 });
        // When the first one wakes up and goes on
        const results = [
          await frozen.store(passing("a", "PROGRESS", "first run"), { fence: 1 }),
          await frozen.store(success("a", "first run"), { fence: 1 }),
        ];
        // Then nothing it says counts
        expect(results).toEqual([false, false]);
        expect(await backend.get("a")).toMatchObject({ status: "STARTED", result: "second run" });
      });

      test("is remembered through writes without one", async () => {
        const { backend } = await given();
        await backend.store(passing("a", "STARTED"), { fence: 5 });
        expect(await backend.store(metaIn("a", "REVOKED"))).toBe(true);
        expect(await backend.store(success("a"), { fence: 4 })).toBe(false);
        expect(await backend.store(success("a"), { fence: 5 })).toBe(true);
      });

      test("of 0 is one", async () => {
        const { backend } = await given();
        await backend.store(passing("a", "STARTED"), { fence: 1 });
        expect(await backend.store(success("a"), { fence: 0 })).toBe(false);
      });

      test("is forgotten with the result", async () => {
        const { backend } = await given();
        await backend.store(success("a"), { fence: 5 });
        await backend.forget("a");
        expect(await backend.store(success("a"), { fence: 1 })).toBe(true);
      });

      test("may be as large as a safe integer", async () => {
        const { backend } = await given();
        await backend.store(passing("a", "STARTED"), { fence: Number.MAX_SAFE_INTEGER - 1 });
        expect(await backend.store(success("a", 1), { fence: Number.MAX_SAFE_INTEGER })).toBe(true);
        expect(await backend.store(success("a", 2), { fence: Number.MAX_SAFE_INTEGER - 1 })).toBe(false);
      });

      test.for(TWO_WRITES)(
        "$second.fence on $second.status, after $first.fence on $first.status: kept is $kept",
        async ({ first, second, kept }) => {
          const { backend } = await given();
          await backend.store(metaIn("a", first.status), { fence: first.fence });
          expect(await backend.store(metaIn("a", second.status), { fence: second.fence })).toBe(kept);
          expect((await backend.get("a"))?.status).toBe(kept ? second.status : first.status);
        },
      );

      test("decides in every order of writes, by whatever connection, as the rule says", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const write = fc.record({
          status: fc.constantFrom("STARTED", "PROGRESS", "RETRY", "FAILURE", "REVOKED", "SUCCESS"),
          fence: fc.constantFrom(undefined, 0, 1, 2, 3),
          by: fc.constantFrom(backend, other),
        });
        await fc.assert(
          fc.asyncProperty(fc.uuid(), fc.array(write, { maxLength: 8 }), async (id, writes) => {
            const rule = new StoreRule();
            for (const { status, fence, by } of writes) {
              expect(await by.store(metaIn(id, status), { fence })).toBe(rule.store(status, fence));
              expect((await backend.get(id))?.status).toBe(rule.status);
            }
          }),
          { numRuns: 150 },
        );
      });

      test("decides also among writes that are under way together", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const fences = [3, 1, 5, 2, 4];
        await Promise.all(
          fences.map((fence, index) => (index % 2 ? backend : other).store(success("a", fence), { fence })),
        );
        expect(await backend.get("a")).toEqual(success("a", 5));
      });
    });

    describe("forget", () => {
      test("removes the result, and minds nothing when there is none", async () => {
        const { backend, connectReader } = await given();
        const other = await connectReader();
        await backend.store(success("a"));
        await backend.store(success("b"));
        await other.forget("a");
        await other.forget("a");
        expect(await backend.get("a")).toBeUndefined();
        expect(await backend.get("b")).toEqual(success("b"));
      });

      test("lets a finished task be stored anew", async () => {
        const { backend } = await given();
        await backend.store(success("a", 1));
        await backend.forget("a");
        expect(await backend.store(passing("a", "STARTED"))).toBe(true);
      });
    });

    describe("wait", () => {
      test.each(READY_STATES)("resolves with %s, whether it was stored before or comes later", async (status) => {
        const { backend, connectReader } = await given();
        const other = await connectReader();
        const later = backend.wait("a", NEVER);
        await backend.store(metaIn("a", status, 1));
        expect(await later).toEqual(metaIn("a", status, 1));
        expect(await backend.wait("a", NEVER)).toEqual(metaIn("a", status, 1));
        expect(await other.wait("a", NEVER)).toEqual(metaIn("a", status, 1));
      });

      test("is woken by another connection", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const waiting = backend.wait("a", NEVER);
        await other.store(success("a", 8));
        expect(await waiting).toEqual(success("a", 8));
      });

      test(
        "is woken by another process, time after time",
        without("no other process can store here", !capabilities.shared),
        async () => {
          const { backend, url } = await given();
          const peer = await BackendProcess.start(url);
          for (let index = 0; index < 20; index++) {
            const id = `task ${index}`;
            const [meta] = await Promise.all([backend.wait(id, NEVER), peer.store(id, index)]);
            expect(meta).toEqual(success(id, index));
          }
        },
      );

      test(
        "in another process is woken by this one",
        without("no other process can wait here", !capabilities.shared),
        async () => {
          const { backend, url } = await given();
          const peer = await BackendProcess.start(url);
          const waiting = peer.wait("a");
          await backend.store(success("a", "for you"));
          expect(await waiting).toBe("for you");
        },
      );

      test("goes on through states that are not the last one", async () => {
        const { backend, connectReader } = await given();
        const other = await connectReader();
        const waits = [backend.wait("a", NEVER), other.wait("a", NEVER)];
        for (const status of UNREADY) await backend.store(passing("a", status, null));
        expect(await firstOf(waits)).toBe("still waiting");
        await backend.store(success("a", 1));
        expect(await Promise.all(waits)).toEqual([success("a", 1), success("a", 1)]);
      });

      test("resolves with the first ready state, whatever follows", async () => {
        const { backend } = await given();
        const waiting = backend.wait("a", NEVER);
        await backend.store(failure("a"));
        await backend.store(success("a", 1));
        expect(await waiting).toEqual(failure("a"));
      });

      test("is not ended by a write that was refused", whereFenced, async () => {
        const { backend } = await given();
        await backend.store(passing("a", "STARTED"), { fence: 2 });
        const waiting = backend.wait("a", NEVER);
        await backend.store(failure("a"), { fence: 1 });
        expect(await firstOf([waiting])).toBe("still waiting");
        await backend.store(success("a", 1), { fence: 2 });
        expect(await waiting).toEqual(success("a", 1));
      });

      test("wakes everybody who waits for the task, each with a result of their own", async () => {
        const { backend, connectReader } = await given();
        const other = await connectReader();
        const waits = Array.from({ length: 50 }, (_, index) => (index % 2 ? backend : other).wait("a", NEVER));
        await backend.store(success("a", { list: [1] }));
        const metas = await Promise.all(waits);
        expect(metas).toEqual(metas.map(() => success("a", { list: [1] })));
        expect(new Set(metas.map(({ result }) => result)).size).toBe(50);
      });

      test("wakes only those who wait for this task", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const waits = new Map(["a", "b", "c"].map((id) => [id, backend.wait(id, NEVER)]));
        await other.store(success("b", 2));
        expect(await waits.get("b")).toEqual(success("b", 2));
        expect(await firstOf([...waits.values()].filter((wait) => wait !== waits.get("b")))).toBe("still waiting");
        await other.store(success("a", 1));
        await other.store(success("c", 3));
        expect(await Promise.all(waits.values())).toEqual([success("a", 1), success("b", 2), success("c", 3)]);
      });

      test("misses nothing that is stored while it begins", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        for (let index = 0; index < 50; index++) {
          const id = `task ${index}`;
          const storing = other.store(success(id, index));
          // Every second time, the wait begins a moment later.
          if (index % 2) await new Promise((resolve) => setImmediate(resolve));
          const waiting = backend.wait(id, NEVER);
          expect((await Promise.all([waiting, storing]))[0]).toEqual(success(id, index));
        }
      });

      test("of hundreds at once ends for each", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const ids = Array.from({ length: 500 }, (_, index) => `task ${index}`);
        const waits = ids.map((id) => backend.wait(id, NEVER));
        const stores = ids.toReversed().map((id, index) => (index % 2 ? backend : other).store(success(id, id)));
        await Promise.all(stores);
        expect(await Promise.all(waits)).toEqual(ids.map((id) => success(id, id)));
      });

      test("rejects with the signal's reason, also when that aborted before", async () => {
        const { backend } = await given();
        const reason = new Error("enough");
        await expect(backend.wait("a", AbortSignal.abort(reason))).rejects.toBe(reason);
        const aborter = new AbortController();
        const waiting = backend.wait("a", aborter.signal);
        aborter.abort(reason);
        await expect(waiting).rejects.toBe(reason);
      });

      test("can begin again after it was given up", async () => {
        const { backend } = await given();
        const aborter = new AbortController();
        const first = backend.wait("a", aborter.signal);
        aborter.abort(new Error("enough"));
        await expect(first).rejects.toThrow("enough");
        const second = backend.wait("a", NEVER);
        await backend.store(success("a", 1));
        expect(await second).toEqual(success("a", 1));
      });

      test("of one is not ended by the abort of another", async () => {
        const { backend } = await given();
        const aborter = new AbortController();
        const gone = backend.wait("a", aborter.signal);
        const staying = backend.wait("a", NEVER);
        aborter.abort(new Error("enough"));
        await expect(gone).rejects.toThrow("enough");
        await backend.store(success("a", 1));
        expect(await staying).toEqual(success("a", 1));
      });

      test("goes on when what was stored is forgotten", async () => {
        const { backend } = await given();
        await backend.store(passing("a", "STARTED"));
        const waiting = backend.wait("a", NEVER);
        await backend.forget("a");
        await backend.store(success("a", 1));
        expect(await waiting).toEqual(success("a", 1));
      });

      test("does not take a result that has expired", async () => {
        const { backend, clock } = await given({ resultExpires: 60 });
        await backend.store(success("a", "old"));
        await clock.advance(61);
        const waiting = backend.wait("a", NEVER);
        expect(await firstOf([waiting])).toBe("still waiting");
        await backend.store(success("a", "new"));
        expect(await waiting).toEqual(success("a", "new"));
      });

      test("rejects with a typed error when its connection closes, and only then", whereStored, async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const waits = [backend.wait("a", NEVER), backend.wait("b", NEVER)].map((wait) =>
          wait.catch((error: unknown) => error),
        );
        const staying = other.wait("a", NEVER);
        await backend.close();
        for (const error of await Promise.all(waits)) {
          // Another try, on another connection, may succeed.
          expect(error).toBeInstanceOf(BackendConnectionError);
          expect(String(error)).toMatch(/closed/);
        }
        await other.store(success("a", 1));
        expect(await staying).toEqual(success("a", 1));
      });
    });

    describe("a result's life", () => {
      test("ends `resultExpires` seconds after it was stored", async () => {
        const { backend, clock } = await given({ resultExpires: 60 });
        await backend.store(success("a"));
        await clock.advance(59);
        expect(await backend.get("a")).toEqual(success("a"));
        await clock.advance(2);
        expect(await backend.get("a")).toBeUndefined();
      });

      test("begins anew with every store", async () => {
        const { backend, clock } = await given({ resultExpires: 60 });
        await backend.store(passing("a", "STARTED"));
        await clock.advance(59);
        await backend.store(success("a"));
        await clock.advance(59);
        expect(await backend.get("a")).toEqual(success("a"));
      });

      test("is as long as the connection says that stored it last", whereStored, async () => {
        const { backend: brief, connect, clock } = await given({ resultExpires: 60 });
        const [long, forEver] = [await connect(DAY), await connect(null)];
        await brief.store(passing("a", "STARTED"));
        await long.store(passing("a", "PROGRESS"));
        await forEver.store(success("b"));
        await clock.advance(61);
        expect(await brief.get("a")).toMatchObject({ status: "PROGRESS" });
        await clock.advance(DAY);
        expect(await brief.removeExpired(clock.now())).toBe(leftToRemove(1));
        expect(await brief.get("a")).toBeUndefined();
        expect(await brief.get("b")).toEqual(success("b"));
      });

      test.each([null, 0])("has no end when `resultExpires` is %s", async (resultExpires) => {
        const { backend, clock } = await given({ resultExpires });
        await backend.store(success("a"));
        if (capabilities.groups) await backend.saveGroup(group("g", ["a"]));
        await clock.advance(100 * 365 * DAY);
        expect(await backend.removeExpired(clock.now())).toBe(0);
        expect(await backend.get("a")).toEqual(success("a"));
        if (capabilities.groups) expect(await backend.restoreGroup("g")).toEqual(group("g", ["a"]));
      });

      test("once over, leaves nothing that could refuse a write", async () => {
        const { backend, clock } = await given({ resultExpires: 60 });
        await backend.store(success("a", "old"), { fence: 9 });
        await clock.advance(61);
        expect(await backend.store(passing("a", "STARTED"), { fence: 1 })).toBe(true);
        expect(await backend.store(failure("a"), { fence: 2 })).toBe(true);
      });

      test("is over for good after removeExpired, which counts the results it removes", whereGrouped, async () => {
        // Given some that have expired and some that have not
        const { backend, connect, clock } = await given({ resultExpires: 60 });
        const other = await connect();
        for (const id of ["a", "b", "c"]) await backend.store(success(id));
        await backend.saveGroup(group("g", ["a"]));
        await backend.countChordPart("g", "a");
        expect(await backend.removeExpired(clock.now())).toBe(0);
        await clock.advance(30);
        await backend.store(success("d"));
        // When those that are due are removed
        await clock.advance(31);
        const removed = [await other.removeExpired(clock.now()), await backend.removeExpired(clock.now())];
        // Then they are counted once, and the others stay
        expect(removed).toEqual([leftToRemove(3), 0]);
        expect(await backend.get("d")).toEqual(success("d"));
        expect(await backend.restoreGroup("g")).toBeUndefined();
        expect(await backend.countChordPart("g", "b")).toBe(1);
      });

      test("is judged by the instant that removeExpired is given", whereRemoved, async () => {
        const { backend, clock } = await given({ resultExpires: 60 });
        await backend.store(success("a"));
        expect(await backend.removeExpired(new Date(clock.now().getTime() + 59_000))).toBe(0);
        expect(await backend.removeExpired(new Date(clock.now().getTime() + 61_000))).toBe(1);
        expect(await backend.get("a")).toBeUndefined();
      });

      test("is over for thousands in one call", whereRemoved, async () => {
        const { backend, clock } = await given({ resultExpires: 60 });
        await Promise.all(Array.from({ length: 2500 }, (_, index) => backend.store(success(`task ${index}`))));
        expect(await backend.removeExpired(new Date(clock.now().getTime() + 61_000))).toBe(2500);
      });
    });

    describe("a saved group", whereGrouped, () => {
      test("is restored with its members in order, on any connection", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        await backend.saveGroup(group("g", ["b", "a", "c"]));
        expect(await other.restoreGroup("g")).toEqual(group("g", ["b", "a", "c"]));
      });

      test("may be empty, nested and have a parent", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const nested: GroupMeta = {
          groupId: "gruppe-ü",
          result: [
            ["gruppe-ü", [["parent", null], null]],
            [[["inner", null], [[["a", null], null]]], group("empty", []).result],
          ],
        };
        await backend.saveGroup(nested);
        expect(await other.restoreGroup("gruppe-ü")).toEqual(nested);
      });

      test("replaces one of the same id", async () => {
        const { backend } = await given();
        await backend.saveGroup(group("g", ["a"]));
        await backend.saveGroup(group("g", ["b"]));
        expect(await backend.restoreGroup("g")).toEqual(group("g", ["b"]));
      });

      test("is apart from a task of the same id, and from other groups", async () => {
        const { backend } = await given();
        await backend.saveGroup(group("g", ["a"]));
        expect(await backend.get("g")).toBeUndefined();
        expect(await backend.restoreGroup("other")).toBeUndefined();
        await backend.forget("g");
        expect(await backend.restoreGroup("g")).toEqual(group("g", ["a"]));
      });

      test("expires as results do", async () => {
        const { backend, clock } = await given({ resultExpires: 60 });
        await backend.saveGroup(group("g", ["a"]));
        await clock.advance(61);
        expect(await backend.restoreGroup("g")).toBeUndefined();
      });
    });

    describe("a chord's parts", whereGrouped, () => {
      test("are counted, each once", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        expect(await backend.countChordPart("g", "a")).toBe(1);
        expect(await other.countChordPart("g", "b")).toBe(2);
        expect(await backend.countChordPart("g", "a")).toBe(2);
        expect(await other.countChordPart("g", "c")).toBe(3);
      });

      test("are each chord's own", async () => {
        const { backend } = await given();
        await backend.countChordPart("g", "a");
        expect(await backend.countChordPart("h", "a")).toBe(1);
      });

      test("that finish together each get a number of their own", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const parts = Array.from({ length: 200 }, (_, index) => `part ${index}`);
        const counts = await Promise.all(
          parts.map((part, index) => (index % 2 ? backend : other).countChordPart("g", part)),
        );
        expect(counts.sort((a, b) => a - b)).toEqual(parts.map((_, index) => index + 1));
      });

      test("that are repeated while others finish bring nobody to the last number twice", async () => {
        const { backend, connect } = await given();
        const other = await connect();
        const parts = ["a", "b", "c", "a", "b", "d", "c", "a"];
        const counts = await Promise.all(
          parts.map((part, index) => (index % 2 ? backend : other).countChordPart("g", part)),
        );
        expect(Math.max(...counts)).toBe(4);
        expect(await backend.countChordPart("g", "d")).toBe(4);
      });

      test(
        "are counted across processes",
        without("no other process can count here", !capabilities.shared),
        async () => {
          const { backend, url } = await given();
          const peer = await BackendProcess.start(url);
          const mine = Array.from({ length: 50 }, (_, index) => `mine ${index}`);
          const theirs = Array.from({ length: 50 }, (_, index) => `theirs ${index}`);
          const [own, other] = await Promise.all([
            Promise.all(mine.map((part) => backend.countChordPart("g", part))),
            peer.count("g", [...theirs, ...theirs.slice(0, 10)]),
          ]);
          expect(new Set([...own, ...other.slice(0, 50)]).size).toBe(100);
          expect(Math.max(...own, ...other)).toBe(100);
        },
      );

      test("are forgotten when the chord has expired", async () => {
        const { backend, clock } = await given({ resultExpires: 60 });
        await backend.countChordPart("g", "a");
        await backend.countChordPart("g", "b");
        await clock.advance(61);
        expect(await backend.countChordPart("g", "a")).toBe(1);
        await clock.advance(61);
        await backend.removeExpired(clock.now());
        expect(await backend.countChordPart("g", "b")).toBe(1);
      });
    });
  });
}

/** All that one can ask of a backend. */
const USES: readonly { readonly what: string; use(backend: ResultBackend): Promise<unknown> }[] = [
  { what: "connect", use: (backend) => backend.connect() },
  { what: "store", use: (backend) => backend.store(success("a")) },
  { what: "get", use: (backend) => backend.get("a") },
  { what: "forget", use: (backend) => backend.forget("a") },
  { what: "wait", use: (backend) => backend.wait("a", NEVER) },
  { what: "save a group", use: (backend) => backend.saveGroup(group("g", ["a"])) },
  { what: "restore a group", use: (backend) => backend.restoreGroup("g") },
  { what: "count a part", use: (backend) => backend.countChordPart("g", "a") },
  { what: "remove what expired", use: (backend) => backend.removeExpired(new Date()) },
];

interface Write {
  readonly status: string;
  readonly fence: number | undefined;
}
function write(status: string, fence?: number): Write {
  return { status, fence };
}
const TWO_WRITES: readonly { readonly first: Write; readonly second: Write; readonly kept: boolean }[] = [
  { first: write("SUCCESS", 5), second: write("FAILURE", 6), kept: true },
  { first: write("SUCCESS", 5), second: write("STARTED", 6), kept: true },
  { first: write("SUCCESS", 5), second: write("SUCCESS", 5), kept: false },
  { first: write("SUCCESS", 5), second: write("SUCCESS", 4), kept: false },
  { first: write("SUCCESS", 5), second: write("FAILURE"), kept: false },
  { first: write("SUCCESS"), second: write("FAILURE", 1), kept: true },
  { first: write("STARTED", 5), second: write("SUCCESS", 5), kept: true },
  { first: write("STARTED", 5), second: write("SUCCESS", 4), kept: false },
  { first: write("STARTED", 5), second: write("SUCCESS"), kept: true },
  { first: write("FAILURE", 5), second: write("SUCCESS", 4), kept: false },
  { first: write("FAILURE", 5), second: write("SUCCESS", 5), kept: true },
  { first: write("RETRY", 5), second: write("STARTED", 6), kept: true },
  { first: write("STARTED"), second: write("SUCCESS", 1), kept: true },
];

/** A connection all of whose results go to one address: that of who sent the tasks. */
function answering(backend: ResultBackend, address: () => Promise<string | undefined>): ResultBackend {
  const store: ResultBackend["store"] = async (meta, options) =>
    await backend.store(meta, { ...options, replyTo: await address() });
  return new Proxy(backend, {
    get(target, name) {
      if (name === "store") return store;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

interface HeldTime {
  now(): Date;
  advance(seconds: number): Promise<void>;
}

interface Given {
  readonly url: string;
  readonly clock: HeldTime;
  /** A connection, opened. */
  readonly backend: ResultBackend;
  /** A further connection; its results live as long as the others', unless it says otherwise. */
  connect(resultExpires?: number | null): Promise<ResultBackend>;
  /** A further connection that reads results; the sender's own where nobody else can. */
  connectReader(): Promise<ResultBackend>;
  /** A further connection, not yet opened. */
  unopened(): ResultBackend;
}

function group(groupId: string, members: readonly string[]): GroupMeta {
  return { groupId, result: [[groupId, null], members.map((id) => [[id, null], null] as const)] };
}

/** The first of the waits to end, or that none has. */
async function firstOf(waits: readonly Promise<TaskMeta>[]): Promise<TaskMeta | "still waiting"> {
  const quiet = new Promise<"still waiting">((resolve) => setTimeout(() => resolve("still waiting"), QUIET_MS));
  return await Promise.race([quiet, ...waits]);
}

function isListHolder(value: unknown): value is { list: number[] } {
  return typeof value === "object" && value !== null && "list" in value && Array.isArray(value.list);
}

/** The rule of `ResultBackend.store`, in the words of its docstring. */
class StoreRule {
  status: string | undefined;
  #fence: number | undefined;

  store(status: string, fence: number | undefined): boolean {
    if (!this.#wins(fence)) return false;
    this.status = status;
    this.#fence = fence ?? this.#fence;
    return true;
  }

  #wins(fence: number | undefined): boolean {
    if (this.status === undefined) return true;
    if (fence !== undefined && this.#fence !== undefined && fence < this.#fence) return false;
    const higher = fence !== undefined && (this.#fence === undefined || fence > this.#fence);
    return higher || this.status !== "SUCCESS";
  }
}
