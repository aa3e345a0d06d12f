/**
 * Builds the console's pages to dist/web, unless nothing they are made of is newer than what was built:
 *
 *   node scripts/build-web.mjs [--force]
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
// The lock file stands for the versions of the libraries that go into the pages.
const sources = ["src/web", "src/api", "package.json", "scripts/build-web.mjs", "../../package-lock.json"];

if (process.argv.includes("--force") || newest(sources) > modifiedAt(join(root, "dist/web/index.html"))) {
  await buildPages().catch((error) => {
    console.error(`the console's pages cannot be built: ${error.message}`);
    process.exitCode = 1;
  });
}

async function buildPages() {
  // Whoever starts this, a test run too, is to get React as it is shipped.
  process.env.NODE_ENV = "production";
  const [{ build }, { default: react }] = await Promise.all([import("vite"), import("@vitejs/plugin-react")]);
  await build({
    configFile: false,
    logLevel: "warn",
    root: join(root, "src/web"),
    // Relative addresses: the server says in `<base>` under which prefix the pages live.
    base: "./",
    plugins: [react()],
    build: {
      outDir: join(root, "dist/web"),
      emptyOutDir: true,
      target: "es2022",
      // A data: address would need the policy's consent; files need none.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
}

/** Of all files under the paths, the latest time of change, in milliseconds. */
function newest(paths) {
  return Math.max(
    ...paths
      .map((path) => join(root, path))
      .flatMap(filesUnder)
      .map(modifiedAt),
  );
}

function filesUnder(path) {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  // Folders too: taking a file away changes only its folder.
  return [path, ...entries.map((entry) => join(entry.parentPath, entry.name))];
}

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
