import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { ADMIN, logIn, VIEWER, withLogins } from "../support/people.js";
import { type Place, type Stage, until } from "../support/stage.js";
import { reach, titled, Visitor } from "../support/visitor.js";

/** Tasks that no operation here is meant for: failed ones of another name, and one that ended well. */
const OTHERS = { "shop.fails": 3, "shop.add": 1 } as const;
const FAILED = "tasks?name=shop.delivers&state=FAILURE";
const WHOLE = new Intl.NumberFormat("en-US");

/** Many tasks at once: console.md §10, "Bulk". `count`: how many have failed. */
export function describeBulk(chromium: string, openPlace: () => Promise<Place>, count = 3000): void {
  describe("operations over all that match", () => {
    let folder = "";
    /** Once it is there, what has failed does not fail again. */
    const road = () => join(folder, "road");
    const visitor = Visitor.forSuite({
      chromium,
      openPlace,
      console: () => withLogins(ADMIN, VIEWER),
      furnish: async (stage) => {
        folder = await mkdtemp(join(tmpdir(), "lovage-bulk-"));
        await failMany(stage, count, road());
        await writeFile(road(), "");
      },
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    test("are not for a viewer: their buttons say who may", async () => {
      const page = await visitor.open(FAILED);
      await logIn(page, VIEWER);
      await selectAll(page);
      const reason = page.getByRole("region", { name: /selected$/ }).getByRole("note", { name: "needs operator" });
      for (const verb of ["Re-run", "Retry", "Forget"]) {
        const button = reason.getByRole("button", { name: new RegExp(`^${verb} `) });
        await button.waitFor();
        expect(await button.isDisabled()).toBe(true);
      }
    });

    test("run each again that matches and touch no other, also when the console is restarted in the middle", async () => {
      const { stage } = visitor;
      const page = await visitor.open(FAILED);
      await logIn(page, ADMIN);
      await rerunAll(page);
      const operation = await underWay(stage);
      await stage.restartConsole();
      expect(await doneOf(stage, operation.id)).toBeGreaterThanOrEqual(operation.done);

      await strip(page).getByRole("link", { name: "Details" }).click();
      await expectProgress(page, "done", count, count);
      await expectDelivered(stage, count);
      expect(await countOf(stage, { name: "shop.delivers", state: "FAILURE" })).toBe(count);
      for (const [name, sent] of Object.entries(OTHERS)) {
        expect(`${name} ${await countOf(stage, { name })}`).toBe(`${name} ${sent}`);
        await page.goto(new URL(`tasks?name=${name}`, stage.url).href);
        await expect.poll(() => page.getByRole("link", { name }).count(), { timeout: 20_000 }).toBe(sent);
      }
    }, 240_000);

    test("keep what is done when they are cancelled, and do no more, also after a restart", async () => {
      const { stage } = visitor;
      const before = await countOf(stage, { name: "shop.delivers", state: "SUCCESS" });
      const page = await visitor.open(FAILED);
      await logIn(page, ADMIN);
      await rerunAll(page);
      const { id } = await underWay(stage);
      await strip(page).getByRole("button", { name: "Cancel the rest" }).click();
      await strip(page).getByText("cancelled", { exact: true }).waitFor();
      const kept = await doneOf(stage, id);
      expect(kept).toBeGreaterThan(0);
      expect(kept).toBeLessThan(count);
      await strip(page)
        .getByText(`${WHOLE.format(kept)} of ${WHOLE.format(count)} done`, { exact: true })
        .waitFor();

      await stage.restartConsole();
      await page.goto(new URL(`operations/${id}`, stage.url).href);
      await expectProgress(page, "cancelled", kept, count);
      await expectDelivered(stage, before + kept);
    }, 240_000);
  });
}

/** Sends the tasks of the suite and waits until the console knows how each has ended. */
async function failMany(stage: Stage, count: number, road: string): Promise<void> {
  const others = await stage.send("shop.fails", [[0], [1], [2]]);
  const added = await stage.send("shop.add", [[1, 2]]);
  await stage.send(
    "shop.delivers",
    Array.from({ length: count }, (_, order) => [order, road]),
  );
  await reach(stage, others, "FAILURE");
  await reach(stage, added, "SUCCESS");
  const failed = { name: "shop.delivers", state: "FAILURE" };
  await until(async () => (await countOf(stage, failed)) === count, `${count} failures are known`, 150);
}

async function countOf(stage: Stage, filter: { readonly name: string; readonly state?: string }): Promise<number> {
  return await stage.console.parts.tasks.countMatching(filter);
}

/** Waits until just so many re-runs have gone well, and there is none beyond them. */
async function expectDelivered(stage: Stage, count: number): Promise<void> {
  const delivered = { name: "shop.delivers", state: "SUCCESS" };
  await expect.poll(() => countOf(stage, delivered), { timeout: 90_000, interval: 200 }).toBe(count);
  const failed = await countOf(stage, { name: "shop.delivers", state: "FAILURE" });
  expect(await countOf(stage, { name: "shop.delivers" })).toBe(count + failed);
}

function strip(page: Page) {
  return page.getByRole("region", { name: "Re-run, operation" });
}

/** How many match is an estimate where counting would take longer than a page may wait. */
async function selectAll(page: Page): Promise<void> {
  await page.getByRole("checkbox", { name: "Select all on this page" }).check();
  await page.getByRole("button", { name: /^Select all .* that match$/ }).click();
  await page.getByText(/^All .* that match are selected$/).waitFor();
}

/** Selects all that match, and has them run again. */
async function rerunAll(page: Page): Promise<void> {
  await selectAll(page);
  await page
    .getByRole("region", { name: /selected$/ })
    .getByRole("button", { name: /^Re-run / })
    .click();
  await page
    .getByRole("dialog", { name: /^Re-run .* tasks that match$/ })
    .getByRole("button", { name: /^Re-run .* tasks$/ })
    .click();
  await strip(page).waitFor();
}

/** Waits until the page of an operation says this of it. */
async function expectProgress(page: Page, state: string, done: number, total: number): Promise<void> {
  const figures = page.getByRole("main").getByText(`${WHOLE.format(done)} of ${WHOLE.format(total)}`);
  await figures.waitFor({ timeout: 90_000 });
  await titled(page, state);
}

/** Waits until the newest operation has done something. */
async function underWay(stage: Stage): Promise<{ readonly id: string; readonly done: number }> {
  const newest = async () => (await stage.console.parts.operations.list({ limit: 1, cursor: undefined })).items[0];
  let operation = await newest();
  const deadline = performance.now() + 60_000;
  // As soon as can be: what is to be done in its middle needs time.
  while (operation?.state !== "running" || operation.done === 0) {
    if (performance.now() > deadline || operation?.state === "done") throw new Error("no operation is under way");
    await new Promise((resolve) => setTimeout(resolve, 10));
    operation = await newest();
  }
  return operation;
}

async function doneOf(stage: Stage, id: string): Promise<number> {
  const operation = await stage.console.parts.operations.get(id);
  return operation?.done ?? 0;
}
