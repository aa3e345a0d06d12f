import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { PATIENCE_MS } from "../support/chromium.js";
import type { Place } from "../support/stage.js";
import { reach, Visitor } from "../support/visitor.js";

const SENT = 20;
const FAILING = 3;
/** Seconds from the record to the page, as promised. */
const PROMISED = 2;
/** Of our workers, seconds; and what the promise allows beyond two of them until a silence is told. */
const HEARTBEAT = 2;
const ALLOWED = 2 * HEARTBEAT + 5;
/** The promise is for a machine that has nothing else to do: here other suites run beside. */
const LOADED = 8;

/** Whether it is healthy and what needs a person: console.md §10, "Overview". */
export function describeOverview(chromium: string, openPlace: () => Promise<Place>): void {
  describe("the overview", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace });

    test("moves its tiles and its chart as tasks end, without a reload, and leads to those that failed", async () => {
      const { stage } = visitor;
      const page = await visitor.open("");
      await tile(page, "Finished a minute").getByText("0", { exact: true }).waitFor();
      const chart = page.getByRole("img", { name: /^Finished a minute, by state\./ });
      const before = await chart.getAttribute("aria-label");
      await mark(page);

      const sent = SENT - FAILING;
      const added = await stage.send(
        "shop.add",
        Array.from({ length: sent }, (_, n) => [n, 1]),
      );
      const failed = await stage.send(
        "shop.fails",
        Array.from({ length: FAILING }, (_, n) => [n]),
      );
      await reach(stage, added, "SUCCESS");
      await reach(stage, failed, "FAILURE");
      const known = performance.now();
      await tile(page, "Finished a minute").getByText(String(SENT), { exact: true }).waitFor();
      await tile(page, "Failures, 1 h").getByText(String(FAILING), { exact: true }).waitFor();
      await expect.poll(() => chart.getAttribute("aria-label"), { timeout: PATIENCE_MS }).not.toBe(before);
      expect((performance.now() - known) / 1000).toBeLessThan(PROMISED * LOADED);
      expect(await isMarked(page)).toBe(true);

      await tile(page, "Failures, 1 h").click();
      await page.getByRole("heading", { level: 1, name: "Tasks" }).waitFor();
      const rows = page.getByRole("table", { name: "Tasks" }).getByRole("link", { name: "shop.fails" });
      await expect.poll(() => rows.count(), { timeout: PATIENCE_MS }).toBe(FAILING);
      expect(await isMarked(page)).toBe(true);
    });

    test("names a worker that was killed, and its tasks; they are no longer counted as running", async () => {
      const { stage } = visitor;
      const worker = await stage.startWorker("shop@killed", ["-Q", "killed"]);
      const page = await visitor.open("");
      await tile(page, "Workers online").getByText("2 of 2", { exact: true }).waitFor();
      await reach(stage, await stage.send("shop.waits", [[600], [600]], { queue: "killed" }), "STARTED");
      await tile(page, "Running / slots").getByText("2 / 4", { exact: true }).waitFor();
      await mark(page);

      worker.child.kill("SIGKILL");
      const killed = performance.now();
      const attention = page.getByRole("region", { name: "Attention" }).getByRole("listitem");
      const item = attention.filter({ has: page.getByRole("link", { name: "shop@killed is silent" }) });
      const named = item.getByText(/It was running 2 tasks\.|2 tasks of it are lost\./);
      await named.waitFor({ timeout: ALLOWED * LOADED * 1000 });
      expect((performance.now() - killed) / 1000).toBeLessThan(ALLOWED * LOADED);
      await tile(page, "Running / slots").getByText("0 / 2", { exact: true }).waitFor();
      await tile(page, "Workers online").getByText("1 of 2", { exact: true }).waitFor();
      expect(await isMarked(page)).toBe(true);
      await item.getByRole("link").click();
      await page.getByRole("heading", { level: 1, name: "shop@killed" }).waitFor();
    });
  });
}

function tile(page: Page, name: string) {
  return page.getByRole("region", { name: "Now" }).getByRole("link", { name: new RegExp(`^${name}`) });
}

/** Writes on the page's document: it is gone after a reload. */
async function mark(page: Page): Promise<void> {
  await page.evaluate("document.lovageMark = true");
}
async function isMarked(page: Page): Promise<boolean> {
  return (await page.evaluate("document.lovageMark === true")) === true;
}
