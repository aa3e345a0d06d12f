import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { skipsPages } from "../support/page-browser.js";
import { openPages } from "../support/page-suite.js";

/** What the pages of workers, queues and dead letters do by themselves, over sample data. */
describe.skipIf(skipsPages)("the pages of workers and queues", () => {
  const open = openPages();
  const worker = (page: Page, name: string) =>
    page.getByRole("row", { name: new RegExp(name.replace(/[/@.]/g, "\\$&")) });

  it("hides workers that are offline, and never adds up what they last told", async () => {
    const { page } = await open("/workers");
    await page.getByRole("link", { name: "Slots 50 / 120: open the tasks" }).waitFor();
    expect(await worker(page, "celery@old-1").count()).toBe(0);
    await page.getByRole("button", { name: "Show offline (2)" }).click();
    await worker(page, "celery@old-1").waitFor();
    await page.getByRole("link", { name: "Slots 50 / 120: open the tasks" }).waitFor();
    await page.waitForURL(/offline=1/);
    await page.getByRole("link", { name: /^Failed 4,326/ }).click();
    await page.waitForURL(/\/tasks\?state=FAILURE$/);
  });

  it("takes in workers that come, and lets them wait while some are selected", async () => {
    const { page, fixture } = await open("/workers");
    const [first] = fixture.data.workers().items;
    if (!first) throw new Error("there are workers");
    await page.getByRole("button", { name: /^Live/ }).waitFor();
    await worker(page, first.name).first().waitFor();
    fixture.send("worker", { ...first, name: "lovage@fresh-1" });
    await worker(page, "lovage@fresh-1").waitFor();
    await page.getByRole("checkbox", { name: "Select lovage@fresh-1" }).click();
    fixture.send("worker", { ...first, name: "lovage@fresh-2" });
    await page.getByRole("button", { name: "1 new" }).click();
    await worker(page, "lovage@fresh-2").waitFor();
    fixture.send("worker", { name: "lovage@fresh-2", gone: true });
    await worker(page, "lovage@fresh-2").waitFor({ state: "detached" });
  });

  it("tells what each worker answered", async () => {
    const { page, sent } = await open("/workers");
    await page.getByRole("checkbox", { name: "Select all on this page" }).click();
    await page.getByRole("button", { name: "Ping 5" }).click();
    const replies = page.getByRole("region", { name: "Ping: replies" });
    await replies.getByText("pong").first().waitFor();
    await replies.getByText("All processes busy").first().waitFor();
    await replies.getByText("did not answer").waitFor();
    expect(sent()).toHaveLength(1);
  });

  it("offers for offline workers nothing but to forget them", async () => {
    const { page, sent } = await open("/workers/celery%40old-1");
    await page.getByText(/^Offline: last seen/).waitFor();
    expect(await page.getByRole("button", { name: "Ping" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: /^Grow/ }).count()).toBe(0);
    await page.getByRole("button", { name: "Forget it…" }).click();
    await page.getByRole("button", { name: "Forget 1 worker" }).click();
    await expect.poll(() => sent("DELETE").map(({ path }) => path)).toEqual(["workers/celery%40old-1"]);
  });

  it("disables what a worker cannot do, with the reason, and shows its own words when it refuses", async () => {
    const name = encodeURIComponent("celery@web-1.eu-west.internal");
    const { page } = await open(`/workers/${name}`, {
      answers: {
        [`POST workers/${name}/pool/shrink`]: () => ({
          body: { outcomes: [{ target: "celery@web-1", outcome: "refused", detail: "All processes busy" }] },
        }),
      },
    });
    await page.getByRole("note", { name: /know no cold shutdown/ }).focus();
    await page.getByRole("tooltip", { name: /SIGQUIT/ }).waitFor();
    expect(await page.getByRole("button", { name: "Cold…" }).isDisabled()).toBe(true);
    await page.getByRole("textbox", { name: "Slots", exact: true }).fill("2");
    await page.getByRole("button", { name: "Shrink 2" }).click();
    await page
      .getByRole("region", { name: "Shrink by 2: replies" })
      .getByText("All processes busy", { exact: true })
      .waitFor();
  });

  it("sets limits of one task on all workers, and only those that were changed", async () => {
    const { page, sent } = await open("/workers/lovage%40web-2?tab=limits");
    await page.getByRole("button", { name: "Actions for shop.orders.charge" }).click();
    await page.getByRole("menuitem", { name: "Set limits…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Rate limit").fill("1/m");
    await dialog.getByLabel(/^All workers that are online/).click();
    await dialog.getByRole("button", { name: "Set limits" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(sent()).toEqual([
      { path: "workers/lovage%40web-2/rate-limit", body: { task: "shop.orders.charge", rateLimit: "1/m", all: true } },
    ]);
  });

  it("purges only after the queue's name was typed", async () => {
    const { page, sent } = await open("/queues/mail");
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Purge…" }).click();
    const purge = page.getByRole("dialog").getByRole("button", { name: "Purge 59 messages" });
    expect(await purge.isDisabled()).toBe(true);
    await page.getByRole("dialog").getByRole("textbox").fill("mail");
    await purge.click();
    await page.getByText("Purged 56 messages").waitFor();
    expect(sent()).toEqual([{ path: "queues/mail/purge", body: { confirm: "mail" } }]);
  });

  it("looks into a queue that looking disturbs only when it is asked to", async () => {
    const { page, fixture } = await open("/queues/default", { peek: "disturbs" });
    const looks = () => fixture.requests.filter(({ path }) => path === "queues/default/messages").length;
    const look = page.getByRole("button", { name: /^Look at the first 50/ });
    await look.waitFor();
    await page.getByRole("table", { name: /Messages a minute|Messages of default/ }).count();
    expect(looks()).toBe(0);
    await look.click();
    await page
      .getByRole("row", { name: /shop\.orders\.charge/ })
      .first()
      .waitFor();
    expect(looks()).toBe(1);
    await page.getByRole("button", { name: "Actions for k0" }).click();
    await page.getByRole("menuitem", { name: "Move to…" }).click();
    await page.getByRole("dialog").getByRole("combobox", { name: "To the queue" }).fill("mail");
    await page.getByRole("button", { name: "Move 1 message" }).click();
    await page.getByText("Moved 56 messages to mail").waitFor();
    await expect.poll(looks).toBe(2);
  });

  it("replays dead letters of the filter that is on, to where they came from or elsewhere", async () => {
    const { page, sent } = await open("/dead-letters");
    await page.getByRole("combobox", { name: "Reason" }).selectOption("unknown_task");
    await page.waitForURL(/reason=unknown_task/);
    await page.getByText("3 of 3").waitFor();
    await page.getByRole("button", { name: "Replay all…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Another queue").click();
    await dialog.getByRole("combobox", { name: "Queue" }).fill("images");
    await dialog.getByRole("button", { name: "Replay 3 dead letters" }).click();
    await page.getByRole("region", { name: "Replayed 1 dead letter: replies" }).waitFor();
    expect(sent()).toEqual([
      { path: "dead-letters/replay", body: { filter: { reason: "unknown_task" }, to: "images" } },
    ]);
  });

  it("is glad when there are no dead letters", async () => {
    const nothing = {
      items: [],
      nextCursor: null,
      total: { count: 0, exact: true },
      facets: { tasks: [], queues: [], reasons: [], workers: [] },
    };
    const { page } = await open("/dead-letters", { answers: { "GET dead-letters": () => ({ body: nothing }) } });
    await page.getByText("No dead letters", { exact: true }).waitFor();
    await page.getByText(/^Good news/).waitFor();
    expect(await page.getByRole("button", { name: "Replay all…" }).count()).toBe(0);
  });
});
