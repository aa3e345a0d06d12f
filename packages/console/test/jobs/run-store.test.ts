import { expect, test } from "vitest";
import { JobDefinitionStore } from "../../src/server/jobs/job-definition-store.js";
import { type NewRun, type RunNews, RunStore, WAITING } from "../../src/server/jobs/run-store.js";
import { describeDatabases } from "../support/console-database.js";

function newRun(id: string, changes: Partial<NewRun> = {}): NewRun {
  return {
    id,
    job: "scrape",
    by: "ann",
    parameters: { url: "x" },
    callJson: `{"run":"${id}"}`,
    nowMs: 1000,
    ...changes,
  };
}
function news(id: string, state: string, version: number): RunNews {
  const open = state === "STARTED";
  return {
    id,
    state,
    open,
    startedMs: 2000,
    finishedMs: open ? null : 3000,
    progressJson: null,
    counters: { n: version },
    version,
  };
}
const NOW_ALONE = { state: "PENDING", alone: true };
const NOW = { state: "PENDING", alone: false };
const LATER = { state: WAITING, alone: false };

describeDatabases("stored runs", (place) => {
  const open = async (): Promise<RunStore> => {
    const store = new RunStore({ database: await (await place()).open() });
    await store.open();
    return store;
  };

  test("are numbered from 1 for each job, without gaps, however many start together", async () => {
    const runs = await open();
    const added = await Promise.all(Array.from({ length: 10 }, (_, index) => runs.add(newRun(`r${index}`), NOW)));
    expect(added.map((run) => run?.number).sort((a = 0, b = 0) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await runs.add(newRun("other", { job: "other" }), NOW)).toMatchObject({
      number: 1,
      state: "PENDING",
      open: true,
    });
    expect(await runs.add(newRun("r3"), NOW)).toEqual(added[3]);
    expect(await runs.count("scrape")).toBe(10);
  });

  test("of a job that runs alone are refused while one is open, without using up a number", async () => {
    const runs = await open();
    const added = await Promise.all(Array.from({ length: 5 }, (_, index) => runs.add(newRun(`r${index}`), NOW_ALONE)));
    const [first] = added.filter((run) => run !== undefined);
    expect(added.filter((run) => run !== undefined)).toHaveLength(1);
    expect(await runs.firstOpen("scrape")).toEqual(first);
    await runs.learn([news(first?.id ?? "", "SUCCESS", 1)]);
    expect(await runs.add(newRun("next"), NOW_ALONE)).toMatchObject({ number: 2 });
  });

  test("that were not sent give their number back", async () => {
    const runs = await open();
    await runs.add(newRun("a"), NOW);
    await runs.add(newRun("b"), NOW);
    await runs.remove("b");
    expect(await runs.get("b")).toBeUndefined();
    expect(await runs.add(newRun("c"), NOW)).toMatchObject({ number: 2 });
  });

  test("follow the newest news of their tasks, and none that is older", async () => {
    const runs = await open();
    await runs.add(newRun("a"), NOW);
    expect(await runs.learn([news("a", "STARTED", 5), news("unknown", "STARTED", 1)])).toMatchObject([
      { id: "a", state: "STARTED", open: true, startedMs: 2000, counters: { n: 5 } },
    ]);
    expect(await runs.learn([news("a", "SUCCESS", 4)])).toEqual([]);
    await runs.learn([news("a", "SUCCESS", 6)]);
    expect(await runs.get("a")).toMatchObject({ state: "SUCCESS", open: false, finishedMs: 3000 });
    expect(await runs.openIds()).toEqual([]);
  });

  test("wait for their turn, in order, and get it once", async () => {
    const runs = await open();
    for (const id of ["a", "b", "c"]) await runs.add(newRun(id), LATER);
    expect(await runs.jobsWithTurn()).toEqual(["scrape"]);
    const claims = await Promise.all([runs.claimTurn("scrape", 2000), runs.claimTurn("scrape", 2000)]);
    expect(claims.filter((each) => each !== undefined)).toEqual([{ id: "a", job: "scrape", callJson: '{"run":"a"}' }]);
    expect(await runs.jobsWithTurn()).toEqual([]);
    expect(await runs.takeBack("a", 2000)).toBeUndefined();
    expect(await runs.takeBack("b", 2000)).toMatchObject({ state: "REVOKED", open: false });
    await runs.sent("a");
    await runs.learn([news("a", "FAILURE", 1)]);
    expect(await runs.claimTurn("scrape", 3000)).toMatchObject({ id: "c" });
  });

  test("whose console vanished before sending are sent by another one, later", async () => {
    const runs = await open();
    await runs.add(newRun("a"), NOW);
    await runs.add(newRun("b"), NOW);
    await runs.sent("b");
    expect(await runs.claimUnsent(1000, 5000)).toEqual([]);
    expect(await runs.claimUnsent(2000, 5000)).toMatchObject([{ id: "a" }]);
    expect(await runs.claimUnsent(2000, 5000)).toEqual([]);
  });

  test("are lost when nobody has heard of them for long, and not while they wait, are to be sent, or may be on their way", async () => {
    const runs = await open();
    for (const id of ["sent", "unsent"]) await runs.add(newRun(id), NOW);
    await runs.add(newRun("waiting", { callJson: null }), LATER);
    await runs.sent("sent");
    const lose = async (id: string, sentBeforeMs: number): Promise<string | undefined> =>
      (await runs.lose(id, { sentBeforeMs, nowMs: 9000 }))?.state;
    expect(await lose("sent", 1000)).toBeUndefined();
    expect(await lose("unsent", 5000)).toBeUndefined();
    expect(await lose("waiting", 5000)).toBeUndefined();
    expect(await lose("sent", 5000)).toBe("LOST");
    expect(await runs.get("sent")).toMatchObject({ open: false, finishedMs: 9000 });
    expect(await lose("sent", 5000)).toBeUndefined();
  });

  test("are listed newest first, by state, and counted", async () => {
    const runs = await open();
    for (const id of ["a", "b", "c"]) await runs.add(newRun(id), NOW);
    await runs.learn([news("a", "SUCCESS", 1), news("b", "FAILURE", 1)]);
    const list = async (before?: number, states: readonly string[] = []): Promise<readonly string[]> =>
      (await runs.list("scrape", { before, limit: 2, states })).map(({ id }) => id);
    expect(await list()).toEqual(["c", "b"]);
    expect(await list(2)).toEqual(["a"]);
    expect(await list(undefined, ["SUCCESS", "PENDING"])).toEqual(["c", "a"]);
    expect((await runs.counts()).map(({ state, runs: n, open }) => [state, n, open]).sort()).toEqual([
      ["FAILURE", 1, 0],
      ["PENDING", 1, 1],
      ["SUCCESS", 1, 0],
    ]);
    expect(await runs.numbersOf(["a", "c", "x"])).toEqual(
      new Map([
        ["a", 1],
        ["c", 3],
      ]),
    );
  });
});

describeDatabases("stored jobs", (place) => {
  const JOB = {
    slug: "scrape",
    title: "Scrape",
    task: "blog.scrape",
    description: null,
    fixed: { url: "x" },
    defaults: {},
    asked: null,
    concurrency: "skip",
    queue: null,
  } as const;
  const BY = { by: "ann", nowMs: 1000 };

  test("are replaced only in the version that was read", async () => {
    const jobs = new JobDefinitionStore({ database: await (await place()).open() });
    await jobs.open();
    expect(await jobs.add(JOB, BY)).toEqual({ definition: JOB, version: 1 });
    expect(await jobs.add(JOB, BY)).toBeUndefined();
    expect(await jobs.replace({ ...JOB, title: "New" }, 1, BY)).toMatchObject({
      version: 2,
      definition: { title: "New" },
    });
    expect(await jobs.replace({ ...JOB, title: "Older" }, 1, BY)).toBeUndefined();
    expect(await jobs.list()).toMatchObject([{ version: 2, definition: { title: "New" } }]);
    expect(await jobs.remove("scrape")).toBe(true);
    expect(await jobs.remove("scrape")).toBe(false);
  });
});
