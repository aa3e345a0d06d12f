import { ConfigurationError } from "../errors.js";

/**
 * A package that users install when they need it, such as the client library of a store: `clientPackage("pg", import("pg"))`.
 * Throws a `ConfigurationError` (`package_missing`) that says how to install it when it is not there; `neededBy` begins its sentence.
 */
export async function clientPackage<Module>(
  name: string,
  loading: Promise<Module>,
  neededBy = "this URL",
): Promise<Module> {
  try {
    return await loading;
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    throw new ConfigurationError(`${neededBy} needs the package ${name}, which is not installed: npm install ${name}`, {
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
