import type { Lovage } from "../app.js";
import { ConfigurationError } from "../errors.js";
import { clientPackage } from "../util/client-package.js";
import type { Logger } from "../util/logger.js";
import type { ConsoleOptions } from "./console-options.js";

/** A running console, as `@lovage/console` exports its class. */
export interface RunningConsole {
  /** Resolves with the address at which it answers. */
  start(): Promise<{ readonly url: string }>;
  stop(): Promise<void>;
}

/** What the command line uses of `@lovage/console`. That package is built on this one, so that it can only be met at run time. */
export interface ConsolePackage {
  open(parts: {
    readonly app: Lovage;
    readonly hasApp: boolean;
    readonly options: ConsoleOptions;
    readonly logger: Logger;
  }): RunningConsole;
  hashPassword(password: string): Promise<string>;
}

const NAME = "@lovage/console";

/** Loads the console. Throws a `ConfigurationError`: `package_missing`, or `console_mismatch` when it is of another version. */
export async function loadConsolePackage(): Promise<ConsolePackage> {
  // Not a literal: what the compiler can follow, it would have to build first.
  const specifier: string = NAME;
  const module: unknown = await clientPackage(NAME, import(specifier), "the console");
  const { LovageConsole, hashPassword } = membersOf(module);
  if (!isConsoleClass(LovageConsole) || !isHash(hashPassword)) {
    throw new ConfigurationError(
      `${NAME} and lovage are of versions that do not fit: install the same version of both`,
      {
        code: "console_mismatch",
      },
    );
  }
  return { open: (parts) => new LovageConsole(parts), hashPassword };
}

function membersOf(module: unknown): Readonly<Record<string, unknown>> {
  return typeof module === "object" && module !== null ? { ...module } : {};
}

type ConsoleClass = new (...parts: Parameters<ConsolePackage["open"]>) => RunningConsole;

function isConsoleClass(value: unknown): value is ConsoleClass {
  if (typeof value !== "function") return false;
  const methods: unknown = value.prototype;
  return typeof methods === "object" && methods !== null && "start" in methods && "stop" in methods;
}

function isHash(value: unknown): value is ConsolePackage["hashPassword"] {
  return typeof value === "function";
}
