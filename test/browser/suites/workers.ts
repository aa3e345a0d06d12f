import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { PATIENCE_MS } from "../support/chromium.js";
import { type Place, type Stage, until } from "../support/stage.js";
import { CELERY_WORKER, fact, reach, Visitor, WORKER } from "../support/visitor.js";

/** Who runs, and what they can be told: console.md §10, "Workers". */
export function describeWorkers(chromium: string, openPlace: () => Promise<Place>): void {
  describe("workers", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace });
    afterEach(() => visitor.stage.endRunning());

    test("appear by themselves when they start, and are hidden and not counted when they have ended", async () => {
      const page = await visitor.open("workers");
      await row(page, WORKER).getByText("online").waitFor();
      await totals(page).getByText("1 online").waitFor();
      const second = await visitor.stage.startWorker("shop@two");
      await row(page, "shop@two").getByText("online").waitFor();
      await totals(page).getByText("2 online").waitFor();
      await second.stop();
      await row(page, "shop@two").waitFor({ state: "detached" });
      await totals(page).getByText("1 online").waitFor();
      await page.getByRole("button", { name: "Show offline (1)" }).click();
      await row(page, "shop@two").getByText("offline").waitFor();
      await totals(page).getByText("1 online").waitFor();
      await slotsOf(totals(page), "0 / 2").waitFor();
    });

    test("tell their size when they grow and shrink; what runs goes on, and what cannot go is refused", async () => {
      const { stage } = visitor;
      await stage.startWorker("shop@sized", ["-Q", "sized"]);
      const page = await openWorker(visitor, "shop@sized");
      const slots = page.getByRole("textbox", { name: "Slots", exact: true });
      await fact(page, "Pool", "Size").getByText("2", { exact: true }).waitFor();
      await slots.fill("2");
      await page.getByRole("button", { name: "Grow 2" }).click();
      await replies(page, "Grow by 2").getByText("pool will grow").waitFor();
      await fact(page, "Pool", "Size").getByText("4", { exact: true }).waitFor();

      const busy = await stage.send("shop.waits", [[600], [600], [600], [600]], { queue: "sized" });
      await reach(stage, busy, "STARTED");
      await slots.fill("4");
      await page.getByRole("button", { name: "Shrink 4" }).click();
      await replies(page, "Shrink by 4").getByText("a pool keeps at least one slot: it has 4, 4 cannot go").waitFor();
      await slots.fill("3");
      await page.getByRole("button", { name: "Shrink 3" }).click();
      await replies(page, "Shrink by 3").getByText("pool will shrink").waitFor();
      await fact(page, "Pool", "Size").getByText("1", { exact: true }).waitFor();
      await disabled(page, "Shrink 3", "it has one slot, which stays");
      await reach(stage, busy, "STARTED");
    });

    test("have disabled what their pool cannot do, with the reason", async () => {
      await visitor.stage.startWorker("shop@solo", ["--pool", "solo", "-Q", "solo"]);
      const page = await openWorker(visitor, "shop@solo");
      await disabled(page, "Grow 1", "pool solo cannot change its size");
      await disabled(page, "Set range", "autoscale is not enabled on it: start it with --autoscale");
      await disabled(page, "Restart pool…", "pool solo runs tasks in the worker itself: restart the worker instead");
    });

    test("take from a queue that is added, and leave alone one that is cancelled", async () => {
      const { stage } = visitor;
      const page = await openWorker(visitor, WORKER);
      await page.getByRole("tab", { name: "Queues" }).click();
      await page.getByRole("button", { name: "Add consumer…" }).click();
      const dialog = page.getByRole("dialog", { name: `Add a consumer: ${WORKER}` });
      await dialog.getByRole("combobox", { name: "Queue" }).fill("extra");
      await dialog.getByRole("button", { name: "Add consumer" }).click();
      await replies(page, "Consume extra").waitFor();
      const [taken = ""] = await stage.send("shop.add", [[1, 2]], { queue: "extra" });
      await reach(stage, [taken], "SUCCESS");

      await page.getByRole("button", { name: "Actions for extra" }).click();
      await page.getByRole("menuitem", { name: "Cancel consumer" }).click();
      await replies(page, "Stop consuming extra").waitFor();
      await stage.send("shop.add", [[3, 4]], { queue: "extra" });
      await waiting(stage, "extra", 1);
      // Whatever the worker would have taken it has taken by the time another task has run.
      const [other = ""] = await stage.send("shop.add", [[5, 6]]);
      await reach(stage, [other], "SUCCESS");
      await waiting(stage, "extra", 1);
      await page.goto(new URL("queues", stage.url).href);
      const queue = row(page, "extra");
      await queue.getByText("no consumer").waitFor();
      await queue.getByRole("cell", { name: "1", exact: true }).first().waitFor();
    });

    test("show the limits that were set also after a reload, and obey them", async () => {
      const { stage } = visitor;
      const page = await openWorker(visitor, WORKER);
      await page.getByRole("tab", { name: "Limits" }).click();
      await setLimits(page, "shop.add", { "Rate limit": "1/m" });
      await setLimits(page, "shop.waits", { "Soft limit, seconds": "2" });
      await page.reload();
      await row(page, "shop.add").getByRole("cell", { name: "1/m" }).waitFor();
      await row(page, "shop.add").getByText("set from here").waitFor();
      await row(page, "shop.waits")
        .getByRole("cell", { name: /^2(\.0)? s$/ })
        .waitFor();

      const limited = await stage.send("shop.add", [
        [1, 1],
        [2, 2],
        [3, 3],
      ]);
      const [late = ""] = await stage.send("shop.waits", [[600]]);
      await reach(stage, [late], "FAILURE");
      expect((await stage.console.parts.tasks.get(late))?.error).toContain("SoftTimeLimitExceeded");
      const records = await stage.console.parts.tasks.getMany(limited);
      expect(records.map(({ state }) => state).sort()).toEqual(["RECEIVED", "RECEIVED", "SUCCESS"]);

      await only(page, "shop.add");
      await page.getByRole("button", { name: "Actions for shop.add" }).click();
      await page.getByRole("menuitem", { name: "Clear the rate limit" }).click();
      await reach(stage, limited, "SUCCESS");
    });
  });
}

/** Ours beside Python's: the same pages for both. */
export function describeCeleryWorkers(chromium: string, openPlace: () => Promise<Place>): void {
  describe("a Lovage and a Celery worker", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace, celery: {} });
    afterEach(() => visitor.stage.endRunning());

    test("are listed with their kinds, and what each has run", async () => {
      const { stage } = visitor;
      await reach(stage, await stage.send("shop.add", [[1, 2]]), "SUCCESS");
      await reach(stage, await stage.send("py.add", [[1, 2]]), "SUCCESS");
      const page = await visitor.open("workers");
      await row(page, WORKER)
        .getByText(/^lovage/)
        .waitFor();
      await row(page, CELERY_WORKER)
        .getByText(/^celery 5/)
        .waitFor();
      await totals(page).getByText("2 online").waitFor();
      await slotsOf(totals(page), "0 / 4").waitFor();
    });

    test("refuse in their own words, and have disabled what Celery has not", async () => {
      const { stage } = visitor;
      const page = await openWorker(visitor, CELERY_WORKER);
      await page.getByRole("textbox", { name: "Slots", exact: true }).fill("2");
      await page.getByRole("button", { name: "Grow 2" }).click();
      await replies(page, "Grow by 2").getByText("pool will grow").waitFor();
      await fact(page, "Pool", "Size").getByText("4", { exact: true }).waitFor();
      const busy = await stage.send("py.waits", [[600], [600], [600], [600]]);
      await reach(stage, busy, "STARTED");
      await page.getByRole("button", { name: "Shrink 2" }).click();
      await replies(page, "Shrink by 2")
        .getByText(/All processes busy/)
        .waitFor();
      await disabled(
        page,
        "Cold…",
        "Celery's workers know no cold shutdown by remote control: send them the signal SIGQUIT",
      );
      await page.goto(new URL(`tasks/${busy[0]}`, stage.url).href);
      await disabled(page, "Ask to stop", "a Python worker has no way to ask a task to stop: terminate it");
    });
  });
}

async function openWorker(visitor: Visitor, name: string): Promise<Page> {
  const page = await visitor.open(`workers/${encodeURIComponent(name)}`);
  await page.getByRole("heading", { level: 1, name }).waitFor();
  return page;
}

function row(page: Page, name: string) {
  return page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
}

function totals(page: Page) {
  return page.getByRole("row").filter({ hasText: /\d online/ });
}

function slotsOf(total: ReturnType<typeof totals>, text: string) {
  return total.getByRole("link", { name: `Slots ${text}: open the tasks` });
}

/** What the worker said to an order. */
function replies(page: Page, what: string) {
  return page.getByRole("region", { name: `${what}: replies` }).getByRole("listitem");
}

async function disabled(page: Page, button: string, reason: string): Promise<void> {
  const control = page.getByRole("note", { name: reason }).getByRole("button", { name: button, exact: true });
  await control.waitFor();
  expect(await control.isDisabled()).toBe(true);
}

/** Leaves one row, at the top: what is told at the bottom of the page lies over the last ones. */
async function only(page: Page, task: string): Promise<void> {
  const box = page.getByRole("searchbox", { name: "Search tasks of this worker" });
  await box.fill(task);
  await box.press("Enter");
  await expect.poll(() => page.getByRole("button", { name: /^Actions for/ }).count(), { timeout: PATIENCE_MS }).toBe(1);
}

async function setLimits(page: Page, task: string, values: Readonly<Record<string, string>>): Promise<void> {
  await only(page, task);
  await page.getByRole("button", { name: `Actions for ${task}` }).click();
  await page.getByRole("menuitem", { name: "Set limits…" }).click();
  const dialog = page.getByRole("dialog", { name: `Limits of ${task}` });
  for (const [label, value] of Object.entries(values)) await dialog.getByRole("textbox", { name: label }).fill(value);
  await dialog.getByRole("button", { name: "Set limits" }).click();
  await dialog.waitFor({ state: "detached" });
  await replies(page, `Limits of ${task}`).first().waitFor();
}

/** Waits until the broker holds just so many messages that wait. */
async function waiting(stage: Stage, queue: string, count: number): Promise<void> {
  const { queues } = stage.console.parts;
  await until(
    async () => {
      await queues.refresh();
      return (await queues.get(queue))?.ready.value === count;
    },
    `${count} messages wait in ${queue}`,
    PATIENCE_MS / 1000,
  );
}
