import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CONSOLE, checkImports, type ImportRules, LIBRARY } from "../../scripts/check-imports.mjs";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lovage-imports-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("the check of the parts' direction", () => {
  test("accepts a program that leans downward", () => {
    given({
      "util/clock.ts": "export const now = 1;",
      "errors.ts": "",
      "protocol/message.ts": 'import { now } from "../util/clock.js";',
      "brokers/broker.ts": 'import type { M } from "../protocol/message.js";',
      "brokers/sqlite/broker.ts":
        'import type { B } from "../broker.js"; import "./sql.js"; import "@photostructure/sqlite";',
      "brokers/sqlite/sql.ts": "",
      "brokers/open-broker.ts": 'export const open = () => import("./sqlite/broker.js");',
      "app.ts": 'import { open } from "./brokers/open-broker.js"; import { readFile } from "node:fs/promises";',
      "worker/worker.ts": 'import { app } from "../app.js"; import type { B } from "../brokers/broker.js";',
      "cli/main.ts": 'import "commander"; import "../worker/worker.js";',
    });
    expect(problems()).toEqual([]);
  });

  test.each([
    [
      "a driver named outside its folder",
      "app.ts",
      "./brokers/sqlite/broker.js",
      "no driver is named outside its folder",
    ],
    [
      "a driver imported on demand outside open-*.ts",
      "worker/worker.ts",
      "../brokers/sqlite/broker.js",
      "no driver is named",
    ],
    [
      "a driver that uses another",
      "backends/memory/backend.ts",
      "../sqlite/backend.js",
      "a driver may not use another one",
    ],
    ["a driver that knows tasks", "brokers/sqlite/broker.ts", "../../task.js", "driver may not import core"],
    [
      "a protocol that is not pure",
      "protocol/message.ts",
      "../brokers/broker.js",
      "protocol may not import interfaces",
    ],
    ["a util that knows what uses it", "util/clock.ts", "../protocol/message.js", "util may not import protocol"],
    ["an app that knows its worker", "app.ts", "./worker/worker.js", "core may not import services"],
    ["a worker that knows the command line", "worker/worker.ts", "../cli/main.js", "services may not import entry"],
    ["a reach into another package", "app.ts", "../../console/src/server.js", "outside its package"],
    ["a test library in shipped code", "app.ts", "vitest", "test libraries stay out of shipped code"],
    [
      "a command line parser outside of the command line",
      "app.ts",
      "commander",
      "only the command line parses arguments",
    ],
    ["SQLite outside of its driver", "app.ts", "node:sqlite", "SQLite is one driver among several"],
  ])("refuses %s", (_what, file, specifier, reason) => {
    given({ [file]: `export const load = () => import("${specifier}");` });
    expect(problems()).toEqual([expect.stringContaining(reason)]);
  });

  test("refuses a cycle and shows it, but not one of types, which vanish", () => {
    given({
      "task.ts": 'import { a } from "./app.js"; import type { R } from "./result.js";',
      "app.ts": 'import { r } from "./result.js";',
      "result.ts": 'import { t } from "./task.js";',
    });
    expect(problems()).toEqual([expect.stringContaining("import cycle: app.ts → result.ts → task.ts → app.ts")]);

    given({ "result.ts": 'import type { T } from "./task.js"; import { type T as U } from "./task.js";' });
    expect(problems()).toEqual([]);
  });
});

describe("the check of the console's parts", () => {
  test("accepts pages and a server that know the API's shapes, and one file that lists the databases", () => {
    given({
      "api/tasks.ts": "",
      "server/store/database.ts": 'import type { T } from "../../api/tasks.js";',
      "server/store/sqlite/sqlite-database.ts":
        'import type { D } from "../database.js"; import "./sqlite-dialect.js";',
      "server/store/sqlite/sqlite-dialect.ts": "",
      "server/store/open-database.ts": 'import { S } from "./sqlite/sqlite-database.js";',
      "server/console.ts": 'import { openDatabase } from "./store/open-database.js";',
      "web/main.tsx": 'import "react"; import type { T } from "../api/tasks.js"; import { P } from "./pages/page.js";',
      "web/pages/page.tsx": "",
    });
    expect(problems(CONSOLE)).toEqual([]);
  });

  test.each([
    [
      "a database named outside its folder",
      "server/jobs/run-store.ts",
      "../store/sqlite/sqlite-dialect.js",
      "no driver is named outside its folder",
    ],
    [
      "a database that uses another",
      "server/store/postgres/postgres-dialect.ts",
      "../sqlite/sqlite-dialect.js",
      "a driver may not use another one",
    ],
    ["a page that knows the server", "web/main.tsx", "../server/parts.js", "pages may not import server"],
    ["a shape that knows the server", "api/tasks.ts", "../server/parts.js", "shapes may not import server"],
    ["a package of pages in the server", "server/console.ts", "react", "the package does not depend on it"],
  ])("refuses %s", (_what, file, specifier, reason) => {
    given({ [file]: `export const load = () => import("${specifier}");` });
    expect(problems(CONSOLE)).toEqual([expect.stringContaining(reason)]);
  });
});

function given(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** The check's complaints about the files, as ones of the library or of the console. */
function problems(rules: ImportRules = LIBRARY): string[] {
  const found = checkImports(root, { ...rules, dependencies: ["commander", "@photostructure/sqlite"] });
  return found.map(({ message }) => message);
}
