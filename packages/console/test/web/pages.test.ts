import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FixtureConsole, type FixtureOptions } from "../support/fixture-console.js";
import { buildPages, openBrowser, skipsPages } from "../support/page-browser.js";

/** The pages' own behaviour, over sample data. What they do to a real console is tried in test/browser. */
describe.skipIf(skipsPages)("the pages of the console", { timeout: 180_000 }, () => {
  let browser: Browser;
  const consoles: FixtureConsole[] = [];
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    await buildPages();
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    await Promise.all(consoles.splice(0).map((each) => each.stop()));
  });

  async function open(path: string, options: FixtureOptions = {}) {
    const fixture = new FixtureConsole({ lively: false, ...options });
    consoles.push(fixture);
    const url = await fixture.start();
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
    contexts.push(context);
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    const complaints = listenForComplaints(page);
    await page.goto(url + path);
    return { fixture, url, context, page, complaints };
  }

  it("goes to pages by keys, but not while somebody types", async () => {
    const { page } = await open("/");
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.getByRole("heading", { name: "Tasks", level: 1 }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("g j");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Tasks");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Search tasks, or go to a page" }).fill("nightly");
    await page.getByRole("option", { name: /Nightly export/ }).click();
    await page.waitForURL("**/jobs/nightly-export");
  });

  it("opens names with slashes, per cents and blanks, from a link and after a reload, under a prefix", async () => {
    const odd = "tasks/50%25%2F%C3%A9%201";
    const { page, url, fixture, complaints } = await open(`/${odd}`, { urlPrefix: "/deep/console" });
    const asked = () => fixture.requests.filter((request) => request.path === odd).length;
    await expect.poll(asked, { timeout: 60_000 }).toBe(1);
    await page.getByText("50%/é 1", { exact: true }).first().waitFor();
    await page.getByRole("link", { name: /^Overview/ }).click();
    await page.getByRole("link", { name: /Queue q\.é 1\/50% has 168 messages/ }).click();
    await page.waitForURL(`${url}/queues/q.%C3%A9%201%2F50%25`);
    await page.goBack();
    await page.goBack();
    await page.waitForURL(`${url}/${odd}`);
    await page.reload();
    await expect.poll(asked, { timeout: 60_000 }).toBeGreaterThan(1);
    expect(complaints).toEqual([]);
  });

  it("shares one stream between tabs, and passes it on when its tab closes", async () => {
    const { page, url, context, fixture } = await open("/");
    await page.getByRole("button", { name: /^Live/ }).waitFor();
    const second = await context.newPage();
    await second.goto(url);
    await second.getByRole("button", { name: /^Live/ }).waitFor();
    expect(fixture.openStreams).toBe(1);
    const { tiles } = fixture.data.overview();
    fixture.send("stats", { ...tiles, ready: 4711 });
    await second.getByText("4,711").waitFor();
    await page.close();
    await expect.poll(() => fixture.openStreams, { timeout: 60_000 }).toBe(1);
    await expect
      .poll(
        async () => {
          fixture.send("stats", { ...tiles, ready: 815 });
          return second.getByText("815", { exact: true }).count();
        },
        { timeout: 60_000 },
      )
      .toBe(1);
  });

  it("says since when it is stale, and polls, while the stream cannot be had", async () => {
    const { page, fixture } = await open("/");
    await page.getByRole("button", { name: /^Live/ }).waitFor();
    await page.route("**/api/v1/events*", (route) => route.abort());
    fixture.cutStreams();
    await page.getByRole("button", { name: /^Stale since/ }).waitFor({ timeout: 90_000 });
    const before = fixture.requests.filter((request) => request.path === "overview").length;
    await expect
      .poll(() => fixture.requests.filter((request) => request.path === "overview").length, { timeout: 60_000 })
      .toBeGreaterThan(before);
    await page.unroute("**/api/v1/events*");
    await page.getByRole("button", { name: /^Live/ }).waitFor({ timeout: 90_000 });
  });

  it("selects rows one by one, by range, by page, and all that match", async () => {
    const { page } = await open("/tasks");
    const boxes = page.getByRole("checkbox", { name: /^Select 9f6c/ });
    await boxes.nth(1).click();
    await boxes.nth(4).click({ modifiers: ["Shift"] });
    await page.getByText("4 selected", { exact: true }).waitFor();
    await page.getByRole("checkbox", { name: "Select all on this page" }).click();
    await page.getByText("50 selected", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Select all about 1.2 M that match" }).click();
    await page.getByText("All about 1.2 M that match are selected").waitFor();
    await page.getByRole("button", { name: "Clear selection" }).click();
    await page.getByText("selected").waitFor({ state: "detached" });
  });

  it("lets new rows wait behind a button while rows are selected", async () => {
    const fresh = new FixtureConsole().data.task(777, "STARTED", "brand.new");
    let grown = false;
    const { page, fixture } = await open("/tasks", {
      answers: {
        "GET tasks": () => {
          const { data } = fixture;
          const items = grown ? [fresh, ...data.tasks().slice(0, 49)] : data.tasks();
          return { body: { items, nextCursor: null, total: { count: items.length, exact: true }, states: {} } };
        },
      },
    });
    await page
      .getByRole("checkbox", { name: /^Select 9f6c/ })
      .first()
      .click();
    await page.getByRole("button", { name: /^Live/ }).waitFor();
    grown = true;
    fixture.send("task", fresh);
    const more = page.getByRole("button", { name: "1 new" });
    await more.waitFor();
    expect(await page.getByText("brand.new").count()).toBe(0);
    await more.click();
    await page.getByText("brand.new").waitFor();
  });

  it("keeps the choice of columns over a reload", async () => {
    const { page } = await open("/settings/audit");
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("checkbox", { name: "Address" }).click();
    await page.getByRole("columnheader", { name: "Address" }).waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("columnheader", { name: "Outcome" }).waitFor();
    expect(await page.getByRole("columnheader", { name: "Address" }).count()).toBe(0);
  });

  it("sorts by header buttons that say so, with the sort in the address", async () => {
    const { page } = await open("/tasks");
    const header = page.getByRole("columnheader", { name: "Name" });
    await header.getByRole("button").click();
    await page.waitForURL(/sort=-?name/);
    expect(await header.getAttribute("aria-sort")).toMatch(/ascending|descending/);
  });

  it("goes to the login without a session, and back to where it was, but never to another host", async () => {
    const refusal = { type: "about:blank", title: "No", status: 401, code: "login_needed", detail: "Log in first." };
    let inside = false;
    const { page, url } = await open("/settings/audit?user=ada", {
      answers: { "GET me": () => (inside ? undefined : { status: 401, body: refusal }) },
    });
    await page.getByLabel("Name").fill("ada");
    await page.getByLabel(/^Password/).fill("correct horse");
    inside = true;
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(`${url}/settings/audit?user=ada`);
    await page.goto(`${url}/login?next=//evil.example/`);
    await page.getByLabel("Name").fill("ada");
    await page.getByLabel(/^Password/).fill("correct horse");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    expect(page.url()).toBe(`${url}/`);
  });

  it("asks before it stops everything: the focus is on Cancel, and the number must be typed", async () => {
    const { page, fixture } = await open("/");
    await page.getByRole("button", { name: "Stop all…" }).click();
    const dialog = page.getByRole("alertdialog").or(page.getByRole("dialog"));
    const stop = dialog.getByRole("button", { name: "Stop 55 tasks" });
    await stop.waitFor();
    await expect.poll(() => page.evaluate("document.activeElement?.textContent")).toBe("Cancel");
    expect(await stop.isDisabled()).toBe(true);
    await dialog.getByRole("textbox").fill("55");
    await stop.dblclick();
    await dialog.waitFor({ state: "detached" });
    const sent = fixture.requests.filter((request) => request.method === "POST");
    expect(sent.map(({ path, body }) => ({ path, body }))).toEqual([
      { path: "operations", body: { kind: "stop-all", waiting: true, running: true, confirm: 55 } },
    ]);
    expect(sent[0]?.headers["idempotency-key"]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("shows a viewer what they may not do, disabled and with the reason", async () => {
    const { page } = await open("/", { role: "viewer" });
    expect(await page.getByRole("button", { name: "Stop all…" }).isDisabled()).toBe(true);
    await page.getByRole("note", { name: "needs admin" }).focus();
    await page.getByRole("tooltip", { name: "needs admin" }).waitFor();
  });

  it("says what failed where it failed, and leaves the rest", async () => {
    const refusal = {
      type: "about:blank",
      title: "No",
      status: 503,
      code: "store_unavailable",
      detail: "The store does not answer.",
    };
    const { page } = await open("/", {
      answers: {
        "GET series": ({ query }) => (query.get("metric") === "wait" ? { status: 503, body: refusal } : undefined),
      },
    });
    const panel = page.getByRole("region", { name: "Wait" });
    await panel.getByText("Code: store_unavailable").waitFor();
    await page
      .getByRole("link", { name: /Dead letters/ })
      .first()
      .waitFor();
    await panel.getByRole("button", { name: "Retry" }).waitFor();
  });

  it("has each chart as a table too", async () => {
    const { page } = await open("/");
    await page.getByRole("button", { name: "Failure rate: show as a table" }).click();
    await page.getByRole("table", { name: "Failure rate" }).waitFor();
  });
});

/** What the browser says against a page: errors, and what the content security policy refused. */
function listenForComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  return complaints;
}
