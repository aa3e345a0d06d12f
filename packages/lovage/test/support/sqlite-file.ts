import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own with the path of a database that is not there yet. */
export interface SqliteFile {
  readonly path: string;
  readonly url: string;
  remove(): Promise<void>;
}

export async function sqliteFile(): Promise<SqliteFile> {
  const folder = await mkdtemp(join(tmpdir(), "lovage-test-"));
  const path = join(folder, "test.db");
  // What is tested is order and safety in the process, not the disk: a commit need not wait for it.
  const url = `sqlite://${path}?synchronous=normal`;
  return { path, url, remove: () => rm(folder, { recursive: true, force: true }) };
}
