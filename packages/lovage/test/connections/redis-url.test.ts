import { describe, expect, test } from "vitest";
import { parseRedisUrl } from "../../src/connections/redis-url.js";
import { ConfigurationError } from "../../src/errors.js";

describe("a Redis URL", () => {
  test.each([
    ["redis://", { kind: "server", host: "localhost", port: 6379 }, 0],
    ["redis://h", { kind: "server", host: "h", port: 6379 }, 0],
    ["redis://h:1234/7", { kind: "server", host: "h", port: 1234 }, 7],
    ["redis://[::1]:1234", { kind: "server", host: "::1", port: 1234 }, 0],
    ["redis://h?db=3", { kind: "server", host: "h", port: 6379 }, 3],
    ["redis+socket:///run/redis.sock?virtual_host=2", { kind: "socket", path: "/run/redis.sock" }, 2],
  ])("%s names a server and a database", (url, at, db) => {
    const { target } = parseRedisUrl(url);
    expect(target.endpoints).toMatchObject([{ at }]);
    expect(target.db).toBe(db);
  });

  test.each([
    ["redis://:secret@h", undefined, "secret"],
    ["redis://user:p%40ss%2Fword@h", "user", "p@ss/word"],
    ["redis://user:p@ss/100%@h/1", "user", "p@ss/100%"],
    ["redis://user@h", "user", undefined],
  ])("%s says who connects", (url, username, password) => {
    expect(parseRedisUrl(url).target.endpoints[0]).toMatchObject({ username, password });
  });

  test.each([
    "redis+sentinel://:pw@a:1,b/mymaster/4",
    "redis+sentinel://:pw@a:1,b/4?master_name=mymaster",
    "sentinel://:pw@a:1/4;sentinel://:pw@b:26379/4?master_name=mymaster",
  ])("%s names sentinels and their master", (url) => {
    const { target } = parseRedisUrl(url, { sentinel_kwargs: { password: "other" } });
    expect(target.db).toBe(4);
    expect(target.endpoints).toMatchObject([
      {
        at: {
          kind: "sentinels",
          masterName: "mymaster",
          sentinels: [
            { host: "a", port: 1 },
            { host: "b", port: 26_379 },
          ],
          sentinelPassword: "other",
        },
        password: "pw",
      },
    ]);
  });

  test("may name several servers, which are tried in turn", () => {
    const { target } = parseRedisUrl("redis://a/1;rediss://:pw@b:7/1?ssl_cert_reqs=none");
    expect(target.endpoints).toMatchObject([
      { at: { host: "a" }, tls: undefined },
      { at: { host: "b", port: 7 }, password: "pw", tls: { verify: false } },
    ]);
  });

  test("takes options from the settings, and over them from the query; the driver's own come back", () => {
    const transport = { socket_timeout: 3, health_check_interval: 7, global_keyprefix: "a" };
    const { target, driver } = parseRedisUrl("redis://h?socket_timeout=0.5&global_keyprefix=b", transport, [
      "global_keyprefix",
      "sep",
    ]);
    expect(target).toMatchObject({ socketTimeout: 0.5, healthCheckInterval: 7 });
    expect(driver).toEqual({ global_keyprefix: "b" });
  });

  test("shares a connection with one that differs in the driver's options only", () => {
    const key = (url: string): string => parseRedisUrl(url, {}, ["global_keyprefix"]).target.key;
    expect(key("redis://h/1?global_keyprefix=a")).toBe(key("redis://h:6379/1"));
    expect(key("redis://h/1")).not.toBe(key("redis://h/2"));
    expect(key("redis://:a@h/1")).not.toBe(key("redis://:b@h/1"));
    expect(key("redis://:secret@h/1")).not.toContain("secret");
  });

  test.each([
    ["redis://user:secret@h/zero", /must be a number/],
    ["redis://user:secret@h/1/2", /database number is expected/],
    ["redis://user:secret@h:99999", /99999/],
    ["redis://user:secret@h:x", /no host and port/],
    ["redis://user:secret@h/1;redis://h/2", /different databases/],
    ["redis+sentinel://user:secret@h/0", /master_name/],
    ["redis+sentinel://user:secret@h/m/0;redis://h/0", /sentinels and servers/],
    ["redis://user:secret@h?socket_timout=1", /did you mean socket_timeout/],
    ["redis://user:secret@h?socket_timeout=-1", /above 0/],
    ["redis://user:secret@h?socket_timeout=soon", /above 0/],
    ["rediss://user:secret@h?ssl_cert_reqs=perhaps", /required, optional or none/],
    ["http://user:secret@h", /redis:\/\//],
    ["redis+socket://", /names no socket/],
    ["", /names no server/],
    [";", /names no server/],
  ])("%s is refused, without the password", (url, problem) => {
    const parse = (): unknown => parseRedisUrl(url);
    expect(parse).toThrow(ConfigurationError);
    expect(parse).toThrow(problem);
    expect(parse).not.toThrow(/secret/);
  });
});
