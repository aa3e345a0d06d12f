import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** The repository's root folder. */
export const REPOSITORY = join(import.meta.dirname, "../..");

/** A fenced block of a Markdown file. */
export interface CodeBlock {
  /** What stands after the fence: `ts`, `sh`, `text` … */
  readonly language: string;
  readonly text: string;
  /** Line of the opening fence, counted from 1. */
  readonly line: number;
}

/** All fenced blocks of a page, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const fence = /^```(\S*)/.exec(line);
    if (fence && open) {
      blocks.push({ language: open.language, line: open.line, text: open.lines.join("\n") });
      open = undefined;
    } else if (fence) {
      open = { language: fence[1] ?? "", line: index + 1, lines: [] };
    } else {
      open?.lines.push(line);
    }
  }
  return blocks;
}

/** Paths of the repository's Markdown pages, relative to its root, sorted. */
export function markdownPages(): string[] {
  const ignored = new Set(["node_modules", "dist", ".git"]);
  const walk = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      if (ignored.has(entry.name)) return [];
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return walk(path);
      return entry.name.endsWith(".md") ? [relative(REPOSITORY, path)] : [];
    });
  return walk(REPOSITORY).sort();
}

export function readPage(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}

/** Anchors of a page's headings, as GitHub makes them. */
export function headingAnchors(markdown: string): Set<string> {
  const headings = withoutCode(markdown).matchAll(/^#{1,6} +(.+?) *#*$/gm);
  return new Set([...headings].map(([, heading = ""]) => anchorOf(heading)));
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}

/** Targets of all links and images outside of code. */
export function linkTargets(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)].map(([, target = ""]) => target);
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```.*?^```/gms, "").replace(/<!--.*?-->/gs, "");
}
