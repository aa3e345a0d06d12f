import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { ConfigurationError } from "../../src/errors.js";
import type { Outcome, TaskRequest } from "../../src/request.js";
import type { TaskLogRecord, TaskProgress } from "../../src/run-task.js";
import { deferred } from "../../src/util/deferred.js";
import type { Pool, PoolCapabilities, PoolOptions, Run, RunListener } from "../../src/worker/pools/pool.js";
import { RecordingGateway } from "../support/recording-gateway.js";
import { RecordingLogger } from "../support/recording-logger.js";
import { taskRequest } from "../support/task-request.js";

export const POOL_APP = fileURLToPath(new URL("../support/pool-app.ts", import.meta.url));

declare module "vitest" {
  interface TaskMeta {
    /** Why a case does not apply to a kind of pool. */
    doesNotApply?: string;
  }
}

export interface PoolContract {
  readonly capabilities: PoolCapabilities;
  /** Tasks at a time at most; `solo` has but one. */
  readonly largestSize: number;
  /** Tasks share one event loop: one that spins delays the others. */
  readonly sharedLoop: boolean;
  open(options: PoolOptions): Pool;
}

/** What every kind of pool does, and each by its capabilities. */
export function describePool(name: string, contract: PoolContract): void {
  describe(`a pool of ${name}`, () => {
    const { capabilities, largestSize, sharedLoop } = contract;
    /** Skips a case where the kind cannot do it, and says why in the report's metadata. */
    const cannot = (reason: string, missing: boolean) => ({
      skip: missing,
      meta: missing ? { doesNotApply: reason } : {},
    });
    const spinEnds = capabilities.isolates;

    // Starting processes takes longer than most cases: a pool that a case left as it was is used again.
    const pools = new Map<string, TestPool>();

    async function start(overrides: Partial<PoolOptions> = {}): Promise<TestPool> {
      const key = JSON.stringify(overrides);
      const used = pools.get(key) ?? openTestPool(overrides);
      pools.delete(key);
      onTestFinished(async () => {
        used.gateway.clear();
        used.logger.clear();
        if (used.isUnharmed() && !pools.has(key)) pools.set(key, used);
        else await used.pool.abort("the test is over");
      });
      await used.pool.start();
      return used;
    }

    function openTestPool(overrides: Partial<PoolOptions>): TestPool {
      const gateway = new RecordingGateway();
      const logger = new RecordingLogger();
      const freed = new Freed();
      const size = overrides.size ?? 1;
      const pool = contract.open({
        size,
        appPath: POOL_APP,
        maxTasksPerChild: null,
        maxMemoryPerChild: null,
        startTimeout: 30,
        gateway,
        logger,
        hostname: "worker@test",
        onFree: () => freed.notify(),
        ...overrides,
      });
      return {
        pool,
        gateway,
        logger,
        whenFree: (count) => freed.until(() => pool.free >= count),
        isUnharmed: () => pool.size === size && pool.free === size,
      };
    }

    afterAll(async () => {
      await Promise.all([...pools.values()].map(({ pool }) => pool.stop()));
    });

    describe("running tasks", () => {
      test("a task's return value comes back as JSON, with the time it took", async () => {
        const { pool } = await start();
        const outcome = await runTask(pool, "add", [2, 3]);
        expect(outcome).toMatchObject({ kind: "success", result: "5", children: [] });
        expect(outcome.runtime).toBeLessThan(5);
      });

      test("the listener hears of the start before the outcome", async () => {
        const { pool } = await start();
        const heard = new Heard();
        const { outcome } = pool.run(taskRequest("add", [2, 3]), heard);
        await outcome.then(() => heard.events.push("outcome"));
        expect(heard.events).toEqual(["started", "outcome"]);
      });

      test("an error becomes a failure with its class, message and a stack of source lines", async () => {
        const { pool } = await start();
        const outcome = await runTask(pool, "fail");
        expect(outcome).toMatchObject({
          kind: "failure",
          error: { exception: { exc_type: "RangeError", exc_message: ["out of the question"] } },
        });
        expect(outcome.kind === "failure" && outcome.error.traceback).toMatch(/pool-app\.ts:\d+/);
      });

      test("a thrown value that cannot be read fails that task, and the pool goes on", async () => {
        const { pool } = await start();
        expect(await runTask(pool, "fail-unreadably")).toMatchObject({ kind: "failure" });
        expect(await runTask(pool, "add", [1, 1])).toMatchObject({ kind: "success" });
      });

      test("what a task says on purpose comes back as it is", async () => {
        const { pool } = await start();
        expect(await runTask(pool, "ignore")).toMatchObject({ kind: "ignore" });
        expect(await runTask(pool, "reject")).toMatchObject({ kind: "reject", requeue: true, reason: "not mine" });
      });

      test("a result that cannot be serialised fails that task, and the pool goes on", async () => {
        const { pool } = await start();
        expect(await runTask(pool, "unserialisable")).toMatchObject({ kind: "failure" });
        expect(await runTask(pool, "add", [1, 1])).toMatchObject({ kind: "success" });
      });

      test("a body that is not what it should be fails that task, and the pool goes on", async () => {
        const { pool } = await start();
        expect(await outcomeOf(pool, taskRequest("add", [], { body: { encoded: '{"not": "a list"' } }))).toMatchObject({
          kind: "failure",
        });
        expect(await runTask(pool, "add", [1, 1])).toMatchObject({ kind: "success" });
      });

      test("arguments and results of many megabytes and of any characters pass whole", async () => {
        const { pool } = await start();
        const text = 'ö\n\u2028€😀\\"'.repeat(400_000);
        const outcome = await runTask(pool, "echo", [text]);
        expect(outcome.kind === "success" && JSON.parse(outcome.result) === text).toBe(true);
      });

      test("a log line, progress and a state of its own reach the listener", async () => {
        const { pool } = await start();
        const heard = new Heard();
        await pool.run(taskRequest("talk"), heard).outcome;
        expect(heard.logs).toEqual([
          { level: "info", message: "hello", fields: { from: "the task" }, atMs: expect.any(Number) },
        ]);
        expect(heard.progress).toEqual([{ current: 1, total: 3, message: "one of three", counters: { found: 7 } }]);
        expect(heard.states).toEqual(
          [["COOKING", '{"pot": 1}']].map(([state, meta]) => [state, JSON.parse(meta ?? "")]),
        );
      });

      test(
        "what a task prints becomes lines of the worker's log",
        cannot("prints to the worker's own output", !capabilities.isolates),
        async () => {
          const { pool, logger } = await start();
          await runTask(pool, "print");
          const written = await logger.line((line) => line.message === "to stdout");
          const complained = await logger.line((line) => line.message === "to stderr");
          expect([written.level, complained.level]).toEqual(["info", "warn"]);
        },
      );

      test("a thousand tasks through all slots all come back, each with its own result", async () => {
        const { pool } = await start({ size: Math.min(4, largestSize) });
        const results = await runMany(pool, 1000);
        expect(results).toEqual(Array.from({ length: 1000 }, (_, at) => String(at + 1)));
      });
    });

    describe("slots", () => {
      test("a slot is taken while its task runs, and free in the tick its outcome arrives", async () => {
        const { pool } = await start({ size: Math.min(2, largestSize) });
        const sizes = [pool.size, pool.free];
        const outcome = runTask(pool, "sleep", [0.05]);
        sizes.push(pool.free);
        await outcome;
        sizes.push(pool.free);
        const size = Math.min(2, largestSize);
        expect(sizes).toEqual([size, size, size - 1, size]);
      });

      test("a request without a free slot is refused", async () => {
        const { pool } = await start();
        const first = runTask(pool, "sleep", [0.05]);
        expect(() => pool.run(taskRequest("add", [1, 1]), new Heard())).toThrow(/no free slot/);
        await first;
      });

      test("a request before the start or after the stop is refused", async () => {
        const { pool } = await start();
        await pool.stop();
        expect(pool.free).toBe(0);
        expect(() => pool.run(taskRequest("add", [1, 1]), new Heard())).toThrow(/not running/);
      });

      test("each slot shows what runs in it", async () => {
        const { pool } = await start({ size: Math.min(2, largestSize) });
        const request = taskRequest("sleep", [0.1]);
        const started = new Heard();
        const { outcome, pid } = pool.run(request, started);
        await started.begun;
        const [busy, ...others] = pool.slots();
        expect(busy).toMatchObject({ taskId: request.id, taskName: "sleep", pid });
        const before = finishedIn(pool);
        expect(others.every((slot) => slot.taskId === null)).toBe(true);
        await outcome;
        expect(pool.slots()).toHaveLength(pool.size);
        expect(finishedIn(pool)).toBeGreaterThan(before);
      });

      test("the pool grows and shrinks", cannot("its size cannot change", !capabilities.resizable), async () => {
        const { pool } = await start();
        await pool.grow(2);
        expect([pool.size, pool.free]).toEqual([3, 3]);
        const outcomes = [1, 2, 3].map(() => runTask(pool, "sleep", [0.05]));
        await pool.shrink(2);
        expect(pool.size).toBe(1);
        // Busy slots go when their tasks end.
        expect((await Promise.all(outcomes)).map((outcome) => outcome.kind)).toEqual(["success", "success", "success"]);
        expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
        await expect(pool.shrink(1)).rejects.toThrow(ConfigurationError);
      });

      test("a fixed size refuses to change", cannot("its size can change", capabilities.resizable), async () => {
        const { pool } = await start();
        await expect(pool.grow(1)).rejects.toThrow(ConfigurationError);
        await expect(pool.shrink(1)).rejects.toThrow(ConfigurationError);
      });

      test(
        "a restart replaces every process or thread, each when its task ends",
        cannot("tasks run in the worker itself", !capabilities.isolates),
        async () => {
          const { pool, whenFree } = await start({ size: 2 });
          const before = placesOf(pool);
          const running = runTask(pool, "sleep", [0.2]);
          await pool.restart();
          expect(await running).toMatchObject({ kind: "success" });
          await whenFree(2);
          expect(placesOf(pool).filter((place) => before.includes(place))).toEqual([]);
        },
      );
    });

    describe("limits", () => {
      test("the soft limit aborts the signal with SoftTimeLimitExceeded", async () => {
        const { pool } = await start();
        const outcome = await runTask(pool, "wait", [], { softTimeLimit: 0.1 });
        expect(outcome).toMatchObject({ kind: "failure", error: { exception: { exc_type: "SoftTimeLimitExceeded" } } });
      });

      test("a task may tidy up after its soft limit and succeed", async () => {
        const { pool } = await start();
        expect(await runTask(pool, "tidy", [], { softTimeLimit: 0.1 })).toMatchObject({
          kind: "success",
          result: '"SoftTimeLimitExceeded"',
        });
      });

      test("the hard limit ends a task that ignores its signal", async () => {
        const { pool, whenFree } = await start();
        const outcome = await runTask(pool, "stubborn", [], { timeLimit: 0.2 });
        expect(outcome).toMatchObject({ kind: "time-limit", limit: 0.2 });
        expect(outcome.runtime).toBeGreaterThan(0.19);
        await whenFree(1);
        expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
      });

      test(
        "the hard limit ends while (true) {}",
        cannot("a spinning task holds the worker itself", !spinEnds),
        async () => {
          const { pool, whenFree } = await start();
          const outcome = await runTask(pool, "spin", [600], { timeLimit: 0.2 });
          expect(outcome).toMatchObject({ kind: "time-limit" });
          await whenFree(1);
          expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
        },
      );

      test(
        "a task that held the loop past its limit is told so when it ends",
        cannot("it is ended from outside", spinEnds),
        async () => {
          const { pool } = await start();
          expect(await runTask(pool, "spin", [0.3], { timeLimit: 0.1 })).toMatchObject({ kind: "time-limit" });
        },
      );

      test("one task's limit leaves its neighbours alone", cannot("there is one slot", largestSize < 2), async () => {
        const { pool } = await start({ size: 2 });
        const neighbour = runTask(pool, "sleep", [0.5]);
        expect(await runTask(pool, "stubborn", [], { timeLimit: 0.1 })).toMatchObject({ kind: "time-limit" });
        expect(await neighbour).toMatchObject({ kind: "success" });
      });

      test(
        "neighbours of a task that holds the shared loop are given back",
        cannot("no loop is shared", !sharedLoop || !spinEnds),
        async () => {
          const { pool, whenFree } = await start({ size: 2 });
          const neighbour = runTask(pool, "sleep", [600]);
          expect(await runTask(pool, "spin", [600], { timeLimit: 0.2 })).toMatchObject({ kind: "time-limit" });
          expect(await neighbour).toMatchObject({ kind: "given-back" });
          await whenFree(2);
          expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
        },
      );
    });

    describe("ending a task early", () => {
      test("abort() aborts the signal with TaskRevokedError", async () => {
        const { pool } = await start();
        const { outcome } = await runStarted(pool, "wait", [], (run) => run.abort());
        expect(outcome).toMatchObject({ kind: "failure", error: { exception: { exc_type: "TaskRevokedError" } } });
      });

      test.each(["SIGTERM", "KILL"])("terminate(%s) ends a task that ignores its signal", async (signal) => {
        const { pool, whenFree } = await start();
        const { outcome } = await runStarted(pool, "stubborn", [], (run) => run.terminate(signal));
        expect(outcome).toMatchObject({ kind: "terminated", signal });
        await whenFree(1);
        expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
      });

      test("terminate ends while (true) {}", cannot("a spinning task holds the worker itself", !spinEnds), async () => {
        const { pool, whenFree } = await start();
        const { outcome } = await runStarted(pool, "spin", [600], (run) => run.terminate("SIGTERM"));
        expect(outcome).toMatchObject({ kind: "terminated", signal: "SIGTERM" });
        await whenFree(1);
        expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
      });

      test("abort and terminate after the end change nothing", async () => {
        const { pool } = await start();
        const run = pool.run(taskRequest("add", [2, 3]), new Heard());
        await run.outcome;
        run.abort();
        run.terminate("SIGKILL");
        expect(await run.outcome).toMatchObject({ kind: "success" });
        expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
      });
    });

    describe("crashes", () => {
      test(
        "process.exit in a task loses that task only",
        cannot("it ends the worker", !capabilities.isolates),
        async () => {
          const { pool, whenFree } = await start({ size: 2 });
          const neighbour = runTask(pool, "sleep", [0.5]);
          expect(await runTask(pool, "exit", [7])).toMatchObject({ kind: "lost", exitCode: 7, signal: null });
          // Where the thread is shared, a neighbour is not blamed: it is to run again.
          expect(await neighbour).toMatchObject({ kind: sharedLoop ? "given-back" : "success" });
          await whenFree(2);
          expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
        },
      );

      test.each(["throw-outside", "reject-outside"])(
        "an error that nothing catches loses the task it came from (%s)",
        cannot("it ends the worker", !capabilities.isolates),
        async (task) => {
          const { pool, logger, whenFree } = await start({ size: 2 });
          const neighbour = runTask(pool, "sleep", [0.5]);
          expect(await runTask(pool, task)).toMatchObject({
            kind: "lost",
            exitCode: 1,
            lastError: expect.stringContaining("where nobody waits"),
          });
          expect(await neighbour).toMatchObject({ kind: "success" });
          await logger.line((line) => /where nobody waits/.test(`${line.message} ${String(line.fields.error)}`));
          await whenFree(2);
          expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
        },
      );

      test.each(["SIGSEGV", "SIGABRT", "SIGKILL"])(
        "a process that dies of %s loses what it ran only",
        cannot("it ends the worker", !capabilities.isolatesNativeCrashes),
        async (signal) => {
          const { pool, whenFree } = await start({ size: 2 });
          const neighbour = runTask(pool, "sleep", [0.5]);
          expect(await runTask(pool, "kill-itself", [signal])).toMatchObject({ kind: "lost", exitCode: null, signal });
          expect(await neighbour).toMatchObject({ kind: "success" });
          await whenFree(2);
          expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
        },
      );

      test(
        "running out of memory loses the task, not the worker",
        cannot("V8 may end the whole process when a thread's heap is full", !capabilities.isolatesNativeCrashes),
        async () => {
          // A small heap is full sooner.
          vi.stubEnv("NODE_OPTIONS", "--max-old-space-size=200");
          onTestFinished(() => void vi.unstubAllEnvs());
          const { pool, whenFree } = await start({ hostname: "small@test" });
          expect(await runTask(pool, "run-out-of-memory")).toMatchObject({ kind: "lost" });
          await whenFree(1);
          expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
        },
      );

      test.each([
        "garbage",
        '{"kind":"outcome","run":1,"outcome":{"kind":"success"}}',
        '{"kind":"ready","run":[]}garbage',
        "null",
      ])(
        "a child that sends %s is replaced, and the worker lives",
        cannot("there is no channel", !capabilities.isolates),
        async (text) => {
          const { pool, logger, whenFree } = await start();
          expect(await runTask(pool, "forge", [text])).toMatchObject({ kind: "lost" });
          await logger.line((line) => /not ours/.test(line.message));
          await whenFree(1);
          expect(await runTask(pool, "add", [1, 1])).toMatchObject({ result: "2" });
        },
      );
    });

    describe("recycling", () => {
      test(
        "a process or thread is replaced after its tasks",
        cannot("tasks run in the worker itself", !capabilities.isolates),
        async () => {
          const { pool, whenFree } = await start({ maxTasksPerChild: 2 });
          const places: string[] = [];
          for (let count = 0; count < 6; count++) {
            await whenFree(1);
            places.push(resultOf(await runTask(pool, "where")));
          }
          expect(new Set(places).size).toBe(3);
        },
      );

      test(
        "one that holds too much memory after a task is replaced",
        cannot("tasks run in the worker itself", !capabilities.isolates),
        async () => {
          const { pool, whenFree } = await start({ maxMemoryPerChild: 300 * 1024 });
          const first = resultOf(await runTask(pool, "hoard", [1]));
          await whenFree(1);
          const second = resultOf(await runTask(pool, "hoard", [400]));
          await whenFree(1);
          const third = resultOf(await runTask(pool, "hoard", [1]));
          expect(second).toBe(first);
          expect(third).not.toBe(first);
        },
      );
    });

    describe("the gateway", () => {
      test("what a task sends goes out through the worker", async () => {
        const { pool, gateway } = await start();
        const outcome = await runTask(pool, "send", [41]);
        expect(outcome).toMatchObject({
          kind: "success",
          result: '"sent-from-inside"',
          children: [[["sent-from-inside", null], null]],
        });
        const [sent] = gateway.sent;
        expect(sent?.message.headers).toMatchObject({ task: "add", id: "sent-from-inside" });
        expect(Buffer.from(sent?.message.body ?? []).toString()).toMatch(/^\[\[41, ?1\]/);
        expect(sent?.route.eta).toBeInstanceOf(Date);
      });

      test("a refusal reaches the task with its class and text", async () => {
        const { pool, gateway } = await start();
        gateway.refusal = new ConfigurationError("no such thing", { code: "queue_mismatch" });
        const outcome = await runTask(pool, "send", [41]);
        expect(outcome).toMatchObject({
          kind: "failure",
          error: { exception: { exc_type: "ConfigurationError", exc_message: ["no such thing"] } },
        });
      });

      test("a task can read the result of another, typed values and all", async () => {
        const { pool, gateway } = await start();
        const result = { at: new Date("2026-01-02T03:04:05Z") };
        await gateway.storeResult({
          taskId: "other",
          status: "SUCCESS",
          result,
          traceback: null,
          children: [],
          dateDone: new Date(),
        });
        const outcome = await runTask(pool, "read-date", ["other"]);
        expect(outcome).toMatchObject({ kind: "success", result: '"2026-01-02T03:04:05.000Z"' });
      });

      test("a wait for a result that nobody needs any more ends in the worker too", async () => {
        const { pool, gateway } = await start();
        const run = pool.run(taskRequest("read-result-until-aborted", ["never"]), new Heard());
        await until(() => gateway.waiting.has("never"));
        run.abort();
        expect(await run.outcome).toMatchObject({ kind: "failure" });
        await until(() => !gateway.waiting.has("never"));
      });
    });

    describe("stopping", () => {
      test("a warm stop waits for what runs", async () => {
        const { pool } = await start();
        const outcome = runTask(pool, "sleep", [0.2]);
        await pool.stop();
        expect(await outcome).toMatchObject({ kind: "success", result: '"slept"' });
      });

      test("abort gives back what runs, at once", async () => {
        const { pool } = await start({ size: Math.min(2, largestSize) });
        const { outcome } = await runStarted(pool, "stubborn", [], () => void pool.abort("cold shutdown"));
        expect(outcome).toMatchObject({ kind: "given-back", reason: "cold shutdown" });
      });

      test(
        "abort does not wait for while (true) {}",
        cannot("a spinning task holds the worker itself", !spinEnds),
        async () => {
          const { pool } = await start();
          const { outcome } = await runStarted(pool, "spin", [600], () => void pool.abort("cold shutdown"));
          expect(outcome).toMatchObject({ kind: "given-back" });
        },
      );

      test("stop before start, twice, and after abort all work", async () => {
        const { pool } = await start();
        await Promise.all([pool.stop(), pool.stop()]);
        await pool.abort("again");
        await pool.stop();
        expect(pool.free).toBe(0);
      });
    });

    describe("starting", () => {
      test.each([
        ["apps/throws.ts", /could not be loaded.*out of order/],
        ["apps/no-app.ts", /exports no app.*something/],
        ["apps/nowhere.ts", /there is no app.*nowhere\.ts/],
      ])(
        "an app that cannot be used fails the start with the reason (%s)",
        cannot("the worker has loaded it", !capabilities.isolates),
        async (file, reason) => {
          const appPath = fileURLToPath(new URL(`../support/${file}`, import.meta.url));
          await expect(start({ appPath, size: 2 })).rejects.toThrow(reason);
        },
      );

      test(
        "an app that does not load in time fails the start",
        cannot("the worker has loaded it", !capabilities.isolates),
        async () => {
          const appPath = fileURLToPath(new URL("../support/apps/hangs.ts", import.meta.url));
          await expect(start({ appPath, startTimeout: 1 })).rejects.toThrow(/not loaded within 1 s/);
        },
      );

      test(
        "an app that fails to load later on is tried again, not in a tight loop, and said so",
        cannot("the worker has loaded it", !capabilities.isolates),
        async () => {
          const appPath = fileURLToPath(new URL("../support/apps/loads-once.ts", import.meta.url));
          vi.stubEnv("LOVAGE_TEST_LOADED", "");
          onTestFinished(() => void vi.unstubAllEnvs());
          const { pool, logger } = await start({ appPath });
          vi.stubEnv("LOVAGE_TEST_LOADED", "yes");
          await runTask(pool, "exit", [1]);
          await logger.line((line) => /could not start/.test(line.message));
          vi.stubEnv("LOVAGE_TEST_LOADED", "");
          await until(() => pool.free === 1);
          expect(logger.lines.filter((line) => /could not start/.test(line.message)).length).toBeLessThan(4);
        },
      );
    });
  });
}

interface TestPool {
  readonly pool: Pool;
  readonly gateway: RecordingGateway;
  readonly logger: RecordingLogger;
  /** Resolves once so many slots are free. */
  readonly whenFree: (count: number) => Promise<void>;
  /** Whether it can serve another case. */
  readonly isUnharmed: () => boolean;
}

class Heard implements RunListener {
  readonly events: string[] = [];
  readonly logs: TaskLogRecord[] = [];
  readonly progress: TaskProgress[] = [];
  readonly states: [state: string, meta: unknown][] = [];
  readonly #begun = deferred();
  get begun(): Promise<void> {
    return this.#begun.promise;
  }
  onStarted(): void {
    this.events.push("started");
    this.#begun.resolve();
  }
  onLog(record: TaskLogRecord): void {
    this.logs.push(record);
  }
  onProgress(progress: TaskProgress): void {
    this.progress.push(progress);
  }
  onState(state: string, metaJson: string): void {
    this.states.push([state, JSON.parse(metaJson)]);
  }
}

/** Waits on the pool's own notice that slots became free. */
class Freed {
  readonly #waiting = new Set<() => void>();
  notify(): void {
    for (const check of [...this.#waiting]) check();
  }
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }
}

/** For states that nobody announces. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function outcomeOf(pool: Pool, request: TaskRequest): Promise<Outcome> {
  return pool.run(request, new Heard()).outcome;
}
function runTask(
  pool: Pool,
  name: string,
  args: readonly unknown[] = [],
  overrides: Partial<TaskRequest> = {},
): Promise<Outcome> {
  return outcomeOf(pool, taskRequest(name, args, overrides));
}

/** Runs a task and, once it has begun, does something to it. */
async function runStarted(
  pool: Pool,
  name: string,
  args: readonly unknown[],
  act: (run: Run) => void,
): Promise<{ outcome: Outcome }> {
  const heard = new Heard();
  const run = pool.run(taskRequest(name, args), heard);
  await heard.begun;
  act(run);
  return { outcome: await run.outcome };
}

/** Keeps all slots busy with `add(n, 1)`, and returns the results in order. */
async function runMany(pool: Pool, count: number): Promise<string[]> {
  const results: string[] = new Array<string>(count);
  let next = 0;
  const slot = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      results[at] = resultOf(await runTask(pool, "add", [at, 1]));
    }
  };
  await Promise.all(Array.from({ length: pool.size }, slot));
  return results;
}

function resultOf(outcome: Outcome): string {
  if (outcome.kind !== "success") throw new Error(`the task did not succeed: ${JSON.stringify(outcome)}`);
  return outcome.result;
}

function finishedIn(pool: Pool): number {
  return pool.slots().reduce((sum, slot) => sum + slot.finished, 0);
}

function placesOf(pool: Pool): string[] {
  return pool.slots().map(({ pid, threadId }) => `${pid}:${threadId}`);
}
