import { describe, expect, test } from "vitest";
import { clientPackage } from "../../src/util/client-package.js";

describe("a driver whose client library", () => {
  test("is not installed says how to install it", async () => {
    const absent = "a-package-that-is-not-there";
    await expect(
      clientPackage(absent, import(/* @vite-ignore */ `${absent}/index.js`).catch(asNodeSays)),
    ).rejects.toMatchObject({
      code: "package_missing",
      message: expect.stringContaining(`npm install ${absent}`),
    });
  });

  test("is there but fails to load passes the failure on", async () => {
    const failure = Object.assign(new Error("Cannot find package 'some-other' imported from x"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    await expect(clientPackage("ioredis", Promise.reject(failure))).rejects.toBe(failure);
  });
});

/** The test runner resolves modules by itself and words its error in another way than Node. */
function asNodeSays(): never {
  const name = "a-package-that-is-not-there";
  throw Object.assign(new Error(`Cannot find package '${name}' imported from /app/index.js`), {
    code: "ERR_MODULE_NOT_FOUND",
  });
}
