import { type Logger, LovageError } from "lovage";
import { StoreError } from "./store-error.js";

/** Reading may go on while a file is locked or full for writing: each keeps its own. */
export type StoreUse = "read" | "write";

/** Why a database cannot be used now, from how its last uses went. Logs when trouble comes and goes, not each time. */
export class StoreTrouble {
  readonly #logger: Logger;
  #ended = false;
  readonly #reasons = new Map<StoreUse, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** In words; null while all is well. */
  get text(): string | null {
    return this.#reasons.get("write") ?? this.#reasons.get("read") ?? null;
  }

  clear(use: StoreUse): void {
    if (!this.#reasons.delete(use)) return;
    if (this.#reasons.size === 0) this.#logger.info("the console's database can be used again");
  }

  /** From now on it is closed on purpose: what still asks is refused without a word in the log. */
  end(): void {
    this.#ended = true;
  }

  /** Notes why the database was of no use, and returns it as an error that says so. */
  note(use: StoreUse, error: Error): StoreError {
    if (!this.#reasons.has(use) && !this.#ended)
      this.#logger.error(`the console's database cannot be ${PAST[use]}`, { error: error.message });
    this.#reasons.set(use, error.message);
    return new StoreError(error.message, { cause: error });
  }
}

const PAST = { read: "read", write: "written" } as const;

/** Runs `work`, notes how it went, and turns failures of the database itself into `StoreError`s; others (a wrong statement) stay what they are. */
export async function toldTo<T>(
  trouble: StoreTrouble,
  use: StoreUse,
  isUnavailable: (error: Error) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    trouble.clear(use);
    return result;
  } catch (error) {
    if (!(error instanceof Error) || error instanceof LovageError || !isUnavailable(error)) throw error;
    throw trouble.note(use, error);
  }
}
