/** What a person has chosen on this browser. Kept in its storage; shared by its tabs. */
export interface Preferences {
  readonly theme: "system" | "light" | "dark";
  readonly density: "comfortable" | "compact";
  /** Whose clock instants are shown in. */
  readonly zone: "browser" | "utc";
  readonly shortcuts: boolean;
}
const DEFAULTS: Preferences = { theme: "system", density: "comfortable", zone: "browser", shortcuts: true };
const KEY = "lovage.preferences";

/** A small store over the browser's storage: `public/theme.js` reads the same entry before the first paint. */
export class PreferenceStore {
  readonly #listeners = new Set<() => void>();
  readonly #darkQuery = matchMedia("(prefers-color-scheme: dark)");
  #current: Preferences = readStored();
  #dark = this.#darkQuery.matches;

  /** Follows other tabs and the system's theme. */
  start(): () => void {
    const onStorage = (event: StorageEvent) => {
      if (event.key === KEY) this.#set(readStored());
    };
    const onScheme = () => {
      this.#dark = this.#darkQuery.matches;
      this.#tell();
    };
    window.addEventListener("storage", onStorage);
    this.#darkQuery.addEventListener("change", onScheme);
    return () => {
      window.removeEventListener("storage", onStorage);
      this.#darkQuery.removeEventListener("change", onScheme);
    };
  }

  readonly get = (): Preferences => this.#current;
  readonly colorScheme = (): "light" | "dark" => {
    const { theme } = this.#current;
    return theme === "system" ? (this.#dark ? "dark" : "light") : theme;
  };
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly change = (changes: Partial<Preferences>): void => {
    this.#set({ ...this.#current, ...changes });
    writeStored(KEY, this.#current);
  };

  #set(next: Preferences): void {
    this.#current = next;
    this.#tell();
  }
  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function readStored(): Preferences {
  const kept = readEntry(KEY);
  if (typeof kept !== "object" || kept === null) return DEFAULTS;
  return {
    theme: choice(kept, "theme", ["system", "light", "dark"], DEFAULTS.theme),
    density: choice(kept, "density", ["comfortable", "compact"], DEFAULTS.density),
    zone: choice(kept, "zone", ["browser", "utc"], DEFAULTS.zone),
    shortcuts: !("shortcuts" in kept && kept.shortcuts === false),
  };
}

function choice<const T extends string>(kept: object, key: string, values: readonly T[], otherwise: T): T {
  const value: unknown = Object.entries(kept).find(([name]) => name === key)?.[1];
  return values.find((each) => each === value) ?? otherwise;
}

/** An entry of this browser's storage as it was written by `writeStored`, or undefined: storage can be off, full or someone else's. */
export function readEntry(key: string): unknown {
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keeps a JSON value on this browser where that is possible. */
export function writeStored(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private mode or full: it holds for this page at least.
  }
}
