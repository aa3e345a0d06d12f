import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { SERVER_KINDS } from "./server-type.js";

/** What tests may need that npm does not install, with the variable that says where it is. */
export const NEEDS = {
  redis: "LOVAGE_TEST_REDIS",
  amqp: "LOVAGE_TEST_AMQP",
  postgres: "LOVAGE_TEST_POSTGRES",
  python: "LOVAGE_TEST_PYTHON",
  pgbouncer: "LOVAGE_TEST_PGBOUNCER",
  chromium: "LOVAGE_TEST_CHROMIUM",
} as const;
export type Need = keyof typeof NEEDS;

export function isNeed(text: string): text is Need {
  return Object.hasOwn(NEEDS, text);
}

/** What a set of test files needs. */
export interface TestNeeds {
  /** To be there, its place in a variable. */
  readonly shared: ReadonlySet<Need>;
  /** To be startable by the tests themselves, with `startServer`. */
  readonly own: ReadonlySet<Need>;
}

/**
 * What the test files, and what they import of the tests' own, ask for in their text: `describeWithServer("redis", …)`,
 * `startServer("redis")`, or a variable of NEEDS. A file that needs nothing is not to wait for RabbitMQ.
 */
export function needsOf(files: readonly string[]): TestNeeds {
  const shared = new Set<Need>();
  const own = new Set<Need>();
  for (const text of textsOf(files)) {
    for (const need of calls("describeWithServer", text)) shared.add(need);
    for (const need of calls("startServer", text)) own.add(need);
    for (const [, variable] of text.matchAll(/\b(LOVAGE_TEST_[A-Z]+)(?![A-Z])/g)) {
      for (const [need, name] of Object.entries(NEEDS)) if (name === variable && isNeed(need)) shared.add(need);
    }
  }
  return { shared, own };
}

/** The needs that are named in calls of a function; a call that computes its first argument may mean any server. */
function calls(name: string, text: string): Need[] {
  return [...text.matchAll(new RegExp(`(?<!function )\\b${name}\\(\\s*(?:"(\\w+)")?`, "g"))].flatMap(([, first]) => {
    if (first === undefined) return [...SERVER_KINDS];
    return isNeed(first) ? [first] : [];
  });
}

/** The files, and what they import by relative paths that lead neither into sources nor into what finds the servers. */
function textsOf(files: readonly string[]): string[] {
  const texts = new Map<string, string>();
  const visit = (file: string): void => {
    if (texts.has(file) || isServices(file) || !/[\\/](test|bench)[\\/]/.test(file)) return;
    const text = read(file);
    if (text === undefined) return;
    texts.set(file, text);
    for (const [, path = ""] of text.matchAll(/(?:from|import\()\s*"(\.{1,2}\/[^"]+)"/g)) {
      visit(join(dirname(file), path.replace(/\.js$/, ".ts")));
    }
  };
  files.forEach(visit);
  return [...texts.values()];
}

function isServices(file: string): boolean {
  return basename(dirname(file)) === "services" || file.endsWith(join("lovage", "test", "support", "servers.ts"));
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
