import { pathToFileURL } from "node:url";
import { registerTypeScript } from "./load-typescript.js";

const TYPESCRIPT = /\.[mc]?ts$/;

/** Imports the files that glob patterns match, in order of their paths, and returns these. Declaration files are no modules. */
export async function importMatching(patterns: string | readonly string[], cwd: string): Promise<readonly string[]> {
  const { glob } = await import("tinyglobby");
  const found = await glob(typeof patterns === "string" ? [patterns] : [...patterns], {
    cwd,
    absolute: true,
    ignore: ["**/node_modules/**", "**/*.d.ts"],
  });
  const files = found.sort();
  for (const file of files) {
    const { href } = pathToFileURL(file);
    if (TYPESCRIPT.test(file)) await registerTypeScript(href);
    await import(href);
  }
  return files;
}
