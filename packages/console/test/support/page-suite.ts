import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { FixtureConsole, type FixtureOptions } from "./fixture-console.js";
import { buildPages, openBrowser } from "./page-browser.js";

/** A page that is open over sample data. */
export interface OpenPage {
  readonly fixture: FixtureConsole;
  /** Of the console, without a slash at its end. */
  readonly url: string;
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the browser says against the page: errors, and what the content security policy refused. */
  readonly complaints: string[];
  /** What was sent to the console so far, in order. */
  sent(method?: string): readonly { readonly path: string; readonly body: unknown }[];
}

/** Opens pages for the tests of the suite it is called in: one browser for all, and for each test a console and a profile of its own. */
export function openPages(): (path: string, options?: FixtureOptions) => Promise<OpenPage> {
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
  return async (path, options = {}) => {
    const fixture = new FixtureConsole({ lively: false, ...options });
    consoles.push(fixture);
    const url = await fixture.start();
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
    contexts.push(context);
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    const complaints = listenForComplaints(page);
    await page.goto(url + path);
    const sent = (method = "POST") =>
      fixture.requests.filter((request) => request.method === method).map(({ path, body }) => ({ path, body }));
    return { fixture, url, context, page, complaints, sent };
  };
}

function listenForComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  return complaints;
}
