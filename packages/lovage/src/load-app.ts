import { existsSync, readFileSync, statSync } from "node:fs";
import * as nodeModule from "node:module";
import { extname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isLovage, type Lovage } from "./app.js";
import { ConfigurationError } from "./errors.js";
import { registerTypeScript } from "./load-typescript.js";

/** Tried in this order after a path that names no file, and for `index` in a path that names a folder. */
const EXTENSIONS = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"] as const;
const TYPESCRIPT = /\.[mc]?ts$/;

/**
 * Loads the module that `appPath` names, and finds the app it exports: `app`, else the default export, else the only app among its
 * exports; `path#name` picks one. A path is relative to the working directory and may lack its extension; what is neither a path
 * nor a file there is taken for a package. TypeScript is loaded as it is.
 *
 * Throws a `ConfigurationError`: `app_not_found`, `app_load_failed` (`cause` is what the module threw, with a source-mapped stack),
 * `app_not_exported`, `typescript_unsupported`.
 */
export async function loadApp(appPath: string): Promise<Lovage> {
  process.setSourceMapsEnabled(true);
  const { path, exportName } = splitPath(appPath);
  const url = locate(path);
  if (TYPESCRIPT.test(url)) await registerTypeScript(url);
  return pickApp(await importModule(url, appPath), appPath, exportName);
}

/** The file that `loadApp` would load, as an absolute path. Throws a `ConfigurationError` (`app_not_found`). */
export function appFile(appPath: string): string {
  const url = locate(splitPath(appPath).path);
  return url.startsWith("file:") ? fileURLToPath(url) : resolve(url);
}

/** `./tasks.ts#shop` into its two parts. A `#` that belongs to the file's own name stays in it. */
function splitPath(appPath: string): { readonly path: string; readonly exportName: string | undefined } {
  const at = appPath.lastIndexOf("#");
  if (at <= 0 || existsSync(asPath(appPath))) return { path: appPath, exportName: undefined };
  return { path: appPath.slice(0, at), exportName: appPath.slice(at + 1) };
}

function asPath(path: string): string {
  return path.startsWith("file:") ? fileURLToPath(path) : resolve(path);
}

/** The module's URL. Throws a `ConfigurationError` that lists where it was looked for. */
function locate(path: string): string {
  const candidates = candidatesOf(asPath(path));
  const found = candidates.find(isFile);
  if (found) return pathToFileURL(found).href;
  const packaged = looksLikePath(path) ? undefined : resolvePackage(path);
  if (packaged) return packaged;
  const packages = looksLikePath(path) ? "" : `, and no package ${JSON.stringify(path)} is installed there`;
  throw new ConfigurationError(
    `there is no app at ${JSON.stringify(path)}: looked for ${candidates.join(", ")}${packages}`,
    {
      code: "app_not_found",
    },
  );
}

function candidatesOf(base: string): readonly string[] {
  if (EXTENSIONS.some((extension) => extension === extname(base))) return [base];
  return [
    base,
    ...EXTENSIONS.map((extension) => base + extension),
    ...EXTENSIONS.map((extension) => join(base, `index${extension}`)),
  ];
}

function looksLikePath(path: string): boolean {
  return (
    path.startsWith(".") ||
    path.startsWith("file:") ||
    isAbsolute(path) ||
    EXTENSIONS.some((extension) => extension === extname(path))
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function resolvePackage(name: string): string | undefined {
  const require = nodeModule.createRequire(join(process.cwd(), "app.js"));
  try {
    return pathToFileURL(require.resolve(name)).href;
  } catch (error) {
    // A package for `import` only tells `require` nothing: Node's own look-up, from here, is the next best.
    return codeOf(error) === "ERR_PACKAGE_PATH_NOT_EXPORTED" ? name : undefined;
  }
}

async function importModule(url: string, appPath: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const module: unknown = await import(url);
    return typeof module === "object" && module !== null ? { ...module } : {};
  } catch (error) {
    throw new ConfigurationError(`${appPath} could not be loaded: ${reasonOf(error)}${hintFor(error, url)}`, {
      code: "app_load_failed",
      cause: error,
    });
  }
}

/** What was thrown and, for a syntax error, where: Node puts that in front of the stack only. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first = ""] = (error.stack ?? "").split("\n");
  return error instanceof SyntaxError && /:\d+$/.test(first) ? `${error.message} at ${first}` : error.message;
}

/** What to do about errors whose own text does not say. */
function hintFor(error: unknown, url: string): string {
  if (codeOf(error) === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return ". Node itself only strips types; enums and the like need tsx: npm install tsx, and start with NODE_OPTIONS=--import=tsx";
  }
  const commonJs =
    error instanceof SyntaxError && /Cannot use import statement|Unexpected token 'export'/.test(error.message);
  if (commonJs && !declaresModule(url)) return '. Is "type": "module" missing in its package.json?';
  // Of an ES module, Node tells the place to nobody but the terminal.
  const isPlaceless = error instanceof SyntaxError && !/:\d+/.test(reasonOf(error));
  return isPlaceless && url.startsWith("file:") ? `. To see where: node ${fileURLToPath(url)}` : "";
}

function declaresModule(url: string): boolean {
  if (!url.startsWith("file:")) return true;
  for (let folder = resolve(fileURLToPath(url), ".."); ; folder = resolve(folder, "..")) {
    const manifest = join(folder, "package.json");
    if (isFile(manifest)) return /"type"\s*:\s*"module"/.test(readFileSync(manifest, "utf8"));
    if (folder === resolve(folder, "..")) return false;
  }
}

function pickApp(exported: Readonly<Record<string, unknown>>, appPath: string, exportName: string | undefined): Lovage {
  if (exportName !== undefined) return appNamed(exported, exportName, appPath);
  const apps = appsIn(exported);
  const { app, default: byDefault } = exported;
  if (isLovage(app)) return app;
  if (isLovage(byDefault)) return byDefault;
  const [[, only] = [], ...others] = apps;
  if (only && others.length === 0) return only;
  throw new ConfigurationError(
    only
      ? `${appPath} exports several apps: pick one, as in ${appPath}#${apps[0]?.[0]}. There are ${apps.map(([name]) => name).join(", ")}`
      : `${appPath} exports no app: export const app = new Lovage(…). It exports ${namesOf(exported)}`,
    { code: "app_not_exported" },
  );
}

function appNamed(exported: Readonly<Record<string, unknown>>, name: string, appPath: string): Lovage {
  const found = exported[name];
  if (isLovage(found)) return found;
  const problem =
    name in exported
      ? `the export ${JSON.stringify(name)} is not an app`
      : `there is no export ${JSON.stringify(name)}`;
  throw new ConfigurationError(`${appPath}: ${problem}. The module exports ${namesOf(exported)}`, {
    code: "app_not_exported",
  });
}

/** Names and apps, each app once: CommonJS modules show theirs by name and again inside `default`. */
function appsIn(exported: Readonly<Record<string, unknown>>): readonly (readonly [name: string, app: Lovage])[] {
  const found = new Map<Lovage, string>();
  const { default: byDefault } = exported;
  const nested =
    typeof byDefault === "object" && byDefault !== null && !isLovage(byDefault) ? Object.entries(byDefault) : [];
  for (const [name, value] of [...Object.entries(exported), ...nested])
    if (isLovage(value) && !found.has(value)) found.set(value, name);
  return [...found].map(([app, name]) => [name, app]);
}

function namesOf(exported: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(exported);
  return names.length === 0 ? "nothing" : names.join(", ");
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
