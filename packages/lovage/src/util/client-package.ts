import { ConfigurationError } from "../errors.js";

/**
 * The client library of a store, of which a user installs those they need: `clientPackage("pg", import("pg"))`.
 * Throws a `ConfigurationError` that says how to install it when it is not there.
 */
export async function clientPackage<Module>(name: string, loading: Promise<Module>): Promise<Module> {
  try {
    return await loading;
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    throw new ConfigurationError(`this URL needs the package ${name}, which is not installed: npm install ${name}`, {
      code: "package_missing",
      cause: error,
    });
  }
}

function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND" &&
    error.message.includes(`'${name}'`)
  );
}
