import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Child processes rather than threads: a thread that ends while SQLite is at work in another takes the process along.
// Hooks start servers, which on a loaded machine takes its time.
const common = { pool: "forks", hookTimeout: 180_000, restoreMocks: true } as const;

export default defineConfig({
  test: {
    // One more than there are cores: most of these tests wait for servers and processes most of the time.
    maxWorkers: availableParallelism() + 1,
    // Starts Redis, RabbitMQ, PostgreSQL … once per run, if its files need them. At the root: it runs once for all projects.
    globalSetup: "./test/support/services/vitest-servers.ts",
    projects: [
      {
        test: {
          ...common,
          name: "unit",
          // Generous, for loaded machines: no test waits for time to pass, so none takes longer for it.
          testTimeout: 60_000,
          include: ["packages/*/test/**/*.test.ts", "examples/*/test/**/*.test.ts"],
          typecheck: { enabled: true, include: ["packages/*/test/**/*.test-d.ts"], tsconfig: "./tsconfig.test.json" },
        },
      },
      {
        test: {
          ...common,
          name: "system",
          include: ["test/system/**/*.test.ts", "test/docs/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...common,
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...common,
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...common,
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          testTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
