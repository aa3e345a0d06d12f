import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { z } from "zod";

/** A page of the console, and what went wrong in it. */
export interface OpenPage {
  readonly page: Page;
  /** Errors of scripts, refusals by the content security policy, requests to other hosts: none is what is wanted. */
  readonly complaints: readonly string[];
}

/** Milliseconds a loaded machine may take to show something. */
export const PATIENCE_MS = 20_000;

export async function launch(path: string): Promise<Browser> {
  return await chromium.launch({ executablePath: path, args: ["--no-sandbox"] });
}

export async function openContext(
  browser: Browser,
  options: { readonly scheme?: "light" | "dark"; readonly width?: number; readonly height?: number } = {},
): Promise<BrowserContext> {
  const { scheme = "light", width = 1440, height = 900 } = options;
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height },
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

export async function openPage(context: BrowserContext, url: string): Promise<OpenPage> {
  const complaints: string[] = [];
  const page = await context.newPage();
  const { host } = new URL(url);
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/Content Security Policy|Content-Security-Policy/.test(message.text())) complaints.push(message.text());
  });
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol.startsWith("http") && asked.host !== host) complaints.push(`asks ${asked.host}`);
  });
  await page.goto(url);
  return { page, complaints };
}

const Violations = z.array(
  z.object({ id: z.string(), impact: z.string().nullable(), nodes: z.array(z.object({ html: z.string() })) }),
);

/** What axe finds of serious or critical impact, as short texts. Source: WCAG 2.2 A and AA rules of axe-core. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  // Evaluated by the debugger, which the page's policy does not bind.
  await page.evaluate(source);
  const found: unknown = await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((result) => result.violations)",
  );
  return Violations.parse(found)
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 150)).join(" | ")}`);
}

/** By how many pixels the page is wider than the window. */
export async function sidewaysScroll(page: Page): Promise<number> {
  const wide: unknown = await page.evaluate(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  return z.number().parse(wide);
}

/** Waits until the page shows its content: the heading, and nothing that is still loading. */
export async function shown(page: Page): Promise<void> {
  await page.getByRole("main").getByRole("heading", { level: 1 }).first().waitFor();
  await expect.poll(() => page.locator("[aria-busy='true']").count(), { timeout: PATIENCE_MS }).toBe(0);
}
