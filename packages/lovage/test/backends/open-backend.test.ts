import { expect, test } from "vitest";
import type { ResultBackend } from "../../src/backends/backend.js";
import { openBackend } from "../../src/backends/open-backend.js";
import { Connections } from "../../src/connections/connections.js";
import { ConfigurationError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";

async function open(url: string): Promise<ResultBackend> {
  return await openBackend({ url, resultExpires: null, connections: new Connections(), logger: silentLogger });
}

test.each([
  ["memory://", { durable: false, shared: false, expiry: "removed" }],
  ["sqlite:never-connected.db", { durable: true, shared: true, expiry: "removed" }],
  ["redis://never-connected/1", { durable: true, shared: true, expiry: "itself" }],
  ["rediss://never-connected", { durable: true, shared: true, expiry: "itself" }],
  ["redis+sentinel://a,b:26380/mymaster/0", { durable: true, shared: true, expiry: "itself" }],
])("%s names a backend, not yet connected", async (url, capabilities) => {
  const backend = await open(url);
  expect(backend.capabilities).toMatchObject(capabilities);
  await backend.close();
});

test("an unknown scheme is refused with the known ones, the nearest, and no password", async () => {
  const error: unknown = await open("sqlit://user:secret@host/db").catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ConfigurationError);
  expect(String(error)).toMatch(/did you mean sqlite\?.*memory:, sqlite:/);
  expect(String(error)).not.toContain("secret");
});

test.each(["", "lovage.db", "constructor:x", "://x"])("%j, which has no scheme of ours, is refused", async (url) => {
  await expect(open(url)).rejects.toBeInstanceOf(ConfigurationError);
});
