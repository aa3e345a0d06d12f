import { describe, expect, it } from "vitest";
import { FixtureConsole } from "../support/fixture-console.js";
import { skipsPages } from "../support/page-browser.js";
import { openPages } from "../support/page-suite.js";

/** The pages' own behaviour, over sample data. What they do to a real console is tried in test/browser. */
describe.skipIf(skipsPages)("the pages of the console", { timeout: 180_000 }, () => {
  const open = openPages();

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
    await expect.poll(asked, { timeout: 60_000 }).toBeGreaterThan(0);
    await page.getByText("50%/é 1", { exact: true }).first().waitFor();
    await page.getByRole("link", { name: /^Overview/ }).click();
    await page.getByRole("link", { name: /Queue q\.é 1\/50% has 168 messages/ }).click();
    await page.waitForURL(`${url}/queues/q.%C3%A9%201%2F50%25`);
    await page.goBack();
    await page.goBack();
    await page.waitForURL(`${url}/${odd}`);
    const before = asked();
    await page.reload();
    await expect.poll(asked, { timeout: 60_000 }).toBeGreaterThan(before);
    expect(complaints).toEqual([]);
  });

  it("opens names that addresses would resolve, or that are words of its own, and asks the API for the very same", async () => {
    const { page, url, fixture } = await open("/tasks");
    for (const [name, segment] of [
      ["..", "~.."],
      [".", "~."],
      ["%2e%2e", "%252e%252e"],
      ["errors", "~errors"],
      ["~a?b#c", "~~a%3Fb%23c"],
      ["x".repeat(1000), "x".repeat(1000)],
    ] as const) {
      await page.goto(`${url}/tasks/${segment}`);
      await page.getByText(name, { exact: true }).first().waitFor();
      expect(fixture.requests.map(({ path }) => path)).toContain(`tasks/${segment}`);
      await page.getByRole("tab", { name: "Raw" }).click();
      await page.waitForURL(`${url}/tasks/${segment}?tab=raw`);
      await expect.poll(() => fixture.requests.map(({ path }) => path)).toContain(`tasks/${segment}/raw`);
    }
  });

  it("offers to take back what was done, for as long as somebody is there, also by keyboard", async () => {
    const { page, sent } = await open("/queues");
    const main = page.getByRole("status").filter({ has: page.getByRole("button", { name: "Undo" }) });
    await page.getByRole("button", { name: "Actions for default" }).click();
    await page.getByRole("menuitem", { name: "Pause" }).click();
    await main.getByText("Paused default").waitFor();
    await main.getByText(/Workers that start later are told too/).waitFor();
    expect(sent()).toEqual([{ path: "queues/default/pause", body: {} }]);
    await main.getByRole("button", { name: "Undo" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("Resumed default").waitFor();
    expect(sent().at(-1)).toEqual({ path: "queues/default/resume", body: {} });
    // The focus is not lost with the notice.
    expect(await page.evaluate("document.activeElement?.tagName")).not.toBe("BODY");
    await page.getByRole("button", { name: "Actions for default" }).click();
    await page.getByRole("menuitem", { name: "Pause" }).click();
    await main.getByText("Paused default").waitFor();
    await page.keyboard.press("u");
    await expect.poll(() => sent().map(({ path }) => path)).toHaveLength(4);
    expect(sent().at(-1)?.path).toBe("queues/default/resume");
  });

  it("says what could not be taken back", async () => {
    const refusal = { type: "about:blank", title: "No", status: 409, code: "not_paused", detail: "mail is not paused" };
    const { page } = await open("/queues", {
      answers: { "POST queues/mail/resume": () => ({ status: 409, body: refusal }) },
    });
    await page.getByRole("button", { name: "Actions for mail" }).click();
    await page.getByRole("menuitem", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Not all of it could be undone").waitFor();
    await page.getByText("refused: mail is not paused").waitFor();
  });

  it("brings a deleted view back as it was", async () => {
    const { page, fixture, sent } = await open("/tasks");
    const view = fixture.data.me().views.find((each) => each.page === "tasks" && each.own);
    if (!view) throw new Error("there is a view of one's own");
    await page.getByRole("button", { name: "Views" }).click();
    await page.getByRole("menuitem", { name: `Delete “${view.name}”` }).click();
    await page.getByText(`Deleted the view “${view.name}”`).waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText(`The view “${view.name}” is back`).waitFor();
    const { name, search, shared } = view;
    expect(sent()).toEqual([{ path: "views", body: { page: "tasks", name, search, shared } }]);
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
    await page.getByRole("note", { name: "needs operator" }).focus();
    await page.getByRole("tooltip", { name: "needs operator" }).waitFor();
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
