import { expect, test } from "vitest";
import { SqlTaskStore } from "../../src/server/store/sql-task-store.js";
import { emptyRecord } from "../../src/server/store/task-record.js";
import { taskStoreContract } from "../contract/task-store.contract.js";
import { describeDatabases, sqlitePlace } from "../support/console-database.js";

describeDatabases("tasks in the console's database", (place) => {
  taskStoreContract(async () => {
    const store = new SqlTaskStore({ database: await (await place()).open() });
    await store.open();
    return store;
  });
});

describeDatabases("a search that takes long, in the console's database", (place) => {
  const T = Date.UTC(2026, 0, 31, 10);

  test("says how far it came, and goes on from there", async () => {
    // Time is over before it begins: each page looks through one slice.
    const store = new SqlTaskStore({ database: await (await place()).open(), searchMs: 0 });
    await store.open();
    const records = Array.from({ length: 9_000 }, (_, at) => ({
      ...emptyRecord(`t${at}`, T + at),
      name: at % 4_000 === 0 ? "rare" : "frequent",
    }));
    await store.put({ records, events: [], logs: [] });

    for (const [sort, expected] of [
      ["-received", ["t8000", "t4000", "t0"]],
      ["received", ["t0", "t4000", "t8000"]],
      ["name", ["t0", "t4000", "t8000"]],
    ] as const) {
      const found: string[] = [];
      const reached: (number | null)[] = [];
      for (let cursor: string | undefined, more = true; more; ) {
        const page = await store.list({ filter: { q: "error:nothing OR rare" }, sort, limit: 5, cursor });
        found.push(...page.records.map(({ id }) => id));
        if (page.searchedToMs !== undefined) reached.push(page.searchedToMs);
        // Only the last page is whole.
        expect(page.nextCursor === null).toBe(page.searchedToMs === undefined);
        cursor = page.nextCursor ?? undefined;
        more = cursor !== undefined;
      }
      expect(found.sort()).toEqual([...expected].sort());
      expect(reached.length).toBeGreaterThan(0);
      if (sort === "name") expect(new Set(reached)).toEqual(new Set([null]));
      else
        expect(reached).toEqual([...reached].sort((a, b) => (Number(a) - Number(b)) * (sort === "received" ? 1 : -1)));
    }
  });
});

test("numbers of tasks lie close on SQLite, however often each is written: what is noted of a hundred neighbours is noted of few otherwise", async () => {
  const database = await (await sqlitePlace()).open();
  const store = new SqlTaskStore({ database });
  await store.open();
  for (let round = 0; round < 4; round++) {
    const records = Array.from({ length: 10 * (round + 1) }, (_, at) => ({
      ...emptyRecord(`t${at}`, at),
      version: round,
    }));
    await store.put({ records, events: [], logs: [] });
  }
  expect(await database.get({ sql: "SELECT count(*) AS tasks, max(seq) AS last FROM tasks" })).toEqual({
    tasks: 40,
    last: 40,
  });
});
