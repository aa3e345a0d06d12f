import { createServer, type Server } from "node:http";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN, logIn, VIEWER, withLogins } from "../support/people.js";
import type { Place } from "../support/stage.js";
import { reach, Visitor } from "../support/visitor.js";

/** Who gets in, and what pages of strangers can do: console.md §10, "Login, CSRF". */
export function describeLogin(chromium: string, openPlace: () => Promise<Place>): void {
  describe("a console with logins", () => {
    const visitor = Visitor.forSuite({
      chromium,
      openPlace,
      console: () => withLogins(ADMIN, VIEWER),
    });
    let stranger: { readonly server: Server; readonly url: string };

    beforeAll(async () => {
      stranger = await strangersPage();
    });
    afterAll(() => {
      stranger.server.close();
      stranger.server.closeAllConnections();
    });

    test("asks for name and password, refuses wrong ones, and leads on to the page that was asked for", async () => {
      const page = await visitor.open("tasks?state=FAILURE");
      await logIn(page, { ...ADMIN, password: "wrong" });
      await page.getByRole("alert").waitFor();
      expect(await page.getByRole("heading", { name: "Tasks" }).count()).toBe(0);
      await logIn(page, ADMIN);
      await page.getByRole("heading", { level: 1, name: "Tasks" }).waitFor();
      expect(new URL(page.url()).search).toBe("?state=FAILURE");
      await page.getByRole("button", { name: "ann, Role: admin" }).waitFor();
    });

    test("shows a viewer what only others may press, disabled and with the reason", async () => {
      const [id = ""] = await visitor.stage.send("shop.add", [[1, 2]]);
      await reach(visitor.stage, [id], "SUCCESS");
      const page = await visitor.open(`tasks/${id}`);
      await logIn(page, VIEWER);
      await expectRefused(page, "Re-run");
      await page.getByRole("link", { name: "Tasks", exact: true }).first().click();
      await expectRefused(page, "Stop all…");
      await expectRefused(page, "Send task");
      await page.goto(new URL("jobs", visitor.stage.url).href);
      await expectRefused(page, "Run Restock a shelf");
    });

    test("ends the login in every tab", async () => {
      const page = await visitor.open("tasks");
      await logIn(page, ADMIN);
      await page.getByRole("heading", { level: 1, name: "Tasks" }).waitFor();
      const other = await visitor.open("workers");
      await other.getByRole("heading", { level: 1, name: "Workers" }).waitFor();
      await page.getByRole("button", { name: "ann, Role: admin" }).click();
      await page.getByRole("menuitem", { name: "Log out" }).click();
      await page.getByRole("button", { name: "Log in" }).waitFor();
      await other.reload();
      await other.getByRole("button", { name: "Log in" }).waitFor();
    });

    test("refuses what a page of another origin posts with the user's cookie, and nothing happens", async () => {
      const { stage } = visitor;
      const home = await visitor.open("tasks");
      await logIn(home, ADMIN);
      await home.getByRole("heading", { level: 1, name: "Tasks" }).waitFor();
      const before = await taskCount(visitor);
      for (const path of FORGED) {
        const page = await home.context().newPage();
        await page.goto(`${stranger.url}?to=${encodeURIComponent(new URL(path, stage.url).href)}`);
        // Browsers keep the answer from the page, and from us: the trail tells below what it was.
        await page.getByRole("button", { name: "Fetch" }).click();
        await page.getByText("answered").waitFor();
        const [response] = await Promise.all([
          page.waitForResponse((each) => each.request().method() === "POST"),
          page.getByRole("button", { name: "Send" }).click(),
        ]);
        expect(`${path} ${response.status()}`).toBe(`${path} 403`);
        await page.close();
      }
      expect(await taskCount(visitor)).toBe(before);
      // The worker that a forged shutdown named is still there and takes tasks.
      const [id = ""] = await stage.send("shop.add", [[20, 22]]);
      await reach(stage, [id], "SUCCESS");
      await home.goto(new URL("settings/audit", stage.url).href);
      // Named after the owner of the cookie: it was sent along each time.
      const refused = home.getByRole("row").filter({ hasText: "cross_site" }).filter({ hasText: ADMIN.name });
      await expect.poll(() => refused.count(), { timeout: 20_000 }).toBe(2 * FORGED.length);
    });

    test("takes the same posts from a program that names itself", async () => {
      const response = await fetch(new URL("api/task/send-task/shop.add", visitor.stage.url), {
        method: "POST",
        headers: { authorization: `Basic ${Buffer.from(`${ADMIN.name}:${ADMIN.password}`).toString("base64")}` },
        body: JSON.stringify({ args: [20, 22] }),
      });
      expect(response.status).toBe(200);
    });
  });
}

/** Routes of the API and of Flower that would do something. */
const FORGED = [
  "api/v1/tasks",
  "api/v1/operations",
  "api/v1/jobs/restock/runs",
  "api/task/send-task/shop.add",
  "api/task/async-apply/shop.add",
  "api/worker/shutdown/shop@one",
] as const;

async function expectRefused(page: Page, button: string): Promise<void> {
  const control = page.getByRole("note", { name: "needs operator" }).getByRole("button", { name: button, exact: true });
  await control.waitFor();
  expect(await control.isDisabled()).toBe(true);
}

async function taskCount({ stage }: Visitor): Promise<number> {
  return Object.values(await stage.console.parts.tasks.stateCounts()).reduce((sum, each) => sum + each, 0);
}

/** A page of another origin: it posts to where its address says, by script and by a form, with the cookies of whoever looks at it. */
async function strangersPage(): Promise<{ readonly server: Server; readonly url: string }> {
  const html = `<!doctype html><title>Prizes</title><form method="post" enctype="text/plain"><input name='{"name":"shop.add","args":[1,2],"x":"' value='"}'><button>Send</button></form>
<button id="fetch">Fetch</button><script>
const to = new URLSearchParams(location.search).get("to");
document.forms[0].action = to;
document.getElementById("fetch").onclick = () => fetch(to, { method: "POST", mode: "no-cors", credentials: "include", body: '{"name":"shop.add","args":[1,2]}' }).catch(() => {}).then(() => document.body.append("answered"));
</script>`;
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(html));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the stranger's page has no port");
  return { server, url: `http://127.0.0.1:${address.port}/` };
}
