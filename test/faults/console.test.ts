import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Lovage } from "lovage";
import { describe, expect, type TestContext, test } from "vitest";
import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { ConsoleProcess } from "./support/console-process.js";
import { Fleet, type WorkerProcess } from "./support/fleet.js";
import { isEmpty } from "./support/left.js";
import { until } from "./support/until.js";

/** Resident bytes that no console may go beyond; the file's cache and a full inbox are within. */
const MAX_MEMORY = 450 * 1024 * 1024;
/** Seconds for which the database is locked: three times as long as a write is tried for. */
const LOCKED_SECONDS = 15;

/** Tasks that wait at most before more are sent. */
const MAX_BEHIND = 100;

/** A queue with a worker and a console on it, and what sends to it. */
class Stage {
  readonly fleet: Fleet;
  readonly app: Lovage;
  readonly store: string;
  readonly worker: WorkerProcess;
  readonly #consoles: ConsoleProcess[] = [];
  /** What slow tasks call themselves in the record of runs, by task id. */
  readonly #names = new Map<string, string>();
  #sent = 0;
  #sending = true;

  private constructor(fleet: Fleet, store: string) {
    this.fleet = fleet;
    this.store = store;
    this.app = new Lovage("faults", { brokerUrl: fleet.url, resultBackend: fleet.resultBackend });
    this.worker = fleet.worker("--pool", "async", "--concurrency", "20", "-E");
  }

  static async open(options: { readonly brokerUrl?: string; readonly storeFolder?: string } = {}): Promise<Stage> {
    const { brokerUrl, storeFolder } = options;
    const fleet = await Fleet.create(brokerUrl === undefined ? {} : { brokerUrl });
    const stage = new Stage(fleet, `sqlite:${join(storeFolder ?? fleet.folder, "console.db")}`);
    await stage.worker.ready;
    return stage;
  }

  /** Tasks that were sent. */
  get sent(): number {
    return this.#sent;
  }
  /** Tasks that the worker has run. */
  get done(): number {
    return this.fleet.runs().size;
  }

  async openConsole(): Promise<ConsoleProcess> {
    const console = await ConsoleProcess.start(this.fleet, this.store);
    this.#consoles.push(console);
    await until(async () => (await console.system()).ingest.leader, 20, "a console that writes");
    return console;
  }

  /** Sends `each` tasks at a time, with a pause between, until `stopSending` is called. */
  async send({ each, pauseMs }: { readonly each: number; readonly pauseMs: number }): Promise<void> {
    while (this.#sending) {
      // On a loaded machine the worker must not fall behind: how it goes is what matters here, not how fast.
      if (this.#sent - this.fleet.lines("record").length > MAX_BEHIND) {
        await wait(pauseMs);
        continue;
      }
      const ids = Array.from({ length: each }, () => `t${this.#sent++}`);
      await Promise.all(ids.map((id) => this.app.sendTask("faults.append", [id, 5])));
      await wait(pauseMs);
    }
  }

  /** Sends tasks that take `ms` each. Resolves with their ids. */
  async sendSlow(count: number, ms: number): Promise<readonly string[]> {
    const names = Array.from({ length: count }, () => `t${this.#sent++}`);
    const sent = await Promise.all(names.map((name) => this.app.sendTask("faults.append", [name, ms])));
    for (const [index, { id }] of sent.entries()) this.#names.set(id, names[index] ?? "");
    return sent.map(({ id }) => id);
  }

  /** Whether these slow tasks have run. */
  haveRun(ids: readonly string[]): boolean {
    const runs = this.fleet.runs();
    return ids.every((id) => runs.has(this.#names.get(id) ?? ""));
  }

  stopSending(): void {
    this.#sending = false;
  }

  /** Every task has run, once, and nothing of them is left in the queue. */
  async expectAllDone(seconds: number): Promise<void> {
    await until(
      () => this.done >= this.sent,
      seconds,
      () => `the end of all tasks (${this.done} of ${this.sent})`,
    );
    await until(() => isEmpty(this.app), 10, "an empty queue");
    expect([...this.fleet.runs().values()].filter((runs) => runs.length > 1)).toEqual([]);
  }

  async close(): Promise<void> {
    this.stopSending();
    await Promise.all(this.#consoles.map((console) => console.kill()));
    await this.app.close();
    await this.fleet.dispose();
  }
}

describe("a console in trouble", () => {
  async function opened(
    onTestFinished: TestContext["onTestFinished"],
    options?: Parameters<typeof Stage.open>[0],
  ): Promise<Stage> {
    const stage = await Stage.open(options);
    onTestFinished(() => stage.close());
    return stage;
  }

  describe("that is killed with kill -9 while it writes", () => {
    test("leaves a store on SQLite that the next one goes on with, and queues that never noticed", async ({
      onTestFinished,
    }) => {
      await killAndGoOn(await opened(onTestFinished));
    });

    describeWithServer("redis", "on Redis", (url) => {
      test("leaves a store that the next one goes on with, and queues that never noticed", async ({
        onTestFinished,
      }) => {
        const brokerUrl = `${url}?global_keyprefix=tfaults-console-${process.pid}:`;
        await killAndGoOn(await opened(onTestFinished, { brokerUrl }));
      });
    });
  });

  // These two wait most of the time: side by side they take half as long.
  test.concurrent("whose database is locked says so, answers, keeps what it hears, and writes it afterwards", async ({
    onTestFinished,
  }) => {
    const stage = await opened(onTestFinished);
    const console = await stage.openConsole();
    const sending = stage.send({ each: 5, pauseMs: 40 });
    await until(async () => ((await console.states()).SUCCESS ?? 0) > 50, 20, "the first tasks in the console");

    // When another process holds the file
    const locker = stage.fleet.script("lock-database.mjs", stage.store.replace("sqlite:", ""));
    if (!locker.stdout) throw new Error("no output to read");
    await once(locker.stdout, "data");
    const lockedAt = performance.now();
    const doneBefore = stage.done;

    // Then it says why, and everything is answered meanwhile: from what was written before
    await until(async () => (await console.ask("/readyz")).status === 503, 10, "the word that it is not ready");
    expect(JSON.parse((await console.ask("/readyz")).text)).toEqual({ store: "unavailable", broker: "ok" });
    expect(await console.ask("/healthz")).toMatchObject({ status: 200 });
    expect((await console.system()).store.trouble).toMatch(/locked/);
    const item = (await console.attention()).find(({ kind }) => kind === "store-trouble");
    expect(item?.detail).toMatch(/locked/);
    let slowest = 0;
    while (performance.now() - lockedAt < LOCKED_SECONDS * 1000) {
      for (const path of ["/api/v1/tasks", "/api/v1/overview", "/api/v1/workers", "/api/v1/queues", "/"]) {
        const asked = performance.now();
        expect(await console.ask(path)).toMatchObject({ status: 200 });
        slowest = Math.max(slowest, performance.now() - asked);
      }
      await wait(250);
    }
    expect(slowest).toBeLessThan(5000);
    expect(console.memory).toBeLessThan(MAX_MEMORY);
    // The worker has been at work all the time
    expect(stage.done - doneBefore).toBeGreaterThan(200);

    // And what it heard meanwhile is written once the file is free
    const freed = once(locker, "exit");
    locker.kill("SIGKILL");
    await freed;
    await until(async () => (await console.ask("/readyz")).status === 200, 20, "a console that is ready again");
    stage.stopSending();
    await sending;
    await stage.expectAllDone(30);
    await expectAllSucceeded(console, stage.sent);
    const { ingest, store } = await console.system();
    expect(ingest).toMatchObject({ leader: true, dropped: 0, gaps: [] });
    expect(store.trouble).toBeNull();
  });

  test.concurrent("whose disk is full says so, and goes on when there is room again", async ({
    onTestFinished,
    skip,
  }) => {
    skip(!mayMount(), "this user may mount no small disk");
    const disk = smallDisk(join(tmpdir(), `lovage-faults-disk-${process.pid}`));
    onTestFinished(() => disk.close());
    const stage = await opened(onTestFinished, { storeFolder: disk.path });
    const console = await stage.openConsole();
    const sending = stage.send({ each: 5, pauseMs: 40 });
    await until(async () => ((await console.states()).SUCCESS ?? 0) > 50, 20, "the first tasks in the console");

    // When its disk is full
    disk.fill();
    await until(
      async () => (await console.system()).store.trouble?.includes("full") ?? false,
      30,
      "the word that the disk is full",
    );
    expect(await console.ask("/readyz")).toMatchObject({ status: 503 });
    const item = (await console.attention()).find(({ kind }) => kind === "store-trouble");
    expect(item?.detail).toMatch(/full/);
    expect(await console.ask("/api/v1/tasks")).toMatchObject({ status: 200 });
    const doneBefore = stage.done;
    await until(() => stage.done > doneBefore + 100, 10, "tasks done meanwhile");

    // Then it goes on with room, with all that it heard meanwhile
    disk.empty();
    await until(async () => (await console.ask("/readyz")).status === 200, 20, "a console that is ready again");
    stage.stopSending();
    await sending;
    await stage.expectAllDone(30);
    await expectAllSucceeded(console, stage.sent);
    expect((await console.system()).ingest).toMatchObject({ leader: true, dropped: 0 });
    expect(console.hasEnded).toBe(false);
  });
});

async function killAndGoOn(stage: Stage): Promise<void> {
  // Given a console that writes what many tasks tell, some of which take their time
  const first = await stage.openConsole();
  const sending = stage.send({ each: 20, pauseMs: 80 });
  await until(async () => ((await first.states()).SUCCESS ?? 0) > 500, 40, "some hundred tasks in the console");
  const slow = await stage.sendSlow(5, 4000);
  await until(
    async () => (await statesOf(first, slow)).includes("STARTED"),
    20,
    "the start of slow tasks in the console",
  );
  const written = await first.succeeded();

  // When it is killed, and started again once the slow ones have ended unheard
  const killedMs = Date.now();
  await first.kill();
  await until(() => Date.now() - killedMs > 4500 && stage.haveRun(slow), 20, "tasks that no console hears");
  const sentUnheard = stage.sent;
  const second = await stage.openConsole();

  // Then what the first had written is there, the hole is known, and what follows is written
  expect(new Set(await statesOf(second, written.slice(0, 20)))).toEqual(new Set(["SUCCESS"]));
  const isHole = ({ from, to }: { readonly from: string; readonly to: string }): boolean =>
    Date.parse(from) <= killedMs && killedMs <= Date.parse(to);
  await until(async () => (await second.system()).ingest.gaps.some(isHole), 10, "the word of what was missed");
  await until(() => stage.sent > sentUnheard + 200, 20, "tasks that the second hears of");
  stage.stopSending();
  await sending;

  // And the queues never noticed
  await stage.expectAllDone(60);
  // And nothing stays as it was when the first was killed: the result backend knew better
  await until(
    async () => Object.keys(await second.states()).every((state) => state === "SUCCESS"),
    45,
    () => `the end of every task in the console:\n${second.output}`,
    250,
  );
  expect(new Set(await statesOf(second, slow))).toEqual(new Set(["SUCCESS"]));
}

async function statesOf(console: ConsoleProcess, ids: readonly string[]): Promise<readonly (string | undefined)[]> {
  const states: (string | undefined)[] = [];
  for (const id of ids) states.push(await console.stateOf(id));
  return states;
}

async function expectAllSucceeded(console: ConsoleProcess, count: number): Promise<void> {
  let states: Readonly<Record<string, number>> = {};
  await until(
    async () => {
      states = await console.states();
      return states.SUCCESS === count && Object.keys(states).length === 1;
    },
    30,
    () => `${count} successes in the console (${JSON.stringify(states)}):\n${console.output}`,
    250,
  );
}

interface SmallDisk {
  readonly path: string;
  /** Leaves no room on it. */
  fill(): void;
  /** Takes back what `fill` wrote. */
  empty(): void;
  close(): void;
}

/** A file system of 32 MiB in memory. */
function smallDisk(path: string): SmallDisk {
  mkdirSync(path);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=32m", "tmpfs", path]);
  const filler = join(path, "filler");
  return {
    path,
    fill: () => {
      const some = Buffer.alloc(64 * 1024);
      // Others write to it at the same time: only the refusal tells that there is no room.
      try {
        for (;;) appendFileSync(filler, some);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    },
    empty: () => rmSync(filler),
    close: () => {
      execFileSync("umount", [path]);
      rmSync(path, { recursive: true });
    },
  };
}

/** Whether this system lets us mount: root may, where it is not a container that forbids it. */
function mayMount(): boolean {
  const path = join(tmpdir(), `lovage-faults-mount-${process.pid}`);
  try {
    smallDisk(path).close();
    return true;
  } catch {
    rmSync(path, { recursive: true, force: true });
    return false;
  }
}
