import { describe, expect, test } from "vitest";
import type { Place } from "../support/stage.js";
import { reach, Visitor } from "../support/visitor.js";

const RUNNING = 2;
const WAITING = 12;

/** Everything at once: console.md §10, "Stop all". */
export function describeStopAll(chromium: string, openPlace: () => Promise<Place>): void {
  describe("stop all", () => {
    const visitor = Visitor.forSuite({ chromium, openPlace });

    test("ends what runs and what waits once their number is typed; workers go on with what is sent then", async () => {
      const { stage } = visitor;
      const running = await stage.send(
        "shop.waits",
        Array.from({ length: RUNNING }, () => [600]),
      );
      await reach(stage, running, "STARTED");
      const waiting = await stage.send(
        "shop.waits",
        Array.from({ length: WAITING }, () => [600]),
      );

      const page = await visitor.open("tasks");
      await page.getByRole("button", { name: "Stop all…" }).click();
      const dialog = page.getByRole("dialog", { name: "Stop all tasks" });
      await dialog.getByRole("checkbox", { name: `Revoke ${WAITING} waiting` }).waitFor();
      await dialog.getByRole("checkbox", { name: `Terminate ${RUNNING} running` }).waitFor();
      const sum = RUNNING + WAITING;
      const stop = dialog.getByRole("button", { name: `Stop ${sum} tasks` });
      await dialog.getByRole("textbox", { name: /^Type/ }).fill(String(sum - 1));
      expect(await stop.isDisabled()).toBe(true);
      await dialog.getByRole("textbox", { name: /^Type/ }).fill(String(sum));
      await stop.click();
      const operation = page.getByRole("region", { name: "Stop all, operation" });
      await operation.getByText(`${sum} of ${sum} done`).waitFor();

      await reach(stage, [...running, ...waiting], "REVOKED");
      const revoked = page.getByRole("table", { name: "Tasks" }).getByRole("row").filter({ hasText: "REVOKED" });
      await expect.poll(() => revoked.count(), { timeout: 20_000 }).toBe(sum);
      await page.goto(new URL("settings/audit", stage.url).href);
      await page.getByRole("row").filter({ hasText: "stop-all" }).first().waitFor();

      const [next = ""] = await stage.send("shop.add", [[20, 22]]);
      await reach(stage, [next], "SUCCESS");
      await page.goto(new URL("queues", stage.url).href);
      const queue = page.getByRole("row").filter({ has: page.getByRole("link", { name: "shop", exact: true }) });
      await queue.getByRole("cell", { name: "0", exact: true }).first().waitFor();
    });
  });
}
