import { describe, expect, it } from "vitest";
import { skipsPages } from "../support/page-browser.js";
import { openPages } from "../support/page-suite.js";

/** What a person does on a page is not changed by what the page hears: over sample data. */
describe.skipIf(skipsPages)("what is typed, selected and confirmed", { timeout: 180_000 }, () => {
  const open = openPages();

  it("is sent as it is shown, or not at all", async () => {
    const { page, fixture, sent } = await open("/tasks/send?name=shop.form", {
      answers: {
        "GET task-types/shop.form": () => ({
          body: {
            ...fixture.data.taskTypes()[0],
            name: "shop.form",
            passes: "kwargs",
            schema: {
              type: "object",
              properties: {
                meta: { type: "object", default: { a: 1 } },
                rows: { type: "array", items: {}, default: ["A", "B"] },
                sure: { type: "boolean" },
                price: { type: "number" },
              },
              required: ["sure"],
            },
          },
        }),
      },
    });
    const meta = page.getByRole("textbox", { name: "meta" });
    await meta.fill('{"a": 999');
    await page.getByRole("button", { name: "Send task" }).click();
    await page.getByText("Nothing was sent: see the fields above.").waitFor();
    expect(sent().filter(({ path }) => path === "tasks")).toEqual([]);
    await meta.fill('{"a":999}');
    expect(await meta.inputValue()).toBe('{"a":999}');
    await page.getByRole("button", { name: "Remove rows 1" }).click();
    expect(await page.getByRole("textbox", { name: "rows 1 *" }).inputValue()).toBe('"B"');
    await page.getByRole("textbox", { name: "price" }).fill("1.50");
    await page.getByRole("button", { name: "Send task" }).click();
    await page.getByText("Sent:").waitFor();
    expect(sent().filter(({ path }) => path === "tasks")).toMatchObject([
      { body: { kwargs: { meta: { a: 999 }, rows: ["B"], sure: false, price: 1.5 } } },
    ]);
  });

  it("is not taken from a search box by its own answer", async () => {
    const { page } = await open("/tasks");
    const box = page
      .getByRole("textbox", { name: "Search tasks" })
      .or(page.getByRole("searchbox", { name: "Search tasks" }));
    await box.click();
    await page.keyboard.type("nap ");
    await page.waitForURL(/q=nap/);
    await page.keyboard.type("done");
    await page.waitForURL(/q=nap(%20|\+)done/);
    expect(await box.inputValue()).toBe("nap done");
  });

  it("can still be acted on from another page of the list", async () => {
    const { page, fixture } = await open("/tasks", {
      answers: {
        "GET tasks": ({ query }) => {
          const tasks = fixture.data.tasks();
          const second = query.get("cursor") === "second";
          return {
            body: {
              items: second ? tasks.slice(3, 6) : tasks.slice(0, 3),
              nextCursor: second ? null : "second",
              searched: null,
              total: { count: 6, exact: true },
              states: {},
            },
          };
        },
      },
    });
    await page.getByRole("checkbox", { name: "Select all on this page" }).check();
    const actions = page.getByRole("region", { name: "3 selected" });
    const offered = await actions.getByRole("button").allTextContents();
    await page.getByRole("button", { name: "Next page" }).click();
    await page.waitForURL(/cursor=second/);
    await page.locator(`[data-row="${fixture.data.tasks()[3]?.id}"]`).waitFor();
    expect(await actions.getByRole("button").allTextContents()).toEqual(offered);
  });

  it("goes back to the first page where a link names a place that is none", async () => {
    const { page, fixture } = await open("/tasks?state=FAILURE&cursor=gone", {
      answers: {
        "GET tasks": ({ query }) =>
          query.get("cursor") === null
            ? {
                body: {
                  items: fixture.data.tasks().slice(0, 2),
                  nextCursor: null,
                  searched: null,
                  total: { count: 2, exact: true },
                  states: {},
                },
              }
            : {
                status: 400,
                body: { type: "about:blank", title: "x", status: 400, code: "bad_list_request", detail: "x" },
              },
      },
    });
    await page.locator(`[data-row="${fixture.data.tasks()[0]?.id}"]`).waitFor();
    expect(new URL(page.url()).search).toBe("?state=FAILURE");
  });

  it("asks for a number that stands still while it is typed", async () => {
    let running = 2;
    const { page } = await open("/", {
      answers: { "GET operations/stop-all": () => ({ body: { waiting: 40, running: running++ } }) },
    });
    await page.getByRole("button", { name: "Stop all…" }).click();
    const dialog = page.getByRole("dialog", { name: "Stop all tasks" });
    const asked = dialog.locator("label code");
    await expect.poll(() => asked.textContent(), { timeout: 60_000 }).toMatch(/^4\d$/);
    await dialog.getByRole("textbox").fill("4");
    const held = (await asked.textContent()) ?? "";
    const before = running;
    await expect.poll(() => running, { timeout: 60_000 }).toBeGreaterThan(before + 1);
    expect(await asked.textContent()).toBe(held);
    await dialog.getByRole("textbox").fill(held);
    expect(await dialog.getByRole("button", { name: `Stop ${held} tasks` }).isEnabled()).toBe(true);
  });

  it("stays as it is while the page is paused, and the page asks for nothing", async () => {
    const { page, fixture, url } = await open("/operations");
    // From here on, half a minute passes when it is told to.
    await page.clock.install();
    await page.goto(`${url}/operations`);
    await page.getByRole("heading", { name: "Operations", level: 1 }).waitFor();
    const asked = () => fixture.requests.filter(({ path }) => path === "operations").length;
    const answered = () => page.evaluate(() => fetch("api/v1/me").then((response) => response.status));
    // This list is asked for every five seconds.
    const first = asked();
    await page.clock.runFor(6_000);
    await expect.poll(asked, { timeout: 60_000 }).toBeGreaterThan(first);
    await page.keyboard.press("r");
    await page.getByRole("button", { name: /Paused/ }).waitFor();
    await answered();
    const before = asked();
    await page.clock.runFor(30_000);
    await answered();
    expect(asked()).toBe(before);
    await page.keyboard.press("r");
    await expect.poll(asked, { timeout: 60_000 }).toBeGreaterThan(before);
  });
});
