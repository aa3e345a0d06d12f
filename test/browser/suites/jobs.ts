import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import type { Place } from "../support/stage.js";
import { titled, Visitor } from "../support/visitor.js";

const RUN = "Run Restock a shelf";

/** Jobs and their runs: console.md §10, "Jobs". */
export function describeJobs(chromium: string, openPlace: () => Promise<Place>): void {
  describe("jobs", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace });
    // A run that goes on is in the way of the next one.
    afterEach(() => visitor.stage.endRunning());

    test("are not started with a value that their schema refuses; the field says why", async () => {
      const page = await visitor.open("jobs");
      const form = await openForm(page);
      await form.getByRole("textbox", { name: "Amount" }).fill("many");
      await form.getByRole("button", { name: RUN }).click();
      await form.getByText("Nothing was started: see the fields above.").waitFor();
      await expectInvalid(form.getByRole("textbox", { name: "Amount" }));
      await form.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("row").filter({ hasText: "Restock a shelf" }).getByText("never run").waitFor();
    });

    test("run with a form, show progress and log as they come, refuse a second run, and stop", async () => {
      const page = await visitor.open("jobs");
      await start(await openForm(page), { amount: 7, steps: 600 });
      await titled(page, "STARTED");
      const run = page.url();
      const bar = page.getByRole("progressbar", { name: /^Progress of run \d+$/ });
      const first = await stepOf(bar);
      await expect.poll(() => stepOf(bar), { timeout: 20_000 }).toBeGreaterThan(first);
      await page.getByRole("region", { name: "Log lines" }).getByText("shelf A1: 2 of 600").waitFor();

      await page.goto(new URL("jobs/restock", visitor.stage.url).href);
      const form = await openForm(page);
      await start(form, { amount: 8, steps: 1 });
      await form.getByRole("link", { name: "Open the run in the way" }).click();
      await expect.poll(() => page.url()).toBe(run);
      await page.getByRole("button", { name: "Stop", exact: true }).click();
      await titled(page, "REVOKED");
    });

    test("tell their runs, statistics and logs, also after the console has begun again", async () => {
      const page = await visitor.open("jobs");
      await start(await openForm(page), { amount: 9, steps: 3 });
      await titled(page, "SUCCESS");
      expect(await page.getByRole("link", { name: "The shelf" }).getAttribute("href")).toBe("/shelves/1");
      await page.getByRole("region", { name: "Log lines" }).getByText("shelf A1: 3 of 3").waitFor();
      await visitor.stage.restartConsole();

      await page.goto(new URL("jobs/restock?tab=statistics", visitor.stage.url).href);
      await tile(page, "Succeeded", "1");
      await page.getByRole("row").filter({ hasText: "filled" }).getByRole("cell", { name: "9" }).last().waitFor();
      await page.getByRole("tab", { name: "Logs" }).click();
      await page.getByText("shelf A1: 3 of 3").first().waitFor();
      await page.getByRole("tab", { name: "Runs" }).click();
      await page.getByRole("row").filter({ hasText: "SUCCESS" }).filter({ hasText: "amount=9" }).waitFor();
    });
  });
}

/** Presses Run, and gives the form that opens. */
async function openForm(page: Page) {
  await page.getByRole("button", { name: RUN }).click();
  const form = page.getByRole("dialog", { name: RUN });
  await expect.poll(() => form.getByRole("textbox", { name: "Shelf" }).inputValue(), { timeout: 20_000 }).toBe("A1");
  return form;
}

async function start(form: ReturnType<Page["getByRole"]>, values: { readonly amount: number; readonly steps: number }) {
  await form.getByRole("textbox", { name: "Amount" }).fill(String(values.amount));
  await form.getByRole("textbox", { name: "Steps" }).fill(String(values.steps));
  await form.getByRole("button", { name: RUN }).click();
}

async function expectInvalid(field: ReturnType<Page["getByRole"]>): Promise<void> {
  await expect.poll(() => field.getAttribute("aria-invalid"), { timeout: 20_000 }).toBe("true");
}

/** How many steps a progress bar says are done. */
async function stepOf(bar: ReturnType<Page["getByRole"]>): Promise<number> {
  return Number.parseInt((await bar.getAttribute("aria-valuetext")) ?? "", 10);
}

async function tile(page: Page, name: string, value: string): Promise<void> {
  await page
    .getByRole("region", { name: "All runs" })
    .locator("div")
    .filter({ has: page.getByRole("term").getByText(name, { exact: true }) })
    .last()
    .getByText(value, { exact: true })
    .waitFor();
}
