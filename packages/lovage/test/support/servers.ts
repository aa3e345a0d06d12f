import { describe, test } from "vitest";

/**
 * What tests need that npm does not install. A vitest run starts the servers, or is given them by these variables
 * (test/support/services); they are shared by all its files: each test keeps to names of its own in them.
 */
const VARIABLES = {
  redis: "LOVAGE_TEST_REDIS",
  amqp: "LOVAGE_TEST_AMQP",
  postgres: "LOVAGE_TEST_POSTGRES",
  /** A Python with Celery and Django. */
  python: "LOVAGE_TEST_PYTHON",
  pgbouncer: "LOVAGE_TEST_PGBOUNCER",
  chromium: "LOVAGE_TEST_CHROMIUM",
} as const;

export type ServerKind = keyof typeof VARIABLES;

/** Describes what needs a server, or a program. `body` is given its URL or path. Without it the suite is skipped with its reason; in CI that is a failure. */
export function describeWithServer(kind: ServerKind, name: string, body: (url: string) => void): void {
  const url = process.env[VARIABLES[kind]];
  if (url) {
    describe(name, () => body(url));
    return;
  }
  const reason = process.env[`${VARIABLES[kind]}_MISSING`] ?? `${VARIABLES[kind]} names no server`;
  if (process.env.CI) {
    test(name, () => {
      throw new Error(`this needs a server: ${reason}`);
    });
  } else {
    describe.skip(`${name} (${reason})`, () => {});
  }
}
