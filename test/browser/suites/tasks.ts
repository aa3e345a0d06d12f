import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { Place } from "../support/stage.js";
import { reach, Visitor } from "../support/visitor.js";

/** The list of tasks: console.md §10, "Tasks". */
export function describeTasks(chromium: string, openPlace: () => Promise<Place>): void {
  describe("the list of tasks", () => {
    const visitor = Visitor.forSuite({
      chromium,
      openPlace,
      furnish: async (stage) => {
        const added = await stage.send("shop.add", [
          [1, 1],
          [2, 2],
          [3, 3],
        ]);
        const failed = await stage.send("shop.fails", [[0], [1]]);
        const waiting = await stage.app.sendTask("shop.add", [4, 4], { queue: "nobody-listens" });
        await reach(stage, added, "SUCCESS");
        await reach(stage, failed, "FAILURE");
        await reach(stage, [waiting.id], "PENDING");
      },
    });

    test("shows the tasks of the states whose chips are pressed, also after a reload", async () => {
      const page = await visitor.open("tasks");
      await expectRows(page, { "shop.add": 4, "shop.fails": 2 });
      await page.getByRole("button", { name: /^LOST\s*0$/ }).waitFor();
      await page.getByRole("button", { name: /^FAILURE\s*2$/ }).click();
      await expectRows(page, { "shop.fails": 2 });
      await page.getByRole("button", { name: /^PENDING\s*1$/ }).click();
      await expectRows(page, { "shop.fails": 2, "shop.add": 1 });
      await page.reload();
      await expectRows(page, { "shop.fails": 2, "shop.add": 1 });
      expect(await page.getByRole("button", { name: /^FAILURE/, pressed: true }).count()).toBe(1);
      await page.getByRole("button", { name: "Clear", exact: true }).click();
      await expectRows(page, { "shop.add": 4, "shop.fails": 2 });
    });

    test("shows what a search finds, also after a reload; a bad one tells its place and takes no row away", async () => {
      const page = await visitor.open("tasks");
      await search(page, "name:shop.add -state:SUCCESS");
      await expectRows(page, { "shop.add": 1 });
      await page.reload();
      await expectRows(page, { "shop.add": 1 });
      expect(await searchBox(page).inputValue()).toBe("name:shop.add -state:SUCCESS");
      await search(page, "name:shop.add runtime:>soon");
      await page
        .getByRole("alert")
        .filter({ hasText: /\(position \d+\)/ })
        .waitFor();
      await expectRows(page, { "shop.add": 1 });
      await search(page, "state:FAILURE");
      await page.getByRole("alert").waitFor({ state: "detached" });
      await expectRows(page, { "shop.fails": 2 });
    });

    test("keeps the choice of columns", async () => {
      const page = await visitor.open("tasks");
      await page.getByRole("columnheader", { name: "Queue" }).waitFor();
      await page.getByRole("button", { name: "Columns" }).click();
      await page.getByRole("checkbox", { name: "Queue", exact: true }).uncheck();
      await page.getByRole("columnheader", { name: "Queue" }).waitFor({ state: "detached" });
      await page.reload();
      await expectRows(page, { "shop.add": 4, "shop.fails": 2 });
      expect(await page.getByRole("columnheader", { name: "Queue" }).count()).toBe(0);
    });

    test("keeps a view under its name", async () => {
      const page = await visitor.open("tasks?state=FAILURE");
      await page.getByRole("button", { name: "Views" }).click();
      await page.getByRole("menuitem", { name: /Save this view/ }).click();
      await page.getByRole("textbox", { name: "Name" }).fill("Failures");
      await page.getByRole("button", { name: "Save view" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.goto(new URL("tasks", visitor.stage.url).href);
      await page.getByRole("button", { name: "Views" }).click();
      await page.getByRole("menuitem", { name: "Failures", exact: true }).click();
      await page.waitForURL(/state=FAILURE/);
      await expectRows(page, { "shop.fails": 2 });
    });

    test("changes by itself as tasks come and end", async () => {
      const page = await visitor.open("tasks?name=shop.waits");
      await page.getByText("Nothing matches").waitFor();
      await visitor.stage.send("shop.waits", [[600]]);
      const row = page.getByRole("row").filter({ hasText: "shop.waits" });
      await row.getByText(/^\W?STARTED$/).waitFor();
      await visitor.stage.endRunning();
      await row.getByText(/^\W?REVOKED$/).waitFor();
    });
  });
}

function searchBox(page: Page) {
  return page.getByRole("searchbox", { name: "Search tasks" });
}

async function search(page: Page, text: string): Promise<void> {
  await searchBox(page).fill(text);
  await searchBox(page).press("Enter");
}

/** Waits until the table has just so many rows of each task. */
async function expectRows(page: Page, expected: Readonly<Record<string, number>>): Promise<void> {
  const links = page
    .getByRole("table", { name: "Tasks" })
    .getByRole("row")
    .getByRole("link", { name: /^shop\.(add|fails)$/ });
  const shown = async () => {
    const counts: Record<string, number> = {};
    for (const name of await links.allTextContents()) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  };
  await expect.poll(shown, { timeout: 20_000 }).toEqual(expected);
}
