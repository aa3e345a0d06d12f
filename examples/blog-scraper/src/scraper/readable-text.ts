import type { CheerioAPI } from "cheerio";
import type { AnyNode } from "domhandler";

const BLOCKS = new Set(
  "address article aside blockquote dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul".split(
    " ",
  ),
);
const UNREAD = new Set(["script", "style", "noscript", "template", "iframe", "object", "svg", "head"]);

/** The text of some nodes as a person would read it: blocks on lines of their own, white space collapsed, no scripts. */
export function readableText($: CheerioAPI, nodes: Iterable<AnyNode>): string {
  const parts: string[] = [];
  for (const node of nodes) collect($, node, parts, false);
  return parts
    .join("")
    .replace(/[^\S\n]+/g, " ")
    .replace(/ ?\n ?/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** One line of text: everything on one line, white space collapsed; `null` when nothing is left. */
export function oneLine(text: string | undefined): string | null {
  const line = (text ?? "").replace(/\s+/g, " ").trim();
  return line === "" ? null : line;
}

function collect($: CheerioAPI, node: AnyNode, parts: string[], preformatted: boolean): void {
  if (node.type === "text") {
    parts.push(preformatted ? node.data : node.data.replace(/\s+/g, " "));
    return;
  }
  if (!("children" in node)) return;
  const name = "name" in node ? node.name.toLowerCase() : "";
  if (UNREAD.has(name)) return;
  if (name === "br") {
    parts.push("\n");
    return;
  }
  const edge = name === "p" || /^h[1-6]$/.test(name) ? "\n\n" : BLOCKS.has(name) ? "\n" : "";
  parts.push(edge);
  if (name === "td" || name === "th") parts.push(" ");
  for (const child of node.children) collect($, child, parts, preformatted || name === "pre");
  parts.push(edge);
}
