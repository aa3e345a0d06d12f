import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where a Chromium is installed; undefined where there is none, and suites of pages are skipped. */
export const chromiumPath: string | undefined = PLACES.find((path) => existsSync(path));

/** A browser without a window. */
export async function openBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error(`no Chromium: none of ${PLACES.join(", ")} is there`);
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
}

/** The pages as they are in the sources now. Does nothing when they are built already. */
export async function buildPages(): Promise<void> {
  const script = fileURLToPath(new URL("../../scripts/build-web.mjs", import.meta.url));
  await promisify(execFile)(process.execPath, [script]);
}
