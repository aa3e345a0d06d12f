import type { OpenApiDocument } from "./openapi.js";

/** The page of `/api/docs`: the OpenAPI document for people, made here as plain HTML. It runs no script and asks no other host. */
export function apiReaderPage(document: OpenApiDocument, options: { readonly prefix: string }): string {
  const sections = operationsByTag(document).map(([tag, operations]) => section(tag, operations));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(document.info.title)}: API</title>
<link rel="stylesheet" href="${text(options.prefix)}/api/docs/style.css">
</head>
<body>
<header>
<h1>${text(document.info.title)} API ${text(document.info.version)}</h1>
<p>${text(document.info.description ?? "")}</p>
<p><a href="${text(options.prefix)}/api/v1/openapi.json">openapi.json</a></p>
</header>
<nav aria-label="Groups"><ul>${operationsByTag(document)
    .map(([tag]) => `<li><a href="#${anchor(tag)}">${text(tag)}</a></li>`)
    .join("")}</ul></nav>
<main>${sections.join("\n")}</main>
</body>
</html>
`;
}

export const API_READER_STYLE = `:root { color-scheme: light dark; background: Canvas; color: CanvasText; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 0 auto; padding: 1rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; list-style: none; }
nav a { display: inline-block; min-height: 1.5rem; }
details { border-top: 1px solid GrayText; padding: .4rem 0; }
summary { cursor: pointer; min-height: 1.5rem; overflow-wrap: anywhere; }
pre { overflow-x: auto; border: 1px solid GrayText; padding: .75rem; }
code { font-family: ui-monospace, monospace; }
.method { font-weight: 700; text-transform: uppercase; }
`;

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly value: Readonly<Record<string, unknown>>;
}

function operationsByTag(document: OpenApiDocument): readonly (readonly [string, readonly Operation[]])[] {
  const groups = new Map<string, Operation[]>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, value] of Object.entries(item ?? {})) {
      const operation = record(value);
      const [tag] = Array.isArray(operation.tags) ? operation.tags : [];
      const group = groups.get(String(tag ?? "other")) ?? [];
      groups.set(String(tag ?? "other"), [...group, { method, path, value: operation }]);
    }
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b, "en"));
}

function section(tag: string, operations: readonly Operation[]): string {
  return `<section id="${anchor(tag)}"><h2>${text(tag)}</h2>${operations.map(operationDetails).join("\n")}</section>`;
}

function operationDetails({ method, path, value }: Operation): string {
  const parts = [
    ["Parameters", value.parameters],
    ["Body", record(value.requestBody).content],
    ["Replies", value.responses],
  ] as const;
  const shown = parts
    .filter(([, part]) => part !== undefined)
    .map(
      ([title, part]) =>
        `<h3>${title}</h3><pre tabindex="0"><code>${text(JSON.stringify(part, undefined, 2))}</code></pre>`,
    );
  return `<details><summary><span class="method">${text(method)}</span> <code>${text(path)}</code> ${text(String(value.summary ?? ""))}</summary>
<p>${text(String(value.description ?? ""))}</p>${shown.join("")}</details>`;
}

function anchor(tag: string): string {
  return tag.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Text as HTML, in content and in quoted attributes alike. */
function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
