import type { Logger } from "lovage";
import { type Service, sleep } from "lovage/internal";

/** Tables that grow by requests are swept this often. */
const EVERY_SECONDS = 3600;

/** Removes what is over from the console's own tables, now and every hour. A sweep that fails is tried again at the next. */
export class Housekeeping implements Service {
  readonly #sweeps: Readonly<Record<string, () => Promise<unknown>>>;
  readonly #logger: Logger;
  #running: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: { readonly sweeps: Readonly<Record<string, () => Promise<unknown>>>; readonly logger: Logger }) {
    this.#sweeps = options.sweeps;
    this.#logger = options.logger;
  }

  async start(): Promise<void> {
    if (this.#running) return;
    this.#running = new AbortController();
    this.#loop = this.#sweepOnAndOn(this.#running.signal);
  }

  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    await this.#loop;
  }

  async #sweepOnAndOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const [what, sweep] of Object.entries(this.#sweeps)) {
        await sweep().catch((error: unknown) => this.#logger.warn(`${what} could not be swept`, { error }));
      }
      await sleep(EVERY_SECONDS, signal).catch(() => undefined);
    }
  }
}
