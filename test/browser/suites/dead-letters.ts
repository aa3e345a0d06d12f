import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { Place } from "../support/stage.js";
import { reach, titled, Visitor, WORKER } from "../support/visitor.js";

/** Milliseconds: six processes have to start and die, and a page looks again every 15 seconds. */
const PATIENT = { timeout: 90_000 };

/** What could not be run: console.md §10, "Dead letters". */
export function describeDeadLetters(chromium: string, openPlace: () => Promise<Place>): void {
  describe("dead letters", () => {
    let folder = "";
    const visitor = Visitor.forSuite({ chromium, openPlace });
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "lovage-letters-"));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    test("tell why a task died time and again, come back when it dies after a replay too, and run once it is mended", async () => {
      const { stage } = visitor;
      const bridge = join(folder, "bridge");
      const [id = ""] = await stage.send("shop.crashes", [[bridge]]);
      const page = await visitor.open("dead-letters?task=shop.crashes");
      const row = letter(page, id);
      await row.waitFor(PATIENT);
      await row.getByText("deliveries used up").waitFor();
      // The first run and five more, where a broker counts them.
      if ((await stage.app.direct.broker()).capabilities.deliveryCount === "each")
        await row.getByRole("cell", { name: "6", exact: true }).waitFor();
      await row.getByText("the process that ran it died: signal SIGKILL").waitFor();
      await row.getByRole("link", { name: "shop", exact: true }).waitFor();
      await row.getByRole("link", { name: WORKER }).waitFor();
      await reach(stage, [id], "FAILURE");

      await replay(page, id);
      await row.getByText(/^\W?once$/).waitFor(PATIENT);
      await row.getByText("deliveries used up").waitFor();
      await row.getByRole("link", { name: `Earlier deaths of ${id}` }).click();
      await titled(page, "FAILURE");
      await page.getByRole("tab", { name: "Timeline", selected: true }).waitFor();

      await writeFile(bridge, "");
      await page.goto(new URL("dead-letters", stage.url).href);
      await replay(page, id);
      await page.getByText("No dead letters").waitFor();
      await page.goto(new URL(`tasks/${id}`, stage.url).href);
      await titled(page, "SUCCESS");
      await page.getByRole("region", { name: "the result" }).getByText('"across"', { exact: true }).waitFor();
    }, 240_000);
  });
}

/** The row of a task's dead letter. */
function letter(page: Page, id: string) {
  return page
    .getByRole("table", { name: "Dead letters" })
    .getByRole("row")
    .filter({ has: page.getByRole("link", { name: id, exact: true }) });
}

async function replay(page: Page, id: string): Promise<void> {
  await letter(page, id)
    .getByRole("button", { name: /^Actions for/ })
    .click();
  await page.getByRole("menuitem", { name: "Replay", exact: true }).click();
  const replies = page.getByRole("region", { name: "Replayed 1 dead letter: replies" });
  await replies.getByText(id).waitFor();
  await replies.getByText("sent to shop", { exact: true }).waitFor();
}
