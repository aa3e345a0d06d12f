import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";

/** Where Chromium is, as the run's set-up has found or installed it. Without it, suites of pages are skipped; in CI they fail. */
const { LOVAGE_TEST_CHROMIUM: path, LOVAGE_TEST_CHROMIUM_MISSING: reason, CI } = process.env;
export const skipsPages: boolean = path === undefined && !CI;

/** A browser without a window. */
export async function openBrowser(): Promise<Browser> {
  if (path === undefined) throw new Error(`this needs Chromium: ${reason ?? "LOVAGE_TEST_CHROMIUM names none"}`);
  return chromium.launch({ executablePath: path, args: ["--no-sandbox"] });
}

/** The pages as they are in the sources now. Does nothing when they are built already. */
export async function buildPages(): Promise<void> {
  const script = fileURLToPath(new URL("../../scripts/build-web.mjs", import.meta.url));
  await promisify(execFile)(process.execPath, [script]);
}
