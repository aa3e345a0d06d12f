import { describe, expect, test } from "vitest";
import type { Delivery } from "../../src/brokers/broker.js";
import { BrokerConnectionError, LeaseLostError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";
import { LeaseRenewer } from "../../src/worker/lease-renewer.js";
import { HeldClock } from "../support/held-clock.js";

const LEASE = 15;

/** A delivery whose lease answers as told: the broker's side of a lease is pinned by the broker's own suite. */
function heldDelivery(answer: () => Promise<void> = async () => undefined) {
  const extensions: number[] = [];
  const unused = async (): Promise<never> => {
    throw new Error("not for this test");
  };
  const delivery: Delivery = {
    message: { headers: {}, properties: {}, body: new Uint8Array(), contentType: null, contentEncoding: null },
    queue: "q",
    exchange: "",
    routingKey: "q",
    deliveries: 1,
    token: 1,
    begin: unused,
    ack: unused,
    reject: unused,
    extend: async (seconds) => {
      extensions.push(seconds);
      await answer();
    },
  };
  return { delivery, extensions };
}

async function renewer() {
  const clock = new HeldClock();
  const leases = new LeaseRenewer({ leaseSeconds: LEASE, clock, logger: silentLogger });
  await leases.start();
  return { clock, leases };
}

describe("a held delivery", () => {
  test("has its lease renewed three times a lease until it is released", async () => {
    const { clock, leases } = await renewer();
    const { delivery, extensions } = heldDelivery();
    leases.hold(delivery, () => undefined);

    await clock.advance(LEASE);
    expect(extensions).toEqual([LEASE, LEASE, LEASE]);
    leases.release(delivery);
    await clock.advance(LEASE);
    expect(extensions).toHaveLength(3);
    await leases.stop();
  });

  test("is known to be lost when the broker says so, once", async () => {
    const { clock, leases } = await renewer();
    const { delivery } = heldDelivery(async () => {
      throw new LeaseLostError("gone");
    });
    let lost = 0;
    leases.hold(delivery, () => lost++);

    await clock.advance(LEASE);

    expect(lost).toBe(1);
    expect(await leases.confirm(delivery)).toBe(false);
    await leases.stop();
  });

  test("that is acknowledged while it is being renewed is not taken for lost", async () => {
    const { clock, leases } = await renewer();
    // One commit carries the acknowledgement and, behind it, the renewal: both settle in the same turn.
    const { delivery } = heldDelivery(async () => {
      void acknowledged();
      throw new LeaseLostError("gone");
    });
    const acknowledged = async (): Promise<void> => {
      for (let steps = 0; steps < 20; steps++) await undefined;
      leases.release(delivery);
    };
    let lost = 0;
    leases.hold(delivery, () => lost++);

    await clock.advance(LEASE);

    expect(lost).toBe(0);
    await leases.stop();
  });

  test("counts as held without asking while the lease is fresh", async () => {
    const { leases } = await renewer();
    const { delivery, extensions } = heldDelivery();
    leases.hold(delivery, () => undefined);

    expect(await leases.confirm(delivery)).toBe(true);
    expect(extensions).toEqual([]);
    await leases.stop();
  });

  test("is asked for after a time in which nothing could be renewed", async () => {
    const { clock, leases } = await renewer();
    const { delivery, extensions } = heldDelivery();
    leases.hold(delivery, () => undefined);
    await leases.stop();
    await clock.advance(LEASE);

    expect(await leases.confirm(delivery)).toBe(true);
    expect(extensions).toEqual([LEASE]);
  });

  test("counts as held while the broker is away, for as long as the lease surely lasts", async () => {
    const { clock, leases } = await renewer();
    const { delivery } = heldDelivery(async () => {
      throw new BrokerConnectionError("away");
    });
    leases.hold(delivery, () => undefined);
    await leases.stop();

    await clock.advance(LEASE - 1);
    expect(await leases.confirm(delivery)).toBe(true);
    await clock.advance(2);
    expect(await leases.confirm(delivery)).toBe(false);
  });
});
