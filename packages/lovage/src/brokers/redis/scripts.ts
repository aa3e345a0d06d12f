import {
  type CallOptions,
  defineScript,
  type RedisArgument,
  type RedisScript,
  type RedisServer,
} from "../../connections/redis.js";
import type { RedisTransport } from "./options.js";
import { commonLua } from "./scripts/common.js";
import { COUNTS_LUA, DELETE_LUA, PEEK_LUA, PICK_LUA, PURGE_LUA } from "./scripts/inspect.js";
import { PUBLISH_LUA } from "./scripts/publish.js";
import { ABANDONED_LUA, RESTORE_LUA, TEND_LUA } from "./scripts/restore.js";
import { HELD_LUA, SETTLE_LUA } from "./scripts/settle.js";
import { TAKE_LUA } from "./scripts/take.js";
import { ADOPT_LUA, BIND_LUA, DECLARE_LUA, MISSING_LUA, PRESENCE_LUA, UNBIND_LUA } from "./scripts/topology.js";
import { translated } from "./translate.js";

const TEXTS = {
  publish: PUBLISH_LUA,
  take: TAKE_LUA,
  settle: SETTLE_LUA,
  held: HELD_LUA,
  declare: DECLARE_LUA,
  bind: BIND_LUA,
  unbind: UNBIND_LUA,
  missing: MISSING_LUA,
  adopt: ADOPT_LUA,
  presence: PRESENCE_LUA,
  counts: COUNTS_LUA,
  peek: PEEK_LUA,
  pick: PICK_LUA,
  purge: PURGE_LUA,
  delete: DELETE_LUA,
  abandoned: ABANDONED_LUA,
  restore: RESTORE_LUA,
  tend: TEND_LUA,
} as const;
export type ScriptName = keyof typeof TEXTS;

/** The broker's Lua scripts, in the layout its transport options ask for. */
export class BrokerScripts {
  readonly #server: RedisServer;
  readonly #prefix: string;
  readonly #timeout: number;
  readonly #scripts: ReadonlyMap<string, RedisScript>;

  /** @param timeout seconds within which a script is answered or rejects */
  constructor(server: RedisServer, transport: RedisTransport, timeout: number) {
    this.#server = server;
    this.#prefix = transport.globalKeyprefix;
    this.#timeout = timeout;
    const common = commonLua(transport);
    this.#scripts = new Map(Object.entries(TEXTS).map(([name, text]) => [name, defineScript(common + text)]));
  }

  /** Runs a script; the prefix goes before `args`. Rejects with the broker's errors. */
  async run(name: ScriptName, args: readonly RedisArgument[], options: CallOptions = {}): Promise<unknown> {
    const script = this.#scripts.get(name);
    if (!script) throw new Error(`there is no script ${name}`);
    const all = [this.#prefix, ...args];
    return await translated(this.#server.run(script, [], all, { timeout: this.#timeout, ...options }));
  }
}
