/** A key, or a sequence of them with blanks between: "g t". Letters are as typed, so "?" is Shift and its key. */
export interface Shortcut {
  readonly keys: string;
  /** In the help. */
  readonly label: string;
  readonly group: "Everywhere" | "Go to" | "Tables" | "This page";
  readonly run: () => void;
  /** Asked when its keys were pressed: false lets the browser have them. */
  readonly when?: () => boolean;
}

/** Which keys do what now; components add theirs while they are shown. Silent while somebody types, in dialogs, and when switched off. */
export class ShortcutRegistry {
  readonly #listeners = new Set<() => void>();
  #shortcuts: readonly Shortcut[] = [];
  readonly #isEnabled: () => boolean;
  /** A first key of sequences, until the next one: no hurry, for slow hands and slow machines. */
  #first: string | undefined;

  constructor(isEnabled: () => boolean) {
    this.#isEnabled = isEnabled;
  }

  start(): () => void {
    const onKey = (event: KeyboardEvent) => this.#onKey(event);
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }

  add(shortcut: Shortcut): () => void {
    this.#set([...this.#shortcuts, shortcut]);
    return () => this.#set(this.#shortcuts.filter((each) => each !== shortcut));
  }

  readonly list = (): readonly Shortcut[] => this.#shortcuts;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #set(shortcuts: readonly Shortcut[]): void {
    this.#shortcuts = shortcuts;
    for (const listener of this.#listeners) listener();
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !this.#isEnabled()) return;
    if (isTyping(event.target) || document.querySelector("[role='dialog'], [role='alertdialog'], [role='menu']"))
      return;
    if (event.key === "Shift") return;
    const before = this.#first === undefined ? "" : `${this.#first} `;
    // The newest first: a page's own goes before the shell's.
    const found = this.#shortcuts.findLast((each) => each.keys === before + event.key && (each.when?.() ?? true));
    this.#first = before === "" && event.key === "g" ? "g" : undefined;
    if (!found) return;
    event.preventDefault();
    found.run();
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    !isTick(target)
  );
}

/** A checkbox has the focus after a click on it, and types nothing. */
function isTick(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement && (target.type === "checkbox" || target.type === "radio");
}
