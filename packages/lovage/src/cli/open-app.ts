import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Lovage } from "../app.js";
import { loadApp } from "../load-app.js";
import type { LovageSettings } from "../settings.js";
import { CommandFailed, EXIT } from "./exit-codes.js";
import type { GlobalOptions } from "./global-options.js";

/** Where an app is looked for when `--app` is not given: these names, in this order, then the same in `src`. */
const DEFAULT_NAMES = ["tasks", "app", "celery"] as const;
const EXTENSIONS = [".ts", ".mts", ".js", ".mjs"] as const;

export interface OpenedApp {
  readonly app: Lovage;
  /** The module it came from; undefined for one made of `--broker` alone. */
  readonly path: string | undefined;
}

/** What `--app` says, or a file with a usual name here. Throws when there is neither. */
export function requireAppPath({ app }: GlobalOptions): string {
  const path = app ?? findApp();
  if (path === undefined) throw noApp();
  return path;
}

/** The app of `--app`, or of a file with a usual name here, with the command line's settings in place of its own. */
export async function openApp(options: GlobalOptions, more: LovageSettings = {}): Promise<OpenedApp> {
  const path = requireAppPath(options);
  const app = await loadApp(path);
  const changes = { ...overrides(options), ...more };
  if (Object.keys(changes).length > 0) app.override(changes);
  return { app, path };
}

/**
 * The app, or for commands that need none of its tasks, one made of `--broker` or the environment alone.
 * A broker that was named counts for more than a file that happens to be here.
 */
export async function openAppOrBroker(options: GlobalOptions): Promise<OpenedApp> {
  const path = options.app ?? (options.broker === undefined ? findApp() : undefined);
  if (path !== undefined) return await openApp({ ...options, app: path });
  if (options.broker === undefined && !process.env.LOVAGE_BROKER_URL) throw noApp();
  return { app: new Lovage("lovage", overrides(options)), path: undefined };
}

/** Runs a command with the app and closes it afterwards, whatever happens. */
export async function withApp<T>(options: GlobalOptions, body: (app: Lovage) => Promise<T>): Promise<T> {
  const { app } = await openAppOrBroker(options);
  try {
    return await body(app);
  } finally {
    await app.close();
  }
}

function overrides({ broker, resultBackend }: GlobalOptions): LovageSettings {
  return {
    ...(broker !== undefined && { brokerUrl: broker }),
    ...(resultBackend !== undefined && { resultBackend: resultBackend === "none" ? null : resultBackend }),
  };
}

/** The first file with a usual name in the working directory. */
export function findApp(folder = "."): string | undefined {
  const candidates = ["", "src/"].flatMap((within) =>
    DEFAULT_NAMES.flatMap((name) => EXTENSIONS.map((extension) => `./${within}${name}${extension}`)),
  );
  return candidates.find((candidate) => existsSync(resolve(folder, candidate)));
}

function noApp(): CommandFailed {
  return new CommandFailed(
    "no app: give its module with --app ./tasks.ts (there is no tasks, app or celery .ts or .js here or in src), or for commands that need no tasks the broker with --broker",
    EXIT.configuration,
  );
}
