import { execFileSync } from "node:child_process";
import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where servers are that packages do not put into the PATH: Debian's and Homebrew's. */
const ELSEWHERE = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"];

/** The path of a program, or undefined. `first` are folders to look into before the PATH. */
export function findProgram(name: string, first: readonly string[] = []): string | undefined {
  const folders = [...first, ...(process.env.PATH ?? "").split(delimiter), ...ELSEWHERE];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Debian's folders of PostgreSQL's programs, newest version first. */
export function postgresFolders(root = "/usr/lib/postgresql"): string[] {
  try {
    const versions = readdirSync(root).filter((name) => /^\d+$/.test(name));
    return versions.sort((one, other) => Number(other) - Number(one)).map((version) => join(root, version, "bin"));
  } catch {
    return [];
  }
}

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Whose processes a server's should be: root's are not, when there is the account its package made; else the current user's. */
export function accountFor(name: string): Account | undefined {
  if (!isRoot()) return undefined;
  try {
    const id = (option: string): number =>
      Number(execFileSync("id", [option, name], { stdio: ["ignore", "pipe", "ignore"] }));
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}
