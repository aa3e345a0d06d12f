import { driverFor } from "../util/open-driver.js";
import type { BackendOptions, ResultBackend } from "./backend.js";

type OpenBackend = (options: BackendOptions) => Promise<ResultBackend>;

/** URL scheme → driver, loaded when it is used. The only place that lists result backends. */
const DRIVERS: Readonly<Record<string, OpenBackend>> = {
  memory: async (options) => new (await import("./memory/backend.js")).MemoryBackend(options),
  sqlite: async (options) => new (await import("./sqlite/backend.js")).SqliteBackend(options),
};

/** The result backend behind a URL, not yet connected. Throws a `ConfigurationError` for a URL that names none. */
export async function openBackend(options: BackendOptions): Promise<ResultBackend> {
  return await driverFor(options.url, DRIVERS, "resultBackend")(options);
}
