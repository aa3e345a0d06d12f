import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../src/errors.js";
import { loadApp } from "../src/load-app.js";

const appFile = (name: string): string => fileURLToPath(new URL("./support/apps/", import.meta.url)) + name;

describe("finding the app in a module", () => {
  test.each([
    ["named.ts", "the one called app"],
    ["default.ts", "the default one"],
    ["only.ts", "the only one"],
    ["named.ts#other", "another"],
    ["several.ts#mail", "mail"],
  ])("%s gives %j", async (path, name) => {
    expect((await loadApp(appFile(path))).name).toBe(name);
  });

  test("the extension may be left out", async () => {
    expect((await loadApp(appFile("only"))).name).toBe("the only one");
  });

  test("a file URL is as good as a path", async () => {
    expect((await loadApp(new URL("./support/apps/only.ts", import.meta.url).href)).name).toBe("the only one");
  });
});

describe("an app that cannot be found says why", () => {
  test.each([
    ["several.ts", "app_not_exported", /several apps.*#shop.*shop, mail/],
    ["several.ts#sales", "app_not_exported", /no export "sales".*exports (mail|number|shop), /],
    ["several.ts#number", "app_not_exported", /"number" is not an app/],
    ["no-app.ts", "app_not_exported", /exports no app.*something/],
    ["throws.ts", "app_load_failed", /out of order/],
    ["nowhere", "app_not_found", /looked for .*nowhere\.ts, .*nowhere\.js.*index\.ts/],
  ])("%s: %s", async (path, code, message) => {
    const error: unknown = await loadApp(appFile(path)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test("what the module threw is the cause, with the line where it was thrown", async () => {
    const error: unknown = await loadApp(appFile("throws.ts")).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ cause: { message: "out of order", stack: expect.stringMatching(/throws\.ts:1/) } });
  });

  test("a name that is no path is looked up as a package too", async () => {
    await expect(loadApp("no-such-package-anywhere")).rejects.toThrow(
      /no package "no-such-package-anywhere" is installed/,
    );
  });
});
