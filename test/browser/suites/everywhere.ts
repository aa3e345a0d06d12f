import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { axeFindings, launch, openContext, openPage, shown, sidewaysScroll } from "../support/chromium.js";
import { type Place, Stage, until } from "../support/stage.js";

/** Written by every run, git-ignored: to be looked at. */
const SCREENSHOTS = fileURLToPath(new URL("../screenshots/", import.meta.url));
/** "zoomed" is 400 % of a window of 1280 × 1024 (WCAG 2.2, 1.4.10): the page has 320 × 256 CSS pixels. */
const LOOKS = {
  light: { scheme: "light", width: 1440, height: 900 },
  dark: { scheme: "dark", width: 1440, height: 900 },
  phone: { scheme: "light", width: 360, height: 780 },
  zoomed: { scheme: "light", width: 320, height: 256 },
} as const;
type Look = keyof typeof LOOKS;
const ALL_LOOKS: readonly Look[] = ["light", "dark", "phone", "zoomed"];

/** What holds on every path of the console: console.md §10, "Everywhere". */
export function describeEverywhere(chromium: string, openPlace: () => Promise<Place>): void {
  describe("every page", () => {
    let browser: Browser;
    let stage: Stage;
    let paths: Readonly<Record<string, string>>;

    beforeAll(async () => {
      await mkdir(SCREENSHOTS, { recursive: true });
      browser = await launch(chromium);
      stage = await Stage.open(await openPlace(), { urlPrefix: "/ops" });
      await stage.startWorker("shop@a/b 50%");
      paths = await furnish(stage);
    }, 180_000);
    afterAll(async () => {
      await browser?.close();
      await stage?.close();
    });

    test.each(ALL_LOOKS)(
      "has no serious finding, nothing from other hosts, no sideways scrolling and no button out of reach: %s",
      async (look) => {
        const context = await openContext(browser, LOOKS[look]);
        const problems: string[] = [];
        for (const [name, path] of Object.entries(paths)) {
          const { page, complaints } = await openPage(context, new URL(path.slice(1), stage.url).href);
          await shown(page);
          problems.push(...complaints.map((each) => `${name}: ${each}`));
          // What axe looks for is the same at any zoom.
          if (look !== "zoomed") problems.push(...(await axeFindings(page)).map((each) => `${name}: ${each}`));
          if ((await sidewaysScroll(page)) > 0) problems.push(`${name}: scrolls sideways`);
          problems.push(...(await outOfReach(page)).map((each) => `${name}: ${each}`));
          await page.screenshot({ path: `${SCREENSHOTS}${name}-${look}.png`, fullPage: true });
          await page.close();
        }
        await context.close();
        expect(problems).toEqual([]);
      },
      240_000,
    );

    test("can be left for any other at 400 % zoom", async () => {
      const context = await openContext(browser, LOOKS.zoomed);
      const { page } = await openPage(context, stage.url);
      await shown(page);
      for (const title of ["Workers", "Tasks", "Queues", "Jobs", "Settings"]) {
        await page.getByRole("button", { name: "Open the menu" }).click();
        await page
          .getByRole("dialog")
          .getByRole("link", { name: new RegExp(`^${title}\\b`) })
          .click();
        await page.getByRole("heading", { level: 1, name: title }).waitFor();
        await page.getByRole("dialog").waitFor({ state: "detached" });
      }
      await context.close();
    });

    test.each(ALL_LOOKS)(
      "of the API has no serious finding, no sideways scrolling and nothing from other hosts: %s",
      async (look) => {
        const context = await openContext(browser, LOOKS[look]);
        const { page, complaints } = await openPage(context, new URL("api/docs", stage.url).href);
        await page.getByRole("heading", { level: 1, name: /API/ }).waitFor();
        expect(await sidewaysScroll(page)).toBe(0);
        expect(await axeFindings(page)).toEqual([]);
        const groups = page.getByRole("navigation", { name: "Groups" }).getByRole("link");
        await groups.filter({ hasText: "queues" }).first().click();
        const route = page.locator("summary").filter({ hasText: "/queues/{queue}/purge" });
        await route.focus();
        await page.keyboard.press("Enter");
        await page.locator("details[open]").getByText('"confirm"').first().waitFor();
        expect(await sidewaysScroll(page)).toBe(0);
        await page.screenshot({ path: `${SCREENSHOTS}api-docs-${look}.png` });
        await page.getByRole("link", { name: "openapi.json" }).click();
        await page.getByText('"openapi"').waitFor();
        expect(complaints).toEqual([]);
        await context.close();
      },
    );

    test("that does not exist says so, and leads back", async () => {
      const context = await openContext(browser);
      const { page } = await openPage(context, new URL("no/such/page", stage.url).href);
      await page.getByRole("heading", { name: /not found|no such page/i }).waitFor();
      await context.close();
    });

    test("is reached by the keyboard alone", async () => {
      const context = await openContext(browser);
      const { page } = await openPage(context, stage.url);
      await shown(page);
      for (const [keys, title] of [
        ["w", "Workers"],
        ["t", "Tasks"],
        ["q", "Queues"],
        ["j", "Jobs"],
        ["o", "Overview"],
      ] as const) {
        await page.keyboard.press("g");
        await page.keyboard.press(keys);
        await page.getByRole("heading", { level: 1, name: title }).waitFor();
      }
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await context.close();
    });

    test("lets the keyboard skip to its content, and go on by the rail", async () => {
      const context = await openContext(browser);
      const { page } = await openPage(context, stage.url);
      await shown(page);
      await page.keyboard.press("Tab");
      await expectFocus(page, page.getByRole("button", { name: "Skip to the content" }));
      await page.keyboard.press("Enter");
      await expectFocus(page, page.getByRole("main"));
      const workers = page.getByRole("navigation").getByRole("link", { name: "Workers" });
      await tabTo(page, workers, "Shift+Tab");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "Workers" }).waitFor();
      await expectFocus(page, page.getByRole("main"));
      await context.close();
    });

    test("lets the keyboard go through the rows of a table, choose some and open one", async () => {
      const context = await openContext(browser);
      const { page } = await openPage(context, new URL("tasks?name=shop.fails", stage.url).href);
      const rows = page.getByRole("table", { name: "Tasks" }).locator("tbody").getByRole("row");
      await expect.poll(() => rows.count(), { timeout: 20_000 }).toBe(6);
      for (const [key, place] of [
        ["j", 0],
        ["j", 1],
        ["j", 2],
        ["k", 1],
      ] as const) {
        await page.keyboard.press(key);
        await expectFocus(page, rows.nth(place));
      }
      await page.keyboard.press("x");
      await page.getByRole("region", { name: "1 selected" }).waitFor();
      await page.keyboard.press("j");
      await page.keyboard.press("x");
      await page.getByRole("region", { name: "2 selected" }).waitFor();
      await page.keyboard.press("x");
      await page.getByRole("region", { name: "1 selected" }).waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "shop.fails" }).waitFor();
      await context.close();
    });

    test("keeps the focus in a dialog, and gives it back to where it was", async () => {
      const context = await openContext(browser);
      const { page } = await openPage(context, new URL("tasks", stage.url).href);
      await shown(page);
      const opener = page.getByRole("button", { name: "Stop all…" });
      await tabTo(page, opener, "Tab");
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog", { name: "Stop all tasks" });
      await dialog.waitFor();
      await expectFocus(page, dialog.getByRole("button", { name: "Cancel" }));
      for (const key of ["Tab", "Shift+Tab"]) {
        for (let presses = 0; presses < 8; presses++) {
          await page.keyboard.press(key);
          expect(await dialog.locator(":focus").count()).toBe(1);
        }
      }
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      await expectFocus(page, opener);
      await context.close();
    });

    test("hears shortcuts everywhere but where somebody types", async () => {
      const context = await openContext(browser);
      const { page } = await openPage(context, new URL("tasks", stage.url).href);
      await shown(page);
      const live = page.getByRole("button", { name: /^(Live|Connecting|Reconnecting)\b/ });
      const paused = page.getByRole("button", { name: /^Paused\b/ });
      await live.waitFor();
      await page.keyboard.press("r");
      await paused.waitFor();
      await page.keyboard.press("r");
      await live.waitFor();
      await page.keyboard.press("t");
      await page.getByRole("button", { name: /^Theme: light$/i }).waitFor();
      await page.keyboard.press("/");
      const search = page.getByRole("searchbox", { name: "Search tasks" });
      await expectFocus(page, search);
      await page.keyboard.type("rtg?jx");
      expect(await search.inputValue()).toBe("rtg?jx");
      await page.getByRole("button", { name: /^Theme: light$/i }).waitFor();
      expect(await paused.count()).toBe(0);
      expect(await page.getByRole("dialog").count()).toBe(0);
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await expectFocus(page, search);
      await context.close();
    });
  });
}

/** Buttons and links of the content that no scrolling brings into the window, as short texts. */
async function outOfReach(page: Page): Promise<readonly string[]> {
  const found: unknown = await page.evaluate(`[...document.querySelectorAll("main :is(button, a[href], input, select)")]
    .filter((element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      if (width === 0 || (left > -1 && right < innerWidth + 1)) return false;
      for (let each = element.parentElement; each; each = each.parentElement)
        if (/auto|scroll/.test(getComputedStyle(each).overflowX) && each.scrollWidth > each.clientWidth) return false;
      return true;
    })
    .map((element) => "out of reach: " + (element.getAttribute("aria-label") ?? element.textContent).slice(0, 80))`);
  return z.array(z.string()).parse(found);
}

async function expectFocus(page: Page, element: Locator): Promise<void> {
  await expect
    .poll(() => element.evaluate((found) => found === found.ownerDocument.activeElement), { timeout: 20_000 })
    .toBe(true);
  expect(await page.locator(":focus").count()).toBe(1);
}

/** Presses the key until the element has the focus. */
async function tabTo(page: Page, element: Locator, key: "Tab" | "Shift+Tab"): Promise<void> {
  await element.waitFor();
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press(key);
    if (await element.evaluate((found) => found === found.ownerDocument.activeElement)) return;
  }
  throw new Error(`the focus does not come to ${String(element)}`);
}

/** Gives every page something to show, and returns their paths by name. */
async function furnish(stage: Stage): Promise<Readonly<Record<string, string>>> {
  const [added] = await stage.send("shop.add", [[2, 3]]);
  await stage.send("shop.fails", [[0], [1], [2], [3], [4], [5]]);
  const [flaky] = await stage.send("shop.flaky", [[]]);
  const [packed] = await stage.send("shop.pack", [[12]]);
  const run = await startRun(stage);
  for (const id of [added, flaky, packed, run.id]) {
    if (id !== undefined) await stage.app.asyncResult(id).get({ timeout: 60, propagate: false });
  }
  await until(
    async () => ((await stage.console.parts.tasks.stateCounts()).FAILURE ?? 0) >= 6,
    "six failures are known",
  );
  return {
    overview: "/",
    workers: "/workers",
    worker: `/workers/${encodeURIComponent("shop@a/b 50%")}`,
    "worker-limits": `/workers/${encodeURIComponent("shop@a/b 50%")}?tab=limits`,
    tasks: "/tasks",
    task: `/tasks/${packed}`,
    "task-logs": `/tasks/${packed}?tab=logs`,
    "task-timeline": `/tasks/${flaky}?tab=timeline`,
    "task-canvas": `/tasks/${packed}?tab=canvas`,
    "task-raw": `/tasks/${packed}?tab=raw`,
    errors: "/tasks/errors",
    send: "/tasks/send?name=shop.restock",
    "task-types": "/task-types",
    "task-type": "/task-types/shop.restock",
    queues: "/queues",
    queue: "/queues/shop",
    "dead-letters": "/dead-letters",
    jobs: "/jobs",
    "new-job": "/jobs/new",
    job: "/jobs/restock",
    "job-statistics": "/jobs/restock?tab=statistics",
    "job-logs": "/jobs/restock?tab=logs",
    run: `/jobs/restock/runs/${run.id}`,
    operations: "/operations",
    settings: "/settings",
    system: "/settings/system",
    users: "/settings/users",
    tokens: "/settings/tokens",
    audit: "/settings/audit",
  };
}

async function startRun(stage: Stage): Promise<{ readonly id: string }> {
  const reply = await fetch(new URL("api/v1/jobs/restock/runs", stage.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ parameters: { shelf: "B2", amount: 3, steps: 3 } }),
  });
  return z.object({ id: z.string() }).parse(await reply.json());
}
