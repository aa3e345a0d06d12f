import { describe, expect, it } from "vitest";
import type { Page } from "../../src/api/common.js";
import type { TaskSummary } from "../../src/api/tasks.js";
import { throttle } from "../../src/web/api/throttle.js";
import { inPlace } from "../../src/web/components/held-rows.js";
import { PageTrail } from "../../src/web/components/page-trail.js";
import { rowsAsCsv, rowsAsJson } from "../../src/web/components/rows-export.js";
import { sortRows } from "../../src/web/components/sort-rows.js";
import { sortJobs } from "../../src/web/pages/jobs/job-filter.js";
import { mergeFamily } from "../../src/web/pages/tasks/merge-family.js";
import { SampleData } from "../support/sample-data.js";

const data = new SampleData(new Date("2026-01-31T10:00:00.000Z"));

function taskOf(id: string, changes: Partial<TaskSummary> = {}): TaskSummary {
  return { ...data.task(1, "SUCCESS", "shop.add"), id, rootId: "root", parentId: "root", version: 1, ...changes };
}
const eventOf = (task: TaskSummary) => ({ event: "task", data: task }) as const;

describe("a family that is shown", () => {
  const family = { rootId: "root", tasks: [taskOf("root", { parentId: null })], cut: false };
  it("takes in what its tasks send, and newer states of those it has", () => {
    const later = mergeFamily(family, [
      eventOf(taskOf("a")),
      eventOf(taskOf("a", { state: "FAILURE", version: 2 })),
      eventOf(taskOf("a", { state: "STARTED", version: 1 })),
    ]);
    expect(later.tasks.map(({ id, state }) => `${id} ${state}`)).toEqual(["root SUCCESS", "a FAILURE"]);
  });
  it("is the same while only others' tasks change", () => {
    expect(mergeFamily(family, [eventOf(taskOf("x", { rootId: "other" }))])).toBe(family);
  });
  it("is cut where the server would cut it, and never grows beyond that", () => {
    const many = Array.from({ length: 2_000 }, (_, place) => eventOf(taskOf(`child ${place}`)));
    const grown = mergeFamily(family, many);
    expect(grown).toMatchObject({ cut: true });
    expect(grown.tasks).toHaveLength(500);
    expect(mergeFamily(grown, [eventOf(taskOf("late"))]).tasks).toHaveLength(500);
  });
});

describe("a page that is being read", () => {
  interface Row {
    readonly id: string;
    readonly version: number;
  }
  const page = (ids: readonly string[], version: number): Page<Row> => ({
    items: ids.map((id) => ({ id, version })),
    nextCursor: `after ${ids.at(-1)}`,
    total: { count: ids.length, exact: true },
  });
  const held = (shown: Page<Row>, newer: Page<Row>) =>
    inPlace<Row, Page<Row>>(
      shown,
      newer,
      ({ id }) => id,
      (one, other) => one.version > other.version,
    );

  it("changes its rows in place, and lets others wait", () => {
    const seen = held(page(["b", "c"], 1), page(["a", "b", "c"], 2));
    expect(seen.waiting).toBe(1);
    expect(seen.page.items).toEqual([
      { id: "b", version: 2 },
      { id: "c", version: 2 },
    ]);
    expect(seen.page).toMatchObject({ nextCursor: "after c", total: { count: 3 } });
  });
  it("keeps rows that the newer answer has no more, or only an older state of", () => {
    expect(held(page(["b", "c"], 2), page(["c"], 1)).page.items).toEqual(page(["b", "c"], 2).items);
  });
});

describe("the way back through a list", () => {
  it("is right also after the browser's Back", () => {
    const trail = new PageTrail();
    trail.go(undefined, "c1");
    trail.go("c1", "c2");
    // Back to c1, then Previous.
    expect(trail.knows("c1")).toBe(true);
    expect(trail.before("c1")).toBeUndefined();
    expect(trail.before("c2")).toBe("c1");
  });
  it("is not known to a page that was opened by its link", () => {
    expect(new PageTrail().knows("c9")).toBe(false);
    expect(new PageTrail().knows(undefined)).toBe(false);
  });
});

describe("rows of a list that is here whole", () => {
  const rows = [
    { name: "b", figure: 2 },
    { name: "a", figure: null },
    { name: "c", figure: 10 },
  ];
  it("are sorted by a column, without a figure last either way", () => {
    const names = (sort: string) =>
      sortRows(
        rows,
        sort,
        (row) => row.figure,
        ({ name }) => name,
      ).map(({ name }) => name);
    expect(names("figure")).toEqual(["b", "c", "a"]);
    expect(names("-figure")).toEqual(["c", "b", "a"]);
  });
  it("with equal figures, or with none, are sorted by name", () => {
    const jobs = data.jobs().map((job, place) => ({ ...job, title: `job ${9 - place}`, lengthP95: null }));
    expect(sortJobs(jobs, "-lengthP95").map(({ title }) => title)).toEqual(jobs.map(({ title }) => title).sort());
  });
});

describe("an export of rows that are here whole", () => {
  const rows = [
    { name: "=cmd()", count: 2, workers: ["a", "b"] },
    { name: 'say "hi"', count: null, last: true },
  ];
  it("has a column for each member, and nothing that a spreadsheet would run", () => {
    expect(rowsAsCsv(rows)).toBe('name,count,workers,last\r\n\'=cmd(),2,"[""a"",""b""]",\r\n"say ""hi""",,,true\r\n');
  });
  it("is JSON again", () => {
    expect(JSON.parse(rowsAsJson(rows))).toEqual(rows);
    expect(JSON.parse(rowsAsJson([]))).toEqual([]);
  });
});

describe("a throttled question", () => {
  it("is asked at once, and then not before its time", () => {
    let asked = 0;
    const ask = throttle(() => asked++, 60_000);
    ask();
    ask();
    ask();
    expect(asked).toBe(1);
    ask.cancel();
  });
});
