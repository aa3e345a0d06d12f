import { execFileSync } from "node:child_process";
import { findProgram } from "./programs.js";

/** A program that tests run, and that is no server. */
export interface Tool {
  readonly title: string;
  /** Debian's packages that bring it. */
  readonly packages: readonly string[];
  /** Its path, when it is there with all it needs. */
  find(): string | undefined;
}

export const TOOLS = {
  python: {
    title: "Python's Celery",
    packages: [
      "python3-celery",
      "python3-redis",
      "python3-psycopg2",
      "python3-django",
      "python3-django-celery-beat",
      "python3-django-celery-results",
    ],
    find: findPython,
  },
  pgbouncer: { title: "PgBouncer", packages: ["pgbouncer"], find: () => findProgram("pgbouncer") },
  chromium: {
    title: "Chromium",
    packages: ["chromium"],
    find: () => findProgram("chromium") ?? findProgram("chromium-browser") ?? findProgram("google-chrome"),
  },
} as const satisfies Readonly<Record<string, Tool>>;

const MODULES = ["celery", "redis", "psycopg2", "django", "django_celery_beat", "django_celery_results"];

/** The system's Python first: Debian's packages are its, and another one may come first in the PATH. */
function findPython(): string | undefined {
  const first = findProgram("python3", ["/usr/bin"]);
  const other = findProgram("python3");
  return [first, other].find((python) => python !== undefined && canImport(python, MODULES));
}

/** Looks for the modules without loading them, which for Django takes seconds. */
function canImport(python: string, modules: readonly string[]): boolean {
  const program = `import importlib.util, sys
sys.exit(any(importlib.util.find_spec(name) is None for name in ${JSON.stringify(modules)}))`;
  try {
    execFileSync(python, ["-c", program], { stdio: "ignore", timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}
