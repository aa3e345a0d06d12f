import { describe, expect, test } from "vitest";
import type { Broker } from "../../src/brokers/broker.js";
import { openBroker } from "../../src/brokers/open-broker.js";
import { Connections } from "../../src/connections/connections.js";
import { ConfigurationError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";

function open(url: string): Promise<Broker> {
  return openBroker({
    url,
    leaseSeconds: 15,
    publishTimeout: 10,
    connections: new Connections(),
    logger: silentLogger,
  });
}

describe("a broker's URL", () => {
  test.for([
    { url: "memory://", durable: false },
    { url: "sqlite:not-opened-here.db", durable: true },
  ])("$url opens its driver", async ({ url, durable }) => {
    const broker = await open(url);
    expect(broker.capabilities.durable).toBe(durable);
    await broker.close();
  });

  test.for(["mysql://user:hunter2@host/db", "shop.db", "", "://", "constructor:x", "__proto__:x"])(
    "%j is refused, and the error lists what there is",
    async (url) => {
      const refused = await open(url).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(ConfigurationError);
      expect(String(refused)).toMatch(/memory.*sqlite/);
      expect(String(refused)).not.toContain("hunter2");
    },
  );

  test.for(["sqlite:", "sqlite://", "sqlite::memory:", "sqlite:a.db?mode=ro", "sqlite:a.db?synchronous=off"])(
    "%j is refused",
    async (url) => {
      await expect(open(url)).rejects.toThrow(ConfigurationError);
    },
  );
});
