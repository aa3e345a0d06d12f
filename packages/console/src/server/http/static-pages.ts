import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { newSecret } from "../auth/secrets.js";
import { ApiError } from "../route.js";
import type { ConsoleContext } from "./console-env.js";
import { isPagePath } from "./page-paths.js";
import { contentSecurityPolicy } from "./security-headers.js";

/** Of the built package, and the same when it runs from its sources: `dist/web` beside both. */
const WEB_ROOT = fileURLToPath(new URL("../../../dist/web/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};
/** What the page's build puts a hash into; only there may a browser keep a file for good. */
const HASHED = /^assets\/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;
const ENCODINGS = [
  { name: "br", extension: ".br" },
  { name: "gzip", extension: ".gz" },
] as const;

interface StaticFile {
  readonly path: string;
  readonly size: number;
  readonly etag: string;
}

/**
 * The pages as files, from `dist/web`. The list of files is made once, at the start: a path that is not on it reads nothing, whatever it
 * is made of.
 */
export class StaticPages {
  readonly #root: string;
  readonly #prefix: string;
  #files: ReadonlyMap<string, StaticFile> = new Map();
  #index: string | undefined;

  constructor(options: { readonly urlPrefix: string; readonly root?: string }) {
    this.#root = options.root ?? WEB_ROOT;
    this.#prefix = options.urlPrefix;
  }

  /** Without built pages the console serves its API, and says so in place of each page. */
  async load(): Promise<void> {
    this.#files = await listFiles(this.#root);
    const index = this.#files.get("index.html");
    this.#index = index === undefined ? undefined : await readFile(index.path, "utf8");
  }

  /** A file, or the page: every path of the console's is the same document, which reads its own address. */
  serve(context: ConsoleContext): Response {
    const path = context.req.path.slice(1);
    if (path !== "index.html" && !isEncodedFile(path)) {
      const file = this.#files.get(path);
      if (file !== undefined) return this.#serveFile(path, file, context);
    }
    return this.#servePage(isPagePath(context.req.path) ? 200 : 404);
  }

  #servePage(status: number): Response {
    if (this.#index === undefined) {
      throw new ApiError(
        503,
        "pages_not_built",
        "this console has no pages: they were not built (npm run build:web); its API works",
      );
    }
    const nonce = newSecret().slice(0, 22);
    return new Response(withBase(this.#index, this.#prefix, nonce), {
      status,
      headers: {
        "content-type": "text/html; charset=utf-8",
        // Names the hashed files of this very version.
        "cache-control": "no-store",
        "content-security-policy": contentSecurityPolicy(nonce),
      },
    });
  }

  #serveFile(name: string, file: StaticFile, context: ConsoleContext): Response {
    const headers = {
      "content-type": TYPES[extname(name)] ?? "application/octet-stream",
      "cache-control": HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
      etag: file.etag,
      vary: "Accept-Encoding",
    };
    if (context.req.header("if-none-match") === file.etag) return new Response(null, { status: 304, headers });
    const { served, encoding } = this.#smallest(name, file, context.req.header("accept-encoding") ?? "");
    const length = {
      "content-length": String(served.size),
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
    };
    if (context.req.raw.method === "HEAD") return new Response(null, { headers: { ...headers, ...length } });
    return new Response(fileStream(served.path), { headers: { ...headers, ...length } });
  }

  #smallest(
    name: string,
    file: StaticFile,
    accepted: string,
  ): { readonly served: StaticFile; readonly encoding?: string } {
    for (const { name: encoding, extension } of ENCODINGS) {
      const served = this.#files.get(name + extension);
      if (served !== undefined && accepts(accepted, encoding)) return { served, encoding };
    }
    return { served: file };
  }
}

/** `<base>` tells the page its prefix, and the number its styles may carry: no inline script is needed. */
function withBase(index: string, prefix: string, nonce: string): string {
  const tags = `<base href="${attribute(prefix)}/">\n<meta name="style-nonce" content="${nonce}">`;
  const plain = index.replace(/<base [^>]*>/i, "");
  return plain.replace(/<meta charset[^>]*>/i, (charset) => `${charset}\n${tags}`);
}

function attribute(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function accepts(header: string, encoding: string): boolean {
  return header.split(",").some((each) => {
    const [name, quality] = each.trim().split(";");
    return name === encoding && !/^\s*q=0(\.0*)?\s*$/.test(quality ?? "");
  });
}

function isEncodedFile(path: string): boolean {
  return ENCODINGS.some(({ extension }) => path.endsWith(extension));
}

function fileStream(path: string): ReadableStream {
  const web: unknown = Readable.toWeb(createReadStream(path));
  if (!(web instanceof ReadableStream)) throw new TypeError("Readable.toWeb gave no ReadableStream");
  return web;
}

async function listFiles(root: string): Promise<ReadonlyMap<string, StaticFile>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const { size, mtimeMs } = await stat(path);
        const name = relative(root, path).split(sep).join("/");
        return [name, { path, size, etag: `"${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"` }] as const;
      }),
  );
  return new Map(files);
}
