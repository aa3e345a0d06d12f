import { expect, onTestFailed, test } from "vitest";
import { FAULTS } from "../support/faults.js";
import type { Matrix } from "../support/matrix.js";
import type { ServerRig } from "../support/rig.js";
import { PUBLISH_TIMEOUT, runTrial } from "../support/trial.js";

/** Seconds within which work goes on when a fault is over. */
const RECOVERY = 10;
/** Seconds of a loaded machine that a publish may take on top of its deadline. */
const SLACK = 1.5;

/** What must hold when the broker, or the network before it, fails and comes back. */
export function testServerFaults(rig: () => ServerRig, matrix: Matrix): void {
  test.each(FAULTS.map((fault, index) => ({ ...fault, index })))(
    "$name: nothing confirmed is lost, nothing is stuck, work goes on within 10 s, and every publish ends within its deadline",
    async ({ index, ...fault }) => {
      const report = await runTrial(rig(), fault, `faults-${index}`);
      matrix.add(report.row);

      const { row } = report;
      onTestFailed(() => console.info(`${row.fault}: the workers said\n${report.said}`));
      expect.soft(report.lost, "confirmed, never run").toEqual([]);
      expect.soft(row.stuck, "messages left in the queue").toBe(0);
      expect.soft(report.dead, "dead letters").toBe(0);
      expect
        .soft(row.recovery ?? Number.POSITIVE_INFINITY, "seconds until a task sent after the fault had run")
        .toBeLessThanOrEqual(RECOVERY);
      expect.soft(report.hung, "publishes that did not settle").toEqual([]);
      expect.soft(row.slowestPublish, "seconds of a publish").toBeLessThanOrEqual(PUBLISH_TIMEOUT + SLACK);
      expect.soft(report.untyped.slice(0, 3), "refused with something else than a BrokerError").toEqual([]);
      expect.soft(report.unsettled.slice(0, 3), "results that were waited for").toEqual([]);
      expect.soft(report.unstored.slice(0, 3), "tasks without a result").toEqual([]);
      expect.soft(report.exits, "exit codes of a warm shutdown").toEqual(report.exits.map(() => 0));
      expect(row.sent, "enough was sent to show anything").toBeGreaterThan(100);
    },
  );
}
