import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Lovage, silentLogger } from "lovage";
import { type ConsoleOptions, LovageConsole } from "../../src/server/index.js";

/** A console that runs, on a free port of this machine, with a store of its own. */
export interface TestConsole {
  /** With a slash at its end. */
  readonly url: string;
  readonly console: LovageConsole;
  /** Stops it, closes the app and removes its store. */
  close(): Promise<void>;
}

export async function openTestConsole(parts: {
  readonly app: Lovage;
  readonly hasApp?: boolean;
  readonly options?: Partial<ConsoleOptions>;
}): Promise<TestConsole> {
  const { app, hasApp = true, options = {} } = parts;
  const folder = await mkdtemp(join(tmpdir(), "lovage-console-"));
  const console = new LovageConsole({
    app,
    hasApp,
    options: { port: 0, store: `sqlite:${join(folder, "console.db")}`, ...options },
    logger: silentLogger,
  });
  const close = async (): Promise<void> => {
    await console.stop();
    await app.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const { url } = await console.start();
    return { url, console, close };
  } catch (error) {
    await close();
    throw error;
  }
}
