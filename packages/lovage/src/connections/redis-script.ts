import { createHash } from "node:crypto";

/** A Lua script that the server keeps under its digest. */
export interface RedisScript {
  readonly lua: string;
  /** SHA-1 of the text, as EVALSHA takes it. */
  readonly sha: string;
}

/** Makes a script to be run with `RedisServer.run`. The text opens with its keys, arguments and return value. */
export function defineScript(lua: string): RedisScript {
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}
