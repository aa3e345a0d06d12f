import { describe, expect, test } from "vitest";
import { nameInPath, nameOfSegment } from "../../src/api/path-names.js";
import { PAGE_PATHS } from "../../src/server/http/page-paths.js";
import { allRoutes } from "../../src/server/routes/all.js";
import { ODD_NAMES } from "../support/odd-names.js";

describe("a name in a path", () => {
  test.each(ODD_NAMES)("comes back as it was through an address: %j", (name) => {
    const url = new URL(`http://console/queues/${nameInPath(name)}/messages?limit=1#top`);
    const [, queues, segment = "", messages, ...rest] = url.pathname.split("/");
    expect([queues, messages, rest]).toEqual(["queues", "messages", []]);
    expect(nameOfSegment(decodeURIComponent(segment))).toBe(name);
  });

  test.each(["images", "celery", "me.tasks.add", "a-b_c.d", "9f6c0a3e-0c52-4c4e-8a5c-1d3c8a1f2b3c"])(
    "stays as it is when it is an ordinary one: %s",
    (name) => expect(nameInPath(name)).toBe(name),
  );

  test("with half a character can be linked to all the same", () => {
    expect(nameInPath("a\ud800")).toBe("a%EF%BF%BD");
  });

  test("is told from every word that stands where it may stand, in pages and in the API", () => {
    const paths = [...PAGE_PATHS, ...allRoutes.map(({ definition }) => definition.path.replace(/\{[^}]+\}/g, "*"))];
    const parents = new Set(paths.filter((path) => path.endsWith("/*")).map((path) => path.slice(0, -1)));
    const words = paths.flatMap((path) => {
      const [, parent = "", word = ""] = /^(.*\/)([^/*]+)$/.exec(path) ?? [];
      return parents.has(parent) ? [word] : [];
    });
    expect(words).toContain("errors");
    // Settings have pages and no names.
    const taken = words.filter((word) => !PAGE_PATHS.includes(`/settings/${word}`));
    expect(taken.filter((word) => nameInPath(word) === word)).toEqual([]);
  });
});
