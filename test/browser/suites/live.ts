import { deferred } from "lovage/internal";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { TcpProxy } from "../../faults/support/tcp-proxy.js";
import { PATIENCE_MS } from "../support/chromium.js";
import type { Place, Stage } from "../support/stage.js";
import { reach, titled, Visitor } from "../support/visitor.js";

const EVENTS = "**/api/v1/events?*";
const LISTS = "**/api/v1/tasks?*";
const TABS = 8;
/** More than a console keeps of what it has told: a client that missed them has to ask its lists anew. */
const MORE_THAN_KEPT = 7_000;

/** What pages hear by themselves: console.md §10, "Live". */
export function describeLive(chromium: string, openPlace: () => Promise<Place>): void {
  describe("the live stream", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace });
    afterEach(() => visitor.stage.endRunning());

    test("catches up after it was cut: the page says that it is not live, and shows what it missed", async () => {
      const { page, proxy, row, id } = await watchThroughProxy(visitor);
      // Nobody asks for the list meanwhile or later: what was missed comes with the stream.
      await page.route(LISTS, () => undefined);
      await cutOff(page, proxy);
      await end(visitor.stage, id);
      await proxy.use({ kind: "pass" });
      await indicator(page, "Live").waitFor();
      await stateIn(row, "REVOKED").waitFor();
      await proxy.close();
    });

    test("begins anew when more was missed than the server keeps", async () => {
      const { page, proxy, row, id } = await watchThroughProxy(visitor);
      const order: string[] = [];
      page.on("response", (response) => order.push(response.url().includes("/events?") ? "stream" : "answer"));
      page.on("request", (request) => request.url().includes("/tasks?") && order.push("list"));
      await cutOff(page, proxy);
      order.length = 0;
      await end(visitor.stage, id);
      const { live, overview } = visitor.stage.console.parts;
      for (let count = 0; count < MORE_THAN_KEPT; count++) live.publish("stats", "stats", overview.tiles);
      await proxy.use({ kind: "pass" });
      await stateIn(row, "REVOKED").waitFor();
      await indicator(page, "Live").waitFor();
      // Pages poll only as long as there is no stream.
      await expect
        .poll(() => order.slice(order.indexOf("stream")).includes("list"), { timeout: PATIENCE_MS })
        .toBe(true);
      await proxy.close();
    });

    test("says since when nothing has come, once it is down for good, and polls instead", async () => {
      const { page, proxy, row, id } = await watchThroughProxy(visitor);
      await page.route(EVENTS, (route) => route.abort());
      proxy.cut();
      await indicator(page, "Stale since \\d\\d:\\d\\d").waitFor();
      await end(visitor.stage, id);
      await stateIn(row, "REVOKED").waitFor();
      await page.unroute(EVENTS);
      await indicator(page, "Live").waitFor();
      await proxy.close();
    });

    test("leaves no gap between a page's first question and its own beginning", async () => {
      const id = await running(visitor.stage);
      const page = await visitor.open("settings");
      const stream = deferred();
      await page.route(EVENTS, async (route) => {
        await stream.promise;
        await route.continue();
      });
      await page.goto(new URL(`tasks/${id}`, visitor.stage.url).href);
      await titled(page, "STARTED");
      await end(visitor.stage, id);
      stream.resolve();
      await titled(page, "REVOKED");
    });

    test("loses nothing that comes while an older answer is on its way", async () => {
      const [id = ""] = await visitor.stage.send("shop.pack", [[600]]);
      const page = await visitor.open(`tasks/${id}?tab=logs`);
      await indicator(page, "Live").waitFor();
      const lines = page.getByRole("region", { name: "Log lines" }).getByRole("listitem");
      await lines.first().waitFor();
      const answer = deferred();
      const read = deferred();
      await page.route(
        `**/api/v1/tasks/${id}/logs?*`,
        async (route) => {
          const response = await route.fetch();
          read.resolve();
          await answer.promise;
          await route.fulfill({ response });
        },
        { times: 1 },
      );
      // Going on after a pause, a page asks for all that it shows.
      await indicator(page, "Live").click();
      await indicator(page, "Paused").click();
      await read.promise;
      // More than the stream gathers before it is shown: some of them came after the answer was read.
      await moreThan(lines, (await lines.count()) + 10);
      const before = await lines.count();
      answer.resolve();
      await moreThan(lines, before);
      await page.getByRole("button", { name: "Ask to stop" }).click();
      await titled(page, "REVOKED");
      const boxes = (await lines.allTextContents()).map((text) => Number(/box (\d+) is packed/.exec(text)?.[1]));
      expect(boxes).toEqual(boxes.map((_, place) => place + 1));
    });

    test("is one for all tabs of a browser", async () => {
      const { stage } = visitor;
      const id = await running(stage);
      const pages: Page[] = [];
      for (let tab = 0; tab < TABS; tab++) pages.push(await visitor.open(tab % 2 === 0 ? `tasks/${id}` : "tasks"));
      for (const page of pages) await indicator(page, "Live").waitFor();
      const { live } = stage.console.parts;
      // When the topics grow, the new connection stands for a moment beside the one before.
      await expect.poll(() => live.clientCount, { timeout: PATIENCE_MS }).toBe(1);
      await end(stage, id);
      for (const [tab, page] of pages.entries()) {
        if (tab % 2 === 0) await titled(page, "REVOKED");
        else await stateIn(rowOf(page, id), "REVOKED").waitFor();
      }
      expect(live.clientCount).toBe(1);
    });
  });
}

/** A list of tasks with one that runs, shown by a browser whose way to the console can be cut. */
async function watchThroughProxy(visitor: Visitor) {
  const { hostname, port } = new URL(visitor.stage.url);
  const proxy = await TcpProxy.start({ host: hostname, port: Number(port) });
  const id = await running(visitor.stage);
  const page = await visitor.open(new URL("tasks", proxy.url(visitor.stage.url)).href);
  const row = rowOf(page, id);
  await stateIn(row, "STARTED").waitFor();
  await indicator(page, "Live").waitFor();
  return { page, proxy, row, id };
}

async function cutOff(page: Page, proxy: TcpProxy): Promise<void> {
  await proxy.use({ kind: "refuse" });
  proxy.cut();
  await indicator(page, "(Reconnecting|Stale since \\d\\d:\\d\\d)").waitFor();
}

function indicator(page: Page, word: string) {
  return page.getByRole("button", { name: new RegExp(`^${word}\\. `) });
}

function rowOf(page: Page, id: string) {
  return page
    .getByRole("table", { name: "Tasks" })
    .getByRole("row")
    .filter({ has: page.locator(`a[href$="${id}"]`) });
}

/** The badge of a row: a sign and the word. */
function stateIn(row: ReturnType<typeof rowOf>, state: string) {
  return row.getByText(new RegExp(`^\\W?${state}$`));
}

async function running(stage: Stage): Promise<string> {
  const [id = ""] = await stage.send("shop.waits", [[600]]);
  await reach(stage, [id], "STARTED");
  return id;
}

/** Ends a running task, and waits until the console knows. */
async function end(stage: Stage, id: string): Promise<void> {
  await stage.app.asyncResult(id).revoke({ terminate: true });
  await reach(stage, [id], "REVOKED");
}

async function moreThan(lines: ReturnType<Page["getByRole"]>, count: number): Promise<void> {
  await expect.poll(() => lines.count(), { timeout: PATIENCE_MS }).toBeGreaterThan(count);
}
