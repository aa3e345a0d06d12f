import { BrokerConnectionError, Lovage } from "lovage";
import { expect, test } from "vitest";
import { Fleet } from "../support/fleet.js";
import type { ServerRig } from "../support/rig.js";
import { type ProxyMode, TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";

const PUBLISH_TIMEOUT = 3;
/** Seconds of a loaded machine on top of a deadline. */
const SLACK = 1.5;

const ABSENCES: readonly { readonly how: string; readonly mode: ProxyMode }[] = [
  { how: "refuses connections", mode: { kind: "refuse" } },
  { how: "accepts connections and says nothing", mode: { kind: "stall" } },
];

/** What must hold for those who begin while there is no broker. */
export function testUnreachable(rig: () => ServerRig): void {
  test.each(ABSENCES)(
    "a client that begins while the broker $how gets an error within its deadline, a worker waits, and both go on once it is there",
    async ({ mode }) => {
      const { server, url, resultBackend } = rig();
      const { hostname: host, port } = new URL(server.url);
      const proxy = await TcpProxy.start({ host, port: Number(port) });
      const queue = `unreachable-${mode.kind}`;
      const brokerUrl = proxy.url(url);
      const fleet = await Fleet.create({
        brokerUrl,
        resultBackend: resultBackend(brokerUrl),
        env: { LOVAGE_TASK_DEFAULT_QUEUE: queue },
      });
      const app = new Lovage("faults", {
        brokerUrl,
        resultBackend: fleet.resultBackend,
        taskDefaultQueue: queue,
        publishTimeout: PUBLISH_TIMEOUT,
        taskPublishRetry: false,
      });
      try {
        // Given a broker that cannot be reached, and a worker that wants it
        await proxy.use(mode);
        const worker = fleet.worker("--pool", "async");

        // When a client publishes, it hears within its deadline that it cannot
        const asked = performance.now();
        const refusal = await app.sendTask("faults.append", ["early", 0]).catch((error: unknown) => error);
        const seconds = (performance.now() - asked) / 1000;
        expect(refusal).toBeInstanceOf(BrokerConnectionError);
        expect(seconds).toBeLessThanOrEqual(PUBLISH_TIMEOUT + SLACK);

        // And when the broker is there, both go on
        await proxy.use({ kind: "pass" });
        await worker.ready;
        const result = await app.sendTask("faults.append", ["late", 0]);
        expect(await result.get({ timeout: 10 })).toBe("late");
        await until(() => fleet.runs().has("late"), 10, "the run");
        expect(await worker.stop(10)).toBe(0);
      } finally {
        await app.close();
        await fleet.dispose();
        await proxy.close();
      }
    },
  );
}
