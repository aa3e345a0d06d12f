import { LovageError } from "lovage";
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { nameInPath } from "../../../packages/console/src/api/path-names.js";
import { publishEvents } from "../../../packages/console/test/support/watch-bench.js";
import { shown, sidewaysScroll } from "../support/chromium.js";
import { type Place, type Stage, until } from "../support/stage.js";
import { reach, Visitor } from "../support/visitor.js";

const MARKUP = "<img src=x onerror=alert(1)>";
const RTL = "\u202Egnp.exe \u05D0\u05D1\u05D2";
const MEGABYTE = 1_000_000;
const PATIENT = { timeout: 20_000 };
/** Characters of a task's name that the console keeps. */
const KEPT = 500;

/** Names that strangers may give to tasks, queues and workers. */
const NAMES = {
  markup: MARKUP,
  "right to left": RTL,
  "a kilobyte": "long name,".repeat(100),
  dots: "..",
  slashes: "a/../b//c\\d",
  commas: "a,b,,c",
  percent: "50% %2F %zz",
  quotes: `"'\`{{7*7}}\${7*7}</script>`,
  NUL: "a\u0000b",
} as const;
type Kind = keyof typeof NAMES;
const KINDS: readonly Kind[] = [
  "markup",
  "right to left",
  "a kilobyte",
  "dots",
  "slashes",
  "commas",
  "percent",
  "quotes",
  "NUL",
];
/** Names that brokers and databases have different ways with: pages treat the others alike whatever is behind them. */
export const FEW_NAMES: readonly Kind[] = ["markup", "slashes", "NUL"];
/** What calls itself so is taken for no worker. */
const NO_WORKERS: readonly Kind[] = ["a kilobyte", "NUL"];

/**
 * What strangers may send: console.md §10, "Hostile data". After each test no page may have had a script run, or asked for what the policy
 * forbids. `kinds`: the names to try.
 */
export function describeHostile(
  chromium: string,
  openPlace: () => Promise<Place>,
  kinds: readonly Kind[] = KINDS,
): void {
  describe("hostile data", () => {
    const workers = kinds.filter((kind) => !NO_WORKERS.includes(kind));
    let ids: Readonly<Record<string, string>> = {};
    let queues: readonly Kind[] = [];
    const visitor = Visitor.forSuite({
      chromium,
      openPlace,
      furnish: async (stage) => {
        ids = await sendHostile(stage);
        queues = await sendNames(stage, kinds);
        await tellNames(stage, kinds);
        await until(() => workers.every((kind) => stage.console.parts.fleet.get(NAMES[kind])), "the workers are known");
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

    test("of a megabyte is cut, and said to be; the page stays usable", async () => {
      const page = await visitor.open(`tasks/${ids.megabyte}`);
      const args = page.getByRole("region", { name: "Arguments", exact: true });
      await args
        .getByText(/Cut|whole has/)
        .first()
        .waitFor();
      expect((await page.locator("body").innerText()).length).toBeLessThan(MEGABYTE);
      await rail(page, "Tasks");
      await page.getByRole("link", { name: "shop.echo" }).first().waitFor();
    });

    test("in kwargs, keys and values, is text on the task's page, and is found", async () => {
      const page = await visitor.open(`tasks?${new URLSearchParams({ q: `kwargs:"${MARKUP}"` })}`);
      await rows(page, "Tasks").first().waitFor();
      await expectUsable(page, "the search");
      await visit(page, visitor.stage, `tasks/${ids.kwargs}`);
      await page.getByRole("region", { name: "the keyword arguments" }).getByText(MARKUP).first().waitFor();
      await expectUsable(page, "kwargs");
    });

    describe.each(kinds)("in a name is text: %s", (kind) => {
      test("of a task, in lists, filters, errors and on pages of its own", async () => {
        const name = kept(kind);
        const page = await visitor.open(`tasks?${new URLSearchParams({ q: "state:PENDING" })}`);
        await follow(page, "Tasks", name);
        await expectUsable(page, kind);
        await rail(page, "Tasks");
        await filterByTask(page, name);
        // The one that waits, and the one that failed.
        await expect.poll(() => rows(page, "Tasks").count(), PATIENT).toBe(2);
        await expectUsable(page, `the filter of ${kind}`);
        await rail(page, "Task types");
        await follow(page, "Task types", name);
        await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
        await expectUsable(page, `the type ${kind}`);
        await page.getByRole("button", { name: "Send…" }).click();
        await page.getByRole("textbox", { name: "Args", exact: true }).waitFor();
        await expectUsable(page, `sending ${kind}`);
        await visit(page, visitor.stage, "tasks/errors");
        await page.getByRole("table", { name: "Groups of errors" }).getByRole("link", { name, exact: true }).waitFor();
        await expectUsable(page, `errors of ${kind}`);
        // An id that nobody has is the same text.
        await visit(page, visitor.stage, `tasks/${nameInPath(name)}`);
        await page.getByText("No record; it may have expired").waitFor();
        await expectUsable(page, `the id ${kind}`);
      });

      test("of a queue, in lists, filters and on pages of its own", async () => {
        // What no queue of this broker can be called, its driver has refused.
        if (!queues.includes(kind)) return;
        const name = NAMES[kind];
        const page = await visitor.open("queues");
        await follow(page, "Queues", name);
        await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
        await page.getByText("no consumer").first().waitFor();
        for (const tab of ["Consumers", "Bindings", "Settings", "Messages"]) {
          await page.getByRole("tab", { name: new RegExp(`^${tab}`) }).click();
          await expectUsable(page, `${kind}, ${tab}`);
        }
        await page.getByRole("button", { name: "Its tasks" }).click();
        if (name.length <= KEPT) await expect.poll(() => rows(page, "Tasks").count(), PATIENT).toBe(1);
        await expectUsable(page, `tasks of ${kind}`);
      });

      test.skipIf(NO_WORKERS.includes(kind))("of a worker, in lists, filters and on pages of its own", async () => {
        const name = NAMES[kind];
        const page = await visitor.open("workers?offline=1");
        await follow(page, "Workers", name);
        await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
        for (const tab of ["Queues", "Tasks", "Limits", "Settings", "History", "Pool"]) {
          await page.getByRole("tab", { name: new RegExp(`^${tab}`) }).click();
          await expectUsable(page, `${kind}, ${tab}`);
        }
        await visit(page, visitor.stage, `tasks?${new URLSearchParams({ worker: name })}`);
        await expect.poll(() => rows(page, "Tasks").count(), PATIENT).toBe(1);
        await expectUsable(page, `tasks of ${kind}`);
      });
    });
  });
}

/** Sends each kind of hostile argument to a task that logs and returns it; gives the ids by kind. */
async function sendHostile(stage: Stage): Promise<Readonly<Record<string, string>>> {
  let deep: unknown = MARKUP;
  for (let depth = 0; depth < 500; depth++) deep = depth % 2 === 0 ? [deep] : { [MARKUP]: deep };
  const values = { markup: MARKUP, megabyte: MARKUP.padEnd(MEGABYTE, "ab "), rtl: RTL, nul: `a\u0000b${MARKUP}`, deep };
  const sent = await stage.send(
    "shop.echo",
    Object.values(values).map((value) => [value]),
  );
  await reach(stage, sent, "SUCCESS");
  const keyed = await stage.app.sendTask("shop.echo", [1], {
    queue: "elsewhere",
    kwargs: { [MARKUP]: RTL, "a\u0000": MARKUP },
  });
  await reach(stage, [keyed.id], "PENDING");
  return { ...Object.fromEntries(Object.keys(values).map((key, place) => [key, sent[place] ?? ""])), kwargs: keyed.id };
}

/** Sends a task of each name to a queue of that name; gives those that the broker takes as names of queues. */
async function sendNames(stage: Stage, kinds: readonly Kind[]): Promise<readonly Kind[]> {
  const taken: Kind[] = [];
  const ids: string[] = [];
  for (const kind of kinds) {
    const send = async (queue: string) => {
      const { id } = await stage.app.sendTask(NAMES[kind], [NAMES[kind]], { queue });
      ids.push(id);
    };
    try {
      await send(NAMES[kind]);
      taken.push(kind);
    } catch (error) {
      expect(error).toBeInstanceOf(LovageError);
      await send("elsewhere");
    }
  }
  await reach(stage, ids, "PENDING");
  return taken;
}

/** Tells, as anybody can who reaches the broker, of a worker of each name, under which a task of that name fails. */
async function tellNames(stage: Stage, kinds: readonly Kind[]): Promise<void> {
  const now = Date.now() / 1000;
  const ids = kinds.map((_, place) => `told-${place}`);
  for (const [place, kind] of kinds.entries()) {
    const name = NAMES[kind];
    const common = { hostname: name, timestamp: now, utcoffset: 0, pid: 1, clock: place + 1 };
    const beat = { freq: 2, active: 0, processed: 1, loadavg: [0, 0, 0], sw_ident: name, sw_ver: name, sw_sys: name };
    await publishEvents(stage.app, { ...common, type: "worker-heartbeat", ...beat }, "worker.heartbeat");
    const task = { ...common, uuid: ids[place] };
    await publishEvents(stage.app, [
      { ...task, type: "task-received", name, args: name, kwargs: name, retries: 0, eta: null, expires: null },
      { ...task, type: "task-started" },
      { ...task, type: "task-failed", exception: `${name}(${JSON.stringify(name)})`, traceback: name },
    ]);
  }
  await reach(stage, ids, "FAILURE");
}

/** The name of a task as it is kept: databases have no NUL. */
function kept(kind: Kind): string {
  return NAMES[kind].replaceAll("\u0000", "\ufffd").slice(0, KEPT);
}

function rows(page: Page, table: string): Locator {
  return page
    .getByRole("table", { name: table, exact: true })
    .getByRole("row")
    .filter({ has: page.getByRole("cell") });
}

/** Follows the link of this name in a table. */
async function follow(page: Page, table: string, name: string): Promise<void> {
  const links = page.getByRole("table", { name: table, exact: true }).getByRole("link", { name, exact: true });
  await links.first().waitFor();
  await expectUsable(page, table);
  await links.first().click();
  await shown(page);
}

/** Goes to a page by the rail. */
async function rail(page: Page, name: string): Promise<void> {
  const links = page.getByRole("navigation").getByRole("link", { name: new RegExp(`^${name}\\b(?! types)`) });
  await links.first().click();
  await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  await shown(page);
}

async function filterByTask(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Filters" }).click();
  await page.getByRole("dialog", { name: "Filters" }).getByLabel("Task", { exact: true }).first().fill(name);
  await page.getByRole("button", { name: "Apply" }).click();
}

async function visit(page: Page, stage: Stage, path: string): Promise<void> {
  await page.goto(new URL(path, stage.url).href);
  await shown(page);
}

/** Nothing became part of the page, nothing pushes it aside, and one can go on from here. */
async function expectUsable(page: Page, where: string): Promise<void> {
  await expectNoMarkup(page, where);
  expect(`${where}: ${await sidewaysScroll(page)}`).toBe(`${where}: 0`);
  expect(await page.getByRole("navigation").first().getByRole("link").count()).toBeGreaterThan(5);
}

async function expectNoMarkup(page: Page, where: string): Promise<void> {
  expect(`${where}: ${await page.locator("img[onerror], img[src='x']").count()}`).toBe(`${where}: 0`);
}
