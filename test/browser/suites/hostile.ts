import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { Place, Stage } from "../support/stage.js";
import { reach, Visitor } from "../support/visitor.js";

const MARKUP = "<img src=x onerror=alert(1)>";
const RTL = "\u202Egnp.exe \u05D0\u05D1\u05D2";
const MEGABYTE = 1_000_000;

/** What strangers may send: console.md §10, "Hostile data". */
export function describeHostile(chromium: string, openPlace: () => Promise<Place>): void {
  describe("hostile data", () => {
    let ids: Readonly<Record<string, string>> = {};
    const visitor = Visitor.forSuite({
      chromium,
      openPlace,
      furnish: async (stage) => {
        ids = await sendHostile(stage);
      },
    });

    test("in arguments is shown as text on every tab of the task's page", async () => {
      for (const [what, id] of Object.entries(ids)) {
        const page = await visitor.open(`tasks/${id}`);
        await page.getByRole("region", { name: "the arguments" }).waitFor();
        for (const tab of ["Timeline", "Logs", "Canvas", "Raw", "Overview"]) {
          await page.getByRole("tab", { name: tab }).click();
          await page.getByRole("tab", { name: tab, selected: true }).waitFor();
          await expectNoMarkup(page, `${what}, ${tab}`);
        }
        await page.close();
      }
      const page = await visitor.open(`tasks/${ids.markup}`);
      await page.getByRole("region", { name: "the arguments" }).getByText(MARKUP).first().waitFor();
      await page.getByRole("tab", { name: "Logs" }).click();
      await page.getByRole("region", { name: "Log lines" }).getByText(MARKUP, { exact: true }).waitFor();
    });
  });
}

/** Sends each kind of hostile argument to a task that logs and returns it, and a task with a hostile name; gives the ids by kind. */
async function sendHostile(stage: Stage): Promise<Readonly<Record<string, string>>> {
  let deep: unknown = MARKUP;
  for (let depth = 0; depth < 500; depth++) deep = depth % 2 === 0 ? [deep] : { [MARKUP]: deep };
  const values = { markup: MARKUP, megabyte: MARKUP.padEnd(MEGABYTE, "ab "), rtl: RTL, nul: `a\u0000b${MARKUP}`, deep };
  const sent = await stage.send(
    "shop.echo",
    Object.values(values).map((value) => [value]),
  );
  await reach(stage, sent, "SUCCESS");
  const named = await stage.app.sendTask(MARKUP, [MARKUP], { queue: "elsewhere", kwargs: { [MARKUP]: RTL } });
  await reach(stage, [named.id], "PENDING");
  return { ...Object.fromEntries(Object.keys(values).map((key, place) => [key, sent[place] ?? ""])), named: named.id };
}

async function expectNoMarkup(page: Page, where: string): Promise<void> {
  expect(`${where}: ${await page.locator("img[onerror], img[src='x']").count()}`).toBe(`${where}: 0`);
}
