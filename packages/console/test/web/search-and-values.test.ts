import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { skipsPages } from "../support/page-browser.js";
import { openPages } from "../support/page-suite.js";

/** How pages tell what is not all there, and how the rest is had: over sample data. */
describe.skipIf(skipsPages)("what a page cannot show at once", () => {
  const open = openPages();

  it("says how far a search came that takes long, and goes on where it stopped", async () => {
    const { page, fixture, complaints } = await open("/tasks?q=needle", {
      answers: {
        "GET tasks": ({ query }) => {
          const cursor = query.get("cursor");
          const found = cursor === "third" ? fixture.data.tasks().slice(0, 2) : [];
          const last = { items: found, nextCursor: null, searched: null };
          const on = { items: found, nextCursor: cursor === null ? "second" : "third" };
          const searched = { to: cursor === null ? "2026-01-31T10:00:00.000Z" : "2026-01-30T10:00:00.000Z" };
          return {
            body: {
              ...(cursor === "third" ? last : { ...on, searched }),
              total: { count: null, exact: false },
              states: {},
            },
          };
        },
      },
    });
    const soFar = page.getByRole("status").filter({ hasText: "Searched back to" });
    await soFar.getByText("Nothing found yet").waitFor();
    await soFar.getByText(/older tasks were not looked at yet/).waitFor();
    // That would not be true.
    expect(await page.getByText("Nothing matches").count()).toBe(0);
    await page.getByRole("button", { name: "Search further" }).click();
    await page.waitForURL(/cursor=second/);
    await soFar.getByText("Nothing found yet").waitFor();
    await page.getByRole("button", { name: "Search further" }).click();
    await page.waitForURL(/cursor=third/);
    await page
      .getByRole("checkbox", { name: /^Select 9f6c/ })
      .first()
      .waitFor();
    expect(await page.getByRole("button", { name: "Search further" }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("keeps what a long search has found, with the way on below it", async () => {
    const { page, fixture } = await open("/tasks?q=needle", {
      answers: {
        "GET tasks": () => ({
          body: {
            items: fixture.data.tasks().slice(0, 3),
            nextCursor: "on",
            searched: { to: null },
            total: { count: null, exact: false },
            states: {},
          },
        }),
      },
    });
    await page.getByText(/The search is not over/).waitFor();
    await page
      .getByRole("checkbox", { name: /^Select 9f6c/ })
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Search further" }).waitFor();
  });

  it("downloads the whole of a value that is cut, or says why it cannot be had", async () => {
    const id = "9f6c0000-0000-4000-8000-000000000002";
    const cut = { form: "json", value: '["xxx', sizeBytes: 100_004, cut: true };
    const { page, fixture, complaints } = await open(`/tasks/${id}`, {
      answers: {
        [`GET tasks/${id}`]: () => ({
          body: { ...fixture.data.taskDetail(id), argsValue: cut, kwargsValue: { ...cut, form: "repr" } },
        }),
        [`GET tasks/${id}/values/args`]: () => ({
          headers: { "content-disposition": `attachment; filename="${id}-args.json"` },
          body: ["x".repeat(100_000)],
        }),
        [`GET tasks/${id}/values/kwargs`]: () => ({
          status: 404,
          body: {
            type: "about:blank",
            title: "Not Found",
            status: 404,
            code: "value_not_kept",
            detail: "the whole is not kept: only its beginning was told",
          },
        }),
      },
    });
    await page
      .getByText(/^Cut: the whole has 9\d/)
      .first()
      .waitFor();
    const saving = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download the arguments" }).click();
    const download = await saving;
    expect(download.suggestedFilename()).toBe(`${id}-args.json`);
    expect(JSON.parse(await readFile(await download.path(), "utf8"))).toEqual(["x".repeat(100_000)]);
    expect(complaints).toEqual([]);

    await page.getByRole("link", { name: "Download the keyword arguments" }).click();
    await page.getByText(/only its beginning was told/).waitFor();
  });

  it("tells of a dead letter what it died of before it was replayed", async () => {
    const { page, fixture } = await open("/dead-letters");
    const [letter] = fixture.data.deadLetters(new URLSearchParams()).items;
    if (!letter?.id) throw new Error("the first letter has an id");
    await page.getByRole("link", { name: `Earlier deaths of ${letter.id}` }).waitFor();
    await page.getByRole("row").filter({ hasText: letter.id }).getByText(letter.error).first().click();
    const deaths = page.getByRole("dialog").getByRole("list", { name: "Earlier deaths" });
    expect(await deaths.getByRole("listitem").count()).toBe(letter.earlier.length);
    await deaths
      .getByRole("link", { name: `Timeline of ${letter.id}` })
      .first()
      .click();
    await page.waitForURL(`**/tasks/${letter.id}?tab=timeline`);
  });
});
