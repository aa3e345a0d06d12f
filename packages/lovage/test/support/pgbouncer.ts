import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";

export interface Pooler {
  /** Of the same database, through the pooler. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts PgBouncer in transaction mode before a server, with fewer connections to it than clients may have. */
export async function pgbouncer(program: string, server: string): Promise<Pooler> {
  const folder = await mkdtemp(join(tmpdir(), "pooler-"));
  const port = await freePort();
  const {
    hostname,
    port: serverPort,
    username,
    password,
    pathname,
  } = new URL(server.replace(/^postgres(ql)?:/, "http:"));
  const database = pathname.slice(1);
  const users = join(folder, "users.txt");
  await writeFile(users, `"${username}" "${decodeURIComponent(password)}"\n`);
  const settings = join(folder, "pgbouncer.ini");
  await writeFile(
    settings,
    `[databases]
${database} = host=${hostname} port=${serverPort || 5432} dbname=${database} user=${username}${password ? ` password=${decodeURIComponent(password)}` : ""}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file = ${users}
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
`,
  );
  // It refuses to run as root, and must be able to read what root wrote.
  for (const path of [folder, users, settings]) await chmod(path, 0o755);
  const asRoot = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child = spawn(program, [...asRoot, settings], { stdio: "ignore" });
  const url = `postgres://${username}@127.0.0.1:${port}/${database}`;
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

async function answers(url: string): Promise<void> {
  for (let left = 50; ; left--) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
    try {
      await client.connect();
      await client.query("SELECT 1");
      return;
    } catch (error) {
      if (left === 0) throw error;
      // It tells nobody when it listens.
      await new Promise((later) => setTimeout(later, 100));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
