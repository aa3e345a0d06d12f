import { type Dirent, type FSWatcher, readdirSync, watch } from "node:fs";
import { extname, join } from "node:path";
import type { Service } from "../../util/service.js";

/** What a program is made of. Databases, logs and what tasks write change all the time, and change nothing. */
const SOURCES = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx"];
/** Folders of others, or of what is made from the sources. */
const IGNORED = ["node_modules", "dist", "build", "coverage"];
/** Milliseconds without a further change: editors, and `git checkout`, write several files, some in two steps. */
const QUIET_MS = 150;
/** Milliseconds after which changes are told though they go on. */
const LONGEST_MS = 2000;
/** Folders watched at most: each costs the system a little. */
const MOST_FOLDERS = 2000;

export interface SourceWatchOptions {
  /** Absolute; those inside them are watched too. */
  readonly folders: readonly string[];
  /** A source was changed, added or removed; once for all changes of a moment. */
  readonly onChange: (file: string) => void;
  /** Something cannot be watched. */
  readonly onTrouble: (message: string) => void;
}

/**
 * Tells when sources change. Each folder has a watch of its own, set up by hand: Node's recursive one would set up one for each folder
 * of node_modules as well.
 */
export class SourceWatch implements Service {
  readonly #options: SourceWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #quiet: NodeJS.Timeout | undefined;
  /** When the first change came that was not told yet. */
  #sinceMs: number | undefined;
  #stopped = false;
  #isFull = false;

  constructor(options: SourceWatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    for (const folder of this.#options.folders) this.#add(folder);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#quiet);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #add(folder: string): void {
    if (this.#stopped || this.#watchers.has(folder)) return;
    if (this.#watchers.size >= MOST_FOLDERS) return this.#full();
    try {
      const watcher = watch(folder, (_event, name) => this.#noticed(folder, name));
      watcher.on("error", () => this.#remove(folder));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      this.#options.onTrouble(`cannot watch ${folder}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    // After the watch, so that what appears meanwhile is told by one of the two.
    for (const entry of entriesOf(folder)) if (isOwnFolder(entry)) this.#add(join(folder, entry.name));
  }

  #remove(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  #full(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#options.onTrouble(`only the first ${MOST_FOLDERS} folders are watched`);
  }

  #noticed(folder: string, name: string | null): void {
    if (this.#stopped || name === null) return;
    const path = join(folder, name);
    const entry = entriesOf(folder).find((each) => each.name === name);
    if (!entry) this.#remove(path);
    if (entry && isOwnFolder(entry)) this.#entered(path);
    else if (isSource(name)) this.#changed(path);
  }

  /** A folder that is new: what is in it already came before its watch. */
  #entered(folder: string): void {
    if (this.#watchers.has(folder)) return;
    this.#add(folder);
    const found = entriesOf(folder).find(({ name }) => isSource(name));
    if (found) this.#changed(join(folder, found.name));
  }

  #changed(path: string): void {
    const nowMs = performance.now();
    this.#sinceMs ??= nowMs;
    const left = this.#sinceMs + LONGEST_MS - nowMs;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(
      () => {
        this.#sinceMs = undefined;
        this.#options.onChange(path);
      },
      Math.max(0, Math.min(QUIET_MS, left)),
    );
  }
}

function isSource(name: string): boolean {
  return SOURCES.includes(extname(name)) && !name.startsWith(".");
}

function isOwnFolder(entry: Dirent): boolean {
  return entry.isDirectory() && !entry.name.startsWith(".") && !IGNORED.includes(entry.name);
}

/** None of a folder that is gone already. */
function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
