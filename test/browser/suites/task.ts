import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import type { Place } from "../support/stage.js";
import { fact, reach, titled, Visitor } from "../support/visitor.js";

/** One task: console.md §10, "Task detail". */
export function describeTask(chromium: string, openPlace: () => Promise<Place>): void {
  describe("the page of a task", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace });
    afterEach(() => visitor.stage.endRunning());

    test("shows a failure with its class, message and trace", async () => {
      const [id = ""] = await visitor.stage.send("shop.fails", [[0]]);
      const page = await visitor.open(`tasks/${id}`);
      await titled(page, "FAILURE");
      const error = page.getByRole("region", { name: "Error", exact: true });
      await error.getByText("TypeError", { exact: true }).waitFor();
      await error.getByText("price of item 0 is not a number", { exact: true }).waitFor();
      await error.getByRole("region", { name: "Trace" }).getByText("tasks.ts").first().waitFor();
    });

    test("shows each try with the reason of the next, and what each has logged", async () => {
      const [id = ""] = await visitor.stage.send("shop.flaky", [[]]);
      const page = await visitor.open(`tasks/${id}?tab=timeline`);
      await titled(page, "SUCCESS");
      const attempts = page.getByRole("region", { name: "Table of attempts" }).getByRole("row");
      await attempts.filter({ hasText: "RETRY" }).filter({ hasText: "supplier is away" }).waitFor();
      await attempts.filter({ hasText: "SUCCESS" }).waitFor();
      await page.getByRole("link", { name: "Logs of attempt 2" }).click();
      await page.getByRole("region", { name: "Log lines" }).getByText("the supplier does not answer").first().waitFor();
    });

    test("moves its bar and its log while the task runs, and asks it to stop", async () => {
      const [id = ""] = await visitor.stage.send("shop.pack", [[600]]);
      const page = await visitor.open(`tasks/${id}`);
      const bar = page.getByRole("progressbar", { name: "Progress of shop.pack" });
      const first = await progressOf(bar);
      await expect.poll(() => progressOf(bar), { timeout: 20_000 }).toBeGreaterThan(first);
      await page.getByRole("tab", { name: "Logs" }).click();
      const lines = page.getByRole("region", { name: "Log lines" }).getByRole("listitem");
      const before = await countOf(lines);
      await expect.poll(() => countOf(lines), { timeout: 20_000 }).toBeGreaterThan(before);
      await page.getByRole("button", { name: "Ask to stop" }).click();
      await titled(page, "REVOKED");
    });

    test("runs the task again as it was; each of the two leads to the other", async () => {
      const [id = ""] = await visitor.stage.send("shop.add", [[2, 3]]);
      await reach(visitor.stage, [id], "SUCCESS");
      const page = await visitor.open(`tasks/${id}`);
      await page.getByRole("button", { name: "Re-run", exact: true }).click();
      await page.getByRole("link", { name: "Open it" }).click();
      await titled(page, "SUCCESS");
      expect(page.url()).not.toContain(id);
      const again = page.url();
      await resultIs(page, "5");
      await fact(page, "Facts", "Re-run of").getByRole("link").click();
      await expect.poll(() => page.url()).toContain(id);
      await fact(page, "Facts", "Re-run as").getByRole("link").click();
      await expect.poll(() => page.url()).toBe(again);
    });

    test("runs the task again with what was changed in the form", async () => {
      const [id = ""] = await visitor.stage.send("shop.add", [[2, 3]]);
      await reach(visitor.stage, [id], "SUCCESS");
      const page = await visitor.open(`tasks/${id}`);
      await page.getByRole("button", { name: "Re-run with changes" }).click();
      const args = page.getByRole("textbox", { name: "Args", exact: true });
      expect(JSON.parse(await args.inputValue())).toEqual([2, 3]);
      await args.fill("[20, 22]");
      await page.getByRole("button", { name: "Re-run task" }).click();
      await page.getByText("Sent:").getByRole("link").click();
      await titled(page, "SUCCESS");
      await resultIs(page, "42");
      await fact(page, "Facts", "Re-run of").getByRole("link").waitFor();
    });

    test("says of a task nobody knows that its record may have expired", async () => {
      const page = await visitor.open("tasks/never-sent");
      await page.getByText("No record; it may have expired").waitFor();
    });
  });
}

async function progressOf(bar: ReturnType<Page["getByRole"]>): Promise<number> {
  return Number.parseInt((await bar.getAttribute("aria-valuetext")) ?? "", 10);
}

async function countOf(lines: ReturnType<Page["getByRole"]>): Promise<number> {
  await lines.first().waitFor();
  return await lines.count();
}

async function resultIs(page: Page, text: string): Promise<void> {
  await page.getByRole("region", { name: "the result" }).getByText(text, { exact: true }).waitFor();
}
