import { describe, expect, test } from "vitest";
import type { Place, Stage } from "../support/stage.js";
import { fact, reach, titled, Visitor } from "../support/visitor.js";

/** Longer than what Celery's events tell of arguments, and than what ours carry as JSON. */
const LONG = "abcdefghij".repeat(1024);

/** A task of Python's: console.md §10, "Task detail". */
export function describeCeleryTask(chromium: string, openPlace: () => Promise<Place>): void {
  describe("the page of a Celery task whose result does not tell its arguments", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace, celery: {} });

    test("shows its failure, and the text of its arguments as Python wrote them", async () => {
      const [id = ""] = await visitor.stage.send("py.fails", [[7]]);
      await reach(visitor.stage, [id], "FAILURE");
      const page = await visitor.open(`tasks/${id}`);
      await titled(page, "FAILURE");
      const error = page.getByRole("region", { name: "Error", exact: true });
      await error.getByText("ValueError", { exact: true }).waitFor();
      await error.getByText("price of item 7 is not a number", { exact: true }).waitFor();
      await error.getByRole("region", { name: "Trace" }).getByText("celery_tasks.py").first().waitFor();
    });

    test("shows each try with the reason of the next", async () => {
      const [id = ""] = await visitor.stage.send("py.flaky", [[]]);
      await reach(visitor.stage, [id], "SUCCESS");
      const page = await visitor.open(`tasks/${id}?tab=timeline`);
      const attempts = page.getByRole("region", { name: "Table of attempts" }).getByRole("row");
      await attempts.filter({ hasText: "RETRY" }).filter({ hasText: "supplier is away" }).waitFor();
      await attempts.filter({ hasText: "SUCCESS" }).waitFor();
    });

    test("opens the form for a re-run, says why, and sends what is written there", async () => {
      const id = await sendLong(visitor.stage);
      const page = await visitor.open(`tasks/${id}`);
      await titled(page, "SUCCESS");
      await page.getByRole("button", { name: "Re-run…" }).click();
      await page.getByText("Write the arguments anew").waitFor();
      await page.getByText(/They are not known exactly: its arguments are known as a text for people only/).waitFor();
      await page.getByRole("textbox", { name: "Args", exact: true }).fill('["short"]');
      // Python told no event of what it sent, so where that went is not known either.
      await page.getByRole("textbox", { name: "Queue" }).fill("py");
      await page.getByRole("button", { name: "Re-run task" }).click();
      await page.getByText("Sent:").getByRole("link").click();
      await titled(page, "SUCCESS");
      await page.getByRole("region", { name: "the result" }).getByText("5", { exact: true }).waitFor();
    });
  });

  describe("the page of a Celery task with an extended result", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace, celery: { result_extended: true } });

    test("runs it again with the very same arguments", async () => {
      const id = await sendLong(visitor.stage);
      const page = await visitor.open(`tasks/${id}`);
      await titled(page, "SUCCESS");
      await page.getByRole("button", { name: "Re-run", exact: true }).click();
      await page.getByRole("link", { name: "Open it" }).click();
      await titled(page, "SUCCESS");
      expect(page.url()).not.toContain(id);
      await page.getByRole("region", { name: "the result" }).getByText(String(LONG.length), { exact: true }).waitFor();
      await fact(page, "Facts", "Re-run of").getByRole("link").click();
      await expect.poll(() => page.url()).toContain(id);
    });
  });
}

/** Has a Celery task send another, as Python does, with an argument of 10 kB; gives its id once it has run. */
async function sendLong(stage: Stage): Promise<string> {
  const [sender = ""] = await stage.send("py.sends", [["py.length", [LONG]]]);
  const id = String(await stage.app.asyncResult(sender).get({ timeout: 60 }));
  await reach(stage, [id], "SUCCESS");
  return id;
}
