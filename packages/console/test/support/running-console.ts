import { Lovage, type LovageOptions, silentLogger } from "lovage";
import { onTestFinished } from "vitest";
import { LovageConsole } from "../../src/server/console.js";
import type { ConsoleOptions } from "../../src/server/console-options.js";
import { sqlitePlace } from "./console-database.js";
import { type Answer, type AskOptions, ask, OPTIONS } from "./console-http.js";

export interface RunningConsole {
  readonly console: LovageConsole;
  readonly app: Lovage;
  readonly url: string;
  readonly origin: string;
  ask(path: string, request?: AskOptions): Promise<Answer>;
}

/** The whole console on a free port, over an app on the memory broker unless told otherwise. It and the app end after the test. */
export async function startConsole(
  setup: {
    readonly app?: Lovage;
    readonly settings?: LovageOptions;
    readonly options?: Partial<ConsoleOptions>;
    readonly webRoot?: string;
  } = {},
): Promise<RunningConsole> {
  const app =
    setup.app ?? new Lovage("console-test", { brokerUrl: "memory:", resultBackend: "memory:", ...setup.settings });
  const store = setup.options?.store ?? (await sqlitePlace()).url;
  const console = new LovageConsole({
    app,
    hasApp: true,
    logger: silentLogger,
    options: { ...OPTIONS, ...setup.options, store },
    ...(setup.webRoot === undefined ? {} : { webRoot: setup.webRoot }),
  });
  onTestFinished(async () => {
    await console.stop();
    await app.close();
  });
  const { url } = await console.start();
  const { origin } = new URL(url);
  return { console, app, url, origin, ask: (path, request) => ask(origin, path, request) };
}
