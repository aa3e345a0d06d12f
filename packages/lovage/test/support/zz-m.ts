import { SqliteBackend } from "../../src/backends/sqlite/backend.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { encodeTaskMeta } from "../../src/protocol/task-meta.js";
import { success } from "./task-metas.js";
import { sqliteFile } from "./sqlite-file.js";
import { randomUUID } from "node:crypto";
const [, , mode = "normal", group = "500"] = process.argv;
const file = await sqliteFile();
const url = file.url.replace("normal", mode);
const open = async () => { const b = new SqliteBackend({ url, resultExpires: 86400, connections: new Connections(), logger: silentLogger }); await b.connect(); return b; };
const b = await open();
const N = 100000, G = Number(group);
async function timed(name: string, n: number, f: () => Promise<void>) {
  const c = process.cpuUsage(), t = performance.now(); await f();
  const ms = performance.now() - t, u = process.cpuUsage(c);
  console.log(name, Math.round(n / ms * 1000), "/s wall,", ((u.user + u.system) / n).toFixed(2), "µs CPU each (user", (u.user / n).toFixed(2) + ")");
}
const lanes = async (n: number, f: () => Promise<unknown>) => { let left = n; await Promise.all(Array.from({ length: G }, async () => { while (left-- > 0) await f(); })); };
await timed("encode", N, async () => { for (let i = 0; i < N; i++) encodeTaskMeta(success(String(i), 8)); });
await timed("store <100k", N, () => lanes(N, () => b.store(success(randomUUID(), 8), { fence: 5 })));
await timed("store <200k", N, () => lanes(N, () => b.store(success(randomUUID(), 8), { fence: 5 })));
const w = await open();
const signal = new AbortController().signal;
await timed("store + wait, two connections", 20000, async () => { let left = 20000; await Promise.all(Array.from({ length: 200 }, async () => { while (left-- > 0) { const id = randomUUID(); await Promise.all([w.wait(id, signal), b.store(success(id, 1))]); } })); });
await timed("store + wait, same connection", 20000, async () => { let left = 20000; await Promise.all(Array.from({ length: 200 }, async () => { while (left-- > 0) { const id = randomUUID(); await Promise.all([b.wait(id, signal), b.store(success(id, 1))]); } })); });
const ids = Array.from({ length: 10000 }, () => randomUUID());
await timed("10,000 waits at once, stored by another", 10000, async () => { const ws = ids.map((id) => w.wait(id, signal)); let i = 0; await Promise.all(Array.from({ length: 200 }, async () => { while (i < ids.length) await b.store(success(ids[i++] ?? "", 1)); })); await Promise.all(ws); });
await b.close(); await w.close(); await file.remove();
