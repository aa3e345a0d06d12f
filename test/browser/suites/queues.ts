import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Place, type Stage, until } from "../support/stage.js";
import { reach, Visitor } from "../support/visitor.js";

const BACKLOG = 56;
/** Messages that one look shows. */
const LOOKED_AT = 50;
const PATIENT = { timeout: 20_000 };

/** What waits: console.md §10, "Queues". Each test has a queue of its own. */
export function describeQueues(chromium: string, openPlace: () => Promise<Place>): void {
  describe("queues", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace });
    let folder = "";
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "lovage-queues-"));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    test("tell what is ready, what workers hold and how long the oldest has waited; what a broker cannot tell is a dash", async () => {
      const { stage } = visitor;
      const { capabilities } = await stage.app.direct.broker();
      const begun = performance.now();
      await fill(stage, "parcels", join(folder, "never"));
      const page = await visitor.open("queues?backlog=1");
      const row = page.getByRole("table", { name: "Queues" }).getByRole("row").filter({ hasText: "parcels" });
      await row.getByText("no consumer").waitFor();
      await row
        .getByRole("cell", { name: String(BACKLOG), exact: true })
        .first()
        .waitFor();
      await row.getByRole("link", { name: "parcels" }).click();
      await expectFigure(page, "Ready", String(BACKLOG));
      await expectFigure(page, "Unacked", capabilities.inspection.held ? "0" : /^–/);
      if (capabilities.oldestMessage) {
        const waited = async () => Number.parseFloat((await oldest(page).getAttribute("title")) ?? "");
        // Of the last sample: of a moment ago.
        await expect.poll(waited, PATIENT).toBeGreaterThan(2);
        expect(await waited()).toBeLessThanOrEqual((performance.now() - begun) / 1000);
      } else {
        await expectFigure(page, "Oldest", /^–/);
        expect(await oldest(page).getAttribute("title")).toContain("does not tell");
      }

      await stage.startWorker("shop@two", ["-Q", "parcels", "--prefetch-multiplier", "1"]);
      await expectFigure(page, "Ready", String(BACKLOG - 2));
      await expectFigure(page, "Unacked", capabilities.inspection.held ? "2" : /^–/);
      await page.getByRole("main").getByText("running", { exact: false }).first().waitFor();
    });

    test("show their messages in order, and are the same after two looks", async () => {
      const { stage } = visitor;
      const broker = await stage.app.direct.broker();
      await fill(stage, "peeked", join(folder, "never"));
      const page = await visitor.open("queues/peeked");
      if (broker.capabilities.peek === "disturbs") {
        await page.getByText("Looking disturbs this queue").waitFor();
        await page.getByRole("button", { name: `Look at the first 50 of ${BACKLOG}` }).click();
      }
      const first = Array.from({ length: LOOKED_AT }, (_, place) => place);
      await expectMessages(page, "head", first);
      await page.getByRole("button", { name: "Look again" }).click();
      await expectMessages(page, "head", first);
      await page.getByRole("radiogroup", { name: "Where to look" }).getByText("From the tail").click();
      await expectMessages(
        page,
        "tail",
        first.map((place) => place + BACKLOG - LOOKED_AT),
      );
      await until(async () => (await broker.queues.counts("peeked"))?.ready === BACKLOG, "all are ready again");
      await expectFigure(page, "Ready", String(BACKLOG));
    });

    test("are purged only when their name is typed", async () => {
      const { stage } = visitor;
      await fill(stage, "purged", join(folder, "never"));
      const page = await visitor.open("queues/purged");
      await expectFigure(page, "Ready", String(BACKLOG));
      await page.getByRole("button", { name: "More" }).click();
      await page.getByRole("menuitem", { name: "Purge…" }).click();
      const dialog = page.getByRole("dialog", { name: "Purge purged" });
      const purge = dialog.getByRole("button", { name: `Purge ${BACKLOG} messages` });
      const name = dialog.getByRole("textbox", { name: /^Type purged/ });
      for (const wrong of ["", "purge", "PURGED"]) {
        await name.fill(wrong);
        expect(await purge.isDisabled()).toBe(true);
      }
      await name.press("Enter");
      expect((await (await stage.app.direct.broker()).queues.counts("purged"))?.ready).toBe(BACKLOG);
      await name.fill("purged");
      await purge.click();
      await page.getByText(`Purged ${BACKLOG} messages`).waitFor();
      await expectFigure(page, "Ready", "0");
      await page.goto(new URL("settings/audit", stage.url).href);
      await page.getByRole("row").filter({ hasText: "purge queue" }).filter({ hasText: "purged" }).waitFor();
    });

    test("stay full while they are paused, also when a worker starts then, and drain when they are resumed", async () => {
      const gate = join(folder, "gate");
      await expectPause(visitor, "halted", gate, async (stage) => {
        await stage.startWorker("shop@three", ["-Q", "halted", "--concurrency", "1", "--prefetch-multiplier", "1"]);
        return { worker: "shop@three", takes: 1 };
      });
    });
  });
}

type StartWorker = (stage: Stage) => Promise<{
  readonly worker: string;
  /** How many messages it may have taken before it is told that the queue is paused. */
  readonly takes: number;
}>;

async function expectPause(visitor: Visitor, queue: string, gate: string, start: StartWorker): Promise<void> {
  const { stage } = visitor;
  const waiting = await fill(stage, queue, gate);
  const page = await visitor.open(`queues/${queue}`);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByRole("region", { name: `Pause ${queue}: replies` }).waitFor();
  await page
    .getByRole("main")
    .getByText(/Workers that start later are told too/)
    .waitFor();

  const { worker, takes } = await start(stage);
  const { fleet } = stage.console.parts;
  await until(
    () => fleet.get(worker)?.status === "online" && stage.console.parts.queues.paused().includes(queue),
    `${worker} is seen`,
  );
  await until(async () => {
    await fleet.refresh(worker);
    return fleet.get(worker)?.queues.length === 0;
  }, `${worker} has been told`);
  // What it had taken by then it finishes; and takes nothing after that, nor what comes.
  await writeFile(gate, "");
  const later = await fill(stage, queue, gate, 3);
  const broker = await stage.app.direct.broker();
  const ready = (await broker.queues.counts(queue))?.ready ?? 0;
  expect(ready).toBeGreaterThanOrEqual(BACKLOG + later.length - takes);
  await expectFigure(page, "Ready", String(ready));
  expect(await page.getByRole("button", { name: "Pause", exact: true }).count()).toBe(0);

  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await page
    .getByRole("region", { name: `Resume ${queue}: replies` })
    .getByText(worker)
    .waitFor();
  await reach(stage, [...waiting, ...later], "SUCCESS");
  await expectFigure(page, "Ready", "0");
}

/** Sends tasks, one after the other, to a queue that only those take from who are told to; gives their ids. */
async function fill(stage: Stage, queue: string, gate: string, count = BACKLOG): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let order = 0; order < count; order++) {
    const { id } = await stage.app.sendTask("shop.passes", [order, gate], { queue });
    ids.push(id);
  }
  return ids;
}

/** One of the figures above the tabs. */
function figure(page: Page, name: string) {
  return page
    .getByRole("main")
    .locator("dl > div")
    .filter({ has: page.getByRole("term").getByText(name, { exact: true }) })
    .getByRole("definition");
}

function oldest(page: Page) {
  return figure(page, "Oldest").locator("[title]");
}

async function expectFigure(page: Page, name: string, text: string | RegExp): Promise<void> {
  await figure(page, name).getByText(text, { exact: true }).waitFor();
}

/** Waits until the table of messages has just these, in this order. */
async function expectMessages(page: Page, from: "head" | "tail", orders: readonly number[]): Promise<void> {
  await page.getByText(new RegExp(`^${orders.length} looked at from the ${from}.*${BACKLOG} were ready`)).waitFor();
  const args = page.getByRole("table", { name: /^Messages of/ }).getByText(/^\[\d+/);
  const shown = async () => (await args.allTextContents()).map((text) => Number.parseInt(text.slice(1), 10));
  await expect.poll(shown, PATIENT).toEqual(orders);
}
