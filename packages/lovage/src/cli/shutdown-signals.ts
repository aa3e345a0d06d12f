/** How a worker is told to stop. */
export type Shutdown = "warm" | "cold";

/** SIGTERM and SIGINT: warm, a second one cold. SIGQUIT: cold at once. As Celery's workers take them. */
export class ShutdownSignals {
  #asked: Shutdown | undefined;
  #onShutdown: ((how: Shutdown) => void) | undefined;
  readonly #warm = (): void => this.#ask(this.#asked === undefined ? "warm" : "cold");
  readonly #cold = (): void => this.#ask("cold");

  /** What has been asked for so far. */
  get asked(): Shutdown | undefined {
    return this.#asked;
  }

  /**
   * Calls `onShutdown` at the first signal, and once more when warm becomes cold. `withParent`: the end of the process that started this
   * one, which a channel tells, counts as a signal too.
   */
  start(onShutdown: (how: Shutdown) => void, { withParent = false }: { readonly withParent?: boolean } = {}): void {
    this.#onShutdown = onShutdown;
    if (withParent) process.once("disconnect", this.#warm);
    process.on("SIGTERM", this.#warm);
    process.on("SIGINT", this.#warm);
    process.on("SIGQUIT", this.#cold);
  }

  stop(): void {
    process.off("SIGTERM", this.#warm);
    process.off("SIGINT", this.#warm);
    process.off("SIGQUIT", this.#cold);
    process.off("disconnect", this.#warm);
  }

  #ask(how: Shutdown): void {
    if (this.#asked === "cold") return;
    this.#asked = how;
    this.#onShutdown?.(how);
  }
}
