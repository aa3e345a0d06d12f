import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import type { Place, Stage } from "../support/stage.js";
import { reach, titled, Visitor } from "../support/visitor.js";

/** How many fail of each kind; 200 in all. */
const PRICES = 40;
const ORDERS = 70;
const STUCK = 90;

/** Failures by their kind, and tasks sent by hand: console.md §10, "Errors, task types". */
export function describeErrorsAndSend(chromium: string, openPlace: () => Promise<Place>): void {
  describe("errors", () => {
    let folder = "";
    /** Once it is there, what is stuck can be delivered. */
    const road = () => join(folder, "road");
    let stuck: readonly string[] = [];
    const visitor = Visitor.forSuite({
      chromium,
      openPlace,
      furnish: async (stage) => {
        folder = await mkdtemp(join(tmpdir(), "lovage-errors-"));
        stuck = await fail(stage, road());
      },
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    test("are grouped by task, class and message, with how many there are of each", async () => {
      const page = await visitor.open("tasks/errors");
      await group(page, "TypeError", "price of item <n> is not a number", PRICES).waitFor();
      await group(page, "Error", "order <n> was not found", ORDERS).waitFor();
      await group(page, "RangeError", "order <n> is stuck: its road is closed", STUCK).waitFor();
      expect(await groups(page).count()).toBe(3);

      await page.getByRole("textbox", { name: "Task" }).fill("shop.delivers");
      await page.getByRole("textbox", { name: "Task" }).press("Enter");
      await expect.poll(() => groups(page).count(), { timeout: 20_000 }).toBe(1);
      await groups(page)
        .getByRole("button", { name: /^Actions for/ })
        .click();
      await page.getByRole("menuitem", { name: "Open as tasks" }).click();
      await page.getByRole("heading", { level: 1, name: "Tasks" }).waitFor();
      await page.getByRole("button", { name: new RegExp(`^FAILURE\\s*${STUCK}$`), pressed: true }).waitFor();
    });

    test("of one group go once what was wrong is mended and the group is tried again; the others stay", async () => {
      await writeFile(road(), "");
      const page = await visitor.open("tasks/errors");
      const row = group(page, "RangeError", "is stuck", STUCK);
      await row.getByRole("button", { name: /^Actions for/ }).click();
      await page.getByRole("menuitem", { name: "Retry the group…" }).click();
      await page
        .getByRole("dialog")
        .getByRole("button", { name: `Retry ${STUCK} tasks` })
        .click();
      const operation = page.getByRole("region", { name: "Retry, operation" });
      await operation.getByText(`${STUCK} of ${STUCK} done`, { exact: true }).waitFor();
      await reach(visitor.stage, stuck, "SUCCESS");
      await row.waitFor({ state: "detached" });
      await group(page, "TypeError", "price of item <n> is not a number", PRICES).waitFor();
      await group(page, "Error", "order <n> was not found", ORDERS).waitFor();
    });

    test("of what is typed into a task's form are told at the field, and nothing is sent; what is right is sent", async () => {
      const { stage } = visitor;
      const before = await taskCount(stage);
      const page = await visitor.open("task-types/shop.restock");
      await page.getByText("Fills a shelf").waitFor();
      await page.getByRole("button", { name: "Send…" }).click();
      await page.getByRole("heading", { level: 1, name: "Send a task" }).waitFor();
      await page.getByRole("textbox", { name: "Shelf" }).fill("C3");
      const amount = page.getByRole("textbox", { name: "Amount" });
      for (const wrong of ["many", "101", "2.5"]) {
        await amount.fill(wrong);
        await page.getByRole("button", { name: "Send task" }).click();
        await page.getByText("Nothing was sent: see the fields above.").waitFor();
        await expect.poll(() => amount.getAttribute("aria-invalid"), { timeout: 20_000 }).toBe("true");
      }
      expect(await taskCount(stage)).toBe(before);

      await amount.fill("7");
      await page.getByRole("textbox", { name: "Steps" }).fill("1");
      await page.getByRole("button", { name: "Send task" }).click();
      const link = page.getByText("Sent:").getByRole("link");
      const id = await link.innerText();
      await link.click();
      await titled(page, "SUCCESS");
      await page.getByRole("region", { name: "the result" }).getByText("7", { exact: true }).waitFor();
      expect(new URL(page.url()).pathname).toContain(id);
      expect(await taskCount(stage)).toBe(before + 1);
    });

    test("of arguments that are no JSON are told at their editor, and nothing is sent", async () => {
      const page = await visitor.open("tasks/send?name=shop.add");
      const before = await taskCount(visitor.stage);
      const args = page.getByRole("textbox", { name: "Args", exact: true });
      await args.fill("[1, 2");
      await page.getByRole("button", { name: "Send task" }).click();
      await page.getByText("Nothing was sent: see the fields above.").waitFor();
      await expect.poll(() => args.getAttribute("aria-invalid"), { timeout: 20_000 }).toBe("true");
      expect(await taskCount(visitor.stage)).toBe(before);
      await args.fill("[20, 22]");
      await page.getByRole("button", { name: "Send task" }).click();
      await page.getByText("Sent:").getByRole("link").click();
      await titled(page, "SUCCESS");
    });
  });
}

/** Sends what fails, in three kinds; gives the ids of those that the road would mend. */
async function fail(stage: Stage, road: string): Promise<readonly string[]> {
  const prices = Array.from({ length: PRICES }, (_, place) => [place * 3]);
  const orders = Array.from({ length: ORDERS }, (_, place) => [place * 3 + 2]);
  const failed = await stage.send("shop.fails", [...prices, ...orders]);
  const stuck = await stage.send(
    "shop.delivers",
    Array.from({ length: STUCK }, (_, order) => [order, road]),
  );
  await reach(stage, [...failed, ...stuck], "FAILURE");
  return stuck;
}

async function taskCount(stage: Stage): Promise<number> {
  return await stage.console.parts.tasks.countMatching({});
}

function groups(page: Page) {
  return page
    .getByRole("table", { name: "Groups of errors" })
    .getByRole("row")
    .filter({ has: page.getByRole("cell") });
}

/** The row of a group with this count. */
function group(page: Page, name: string, message: string, count: number) {
  return groups(page)
    .filter({ has: page.getByText(name, { exact: true }) })
    .filter({ hasText: message })
    .filter({ has: page.getByRole("cell", { name: String(count), exact: true }) });
}
