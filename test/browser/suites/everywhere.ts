import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeFindings, launch, openContext, openPage, shown, sidewaysScroll } from "../support/chromium.js";
import { type Place, Stage, until } from "../support/stage.js";

/** Written by every run, git-ignored: to be looked at. */
const SCREENSHOTS = fileURLToPath(new URL("../screenshots/", import.meta.url));
const WIDTHS = { light: 1440, dark: 1440, phone: 360 } as const;

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

    test.each(Object.keys(WIDTHS))(
      "has no serious finding, nothing from other hosts and no sideways scrolling: %s",
      async (look) => {
        const phone = look === "phone";
        const context = await openContext(browser, {
          scheme: look === "dark" ? "dark" : "light",
          width: phone ? WIDTHS.phone : WIDTHS.light,
          height: phone ? 780 : 900,
        });
        const problems: string[] = [];
        for (const [name, path] of Object.entries(paths)) {
          const { page, complaints } = await openPage(context, new URL(path.slice(1), stage.url).href);
          await shown(page);
          problems.push(...complaints.map((each) => `${name}: ${each}`));
          problems.push(...(await axeFindings(page)).map((each) => `${name}: ${each}`));
          if ((await sidewaysScroll(page)) > 0) problems.push(`${name}: scrolls sideways`);
          await page.screenshot({ path: `${SCREENSHOTS}${name}-${look}.png`, fullPage: true });
          await page.close();
        }
        await context.close();
        expect(problems).toEqual([]);
      },
      240_000,
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
  });
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
  const { id } = await stage.app.sendTask("shop.restock", [], {
    kwargs: { shelf: "B2", amount: 3, steps: 3 },
    headers: { lovage_job: "restock", lovage_job_run: "first" },
  });
  return { id };
}
