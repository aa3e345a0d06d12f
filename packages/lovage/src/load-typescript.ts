import * as nodeModule from "node:module";
import { pathToFileURL } from "node:url";
import { ConfigurationError } from "./errors.js";

/**
 * Makes `import` of TypeScript files work in this thread: by Node's own type stripping where it has it (22.18 and later),
 * else by tsx, an optional peer. Throws a `ConfigurationError` that says what to install. `appUrl` is where tsx is also looked for.
 */
export async function registerTypeScript(appUrl: string): Promise<void> {
  if (stripsTypes()) return registerSourceSpecifiers();
  await registerTsx(appUrl);
}

function stripsTypes(): boolean {
  return Boolean(Reflect.get(process.features, "typescript"));
}

/** Resolves a specifier, or hands it on: the part of Node's synchronous module hooks (`module.registerHooks`) used here. */
type Resolve = (specifier: string, context: object, next: (specifier: string, context: object) => unknown) => unknown;

/**
 * TypeScript sources name each other by the file they become (`./mail.js`), as the compiler asks. Node strips types but
 * does not look for `./mail.ts` then, so this does, where there is no `./mail.js`.
 */
function registerSourceSpecifiers(): void {
  const registerHooks: unknown = Reflect.get(nodeModule, "registerHooks");
  const resolve: Resolve = (specifier, context, next) => {
    try {
      return next(specifier, context);
    } catch (error) {
      const source = specifier.replace(/\.([mc]?)js$/, ".$1ts");
      if (source === specifier || !isNotFound(error)) throw error;
      return next(source, context);
    }
  };
  if (typeof registerHooks === "function") registerHooks({ resolve });
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}

/** Harmless where tsx is at work already, which a thread cannot see: flags of the process it inherits without their effect. */
async function registerTsx(appUrl: string): Promise<void> {
  // Both kinds of module: a TypeScript file in a package without "type": "module" is CommonJS.
  for (const kind of ["cjs", "esm"]) {
    const module = await importTsx(kind, appUrl);
    const register: unknown = typeof module === "object" && module !== null && Reflect.get(module, "register");
    if (typeof register !== "function")
      throw new ConfigurationError(`tsx/${kind}/api has no register(): tsx 4 is needed`, {
        code: "typescript_unsupported",
      });
    register();
  }
}

async function importTsx(kind: string, appUrl: string): Promise<unknown> {
  try {
    return await import(`tsx/${kind}/api`);
  } catch {
    return await importAppsTsx(kind, appUrl);
  }
}

/** The tsx installed beside the app, which a library installed elsewhere does not see. */
async function importAppsTsx(kind: string, appUrl: string): Promise<unknown> {
  try {
    const manifest = pathToFileURL(nodeModule.createRequire(appUrl).resolve("tsx/package.json"));
    // By file: what `require` is given for this path looks for its parts in the wrong folder (tsx 4.23).
    return await import(new URL(`./dist/${kind}/api/index.mjs`, manifest).href);
  } catch (error) {
    throw new ConfigurationError(
      `Node ${process.versions.node} does not run TypeScript: npm install tsx, or use Node 22.18 or later, or compile the app`,
      {
        code: "typescript_unsupported",
        cause: error,
      },
    );
  }
}
