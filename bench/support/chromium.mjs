import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const WATCH = fileURLToPath(new URL("./page-watch.js", import.meta.url));
/** Milliseconds that a loaded machine may take to show something. */
const PATIENCE_MS = 60_000;

/** What `page-watch.js` notes of frames. All in milliseconds. @typedef {{ gaps: number[], frames: LongFrame[] }} Frames */
/** @typedef {{ duration: number, blockingDuration: number, scripts: { duration: number, invoker: string }[] }} LongFrame */

/**
 * Runs `work` with a Chromium of its own, whose profile nobody has used: nothing is cached, of pages or compiled code. It is gone afterwards.
 * @template T
 * @param {string} executablePath
 * @param {(browser: import("playwright-core").BrowserContext) => Promise<T>} work
 */
export async function inColdBrowser(executablePath, work) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addInitScript({ path: WATCH });
    return await work(context);
  } finally {
    await browser.close();
  }
}

/**
 * Milliseconds from asking for a page to its being usable: what is meant by `selector` is there, nothing loads any more, and it is painted.
 * @param {import("playwright-core").Page} page
 * @param {string} url
 * @param {string} selector
 */
export async function usableAfter(page, url, selector) {
  await page.addInitScript(`lovageWatch.usableWhen = ${JSON.stringify(selector)}`);
  await page.goto(url);
  return Number(await noted(page, "lovageWatch.usable || undefined"));
}

/**
 * The value of an expression in the page, once it has one. Asked for again and again, by the debugger, which the page's policy does not bind.
 * @param {import("playwright-core").Page} page
 * @param {string} expression
 * @returns {Promise<unknown>}
 */
export async function noted(page, expression) {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await sleep(20)) {
    const value = await page.evaluate(expression);
    if (value !== undefined) return value;
  }
  throw new Error(`not within ${PATIENCE_MS / 1000} s: ${expression}`);
}

/**
 * What is noted of a page's frames while `work` goes on.
 * @param {import("playwright-core").Page} page
 * @param {() => Promise<unknown>} work
 * @returns {Promise<Frames & { turns: number[] }>} `turns` as of `turnsDuring`
 */
export async function framesDuring(page, work) {
  await page.evaluate("lovageWatch.clear()");
  const turns = await turnsDuring(page, work);
  /** @type {Frames} */
  const all = await page.evaluate("({ gaps: lovageWatch.gaps, frames: lovageWatch.frames })");
  return { ...all, turns };
}

/**
 * Milliseconds of CPU of each turn of the page's own thread while `work` goes on, whoever else took the machine.
 * @param {import("playwright-core").Page} page
 * @param {() => Promise<unknown>} work
 */
export async function turnsDuring(page, work) {
  const browser = page.context().browser();
  await browser?.startTracing(page, { categories: ["toplevel"] });
  await work();
  const trace = await browser?.stopTracing();
  return trace === undefined ? [] : turnsIn(trace.toString());
}

/**
 * Of the busiest page. Source: Chromium's trace event format; times are microseconds, `tdur` is the thread's own.
 * @param {string} trace
 */
function turnsIn(trace) {
  /** @typedef {{ name: string, pid: number, tid: number, tdur?: number, args?: { name?: string } }} TraceEvent */
  const { traceEvents } = /** @type {{ traceEvents: TraceEvent[] }} */ (JSON.parse(trace));
  const pages = traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const turns = pages.map(({ pid, tid }) =>
    traceEvents
      .filter((event) => event.name.endsWith("RunTask") && event.pid === pid && event.tid === tid)
      .map(({ tdur = 0 }) => tdur / 1000),
  );
  const sum = (/** @type {number[]} */ each) => each.reduce((total, turn) => total + turn, 0);
  return turns.reduce((most, each) => (sum(each) > sum(most) ? each : most), []);
}
