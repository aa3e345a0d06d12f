/**
 * Writes the measured part of docs/reliability.md from test/faults/results.json:
 *
 *   node scripts/write-reliability-page.mjs            writes it
 *   node scripts/write-reliability-page.mjs --check    exit 1 when the page is not what would be written
 *
 * The results are those of the last `LOVAGE_WRITE_RELIABILITY=1 npm run test:faults`.
 */
import { readFileSync, writeFileSync } from "node:fs";

const PAGE = new URL("../docs/reliability.md", import.meta.url);
const RESULTS = new URL("../test/faults/results.json", import.meta.url);
const BEGIN = "<!-- matrix: written by scripts/write-reliability-page.mjs from test/faults/results.json -->";
const END = "<!-- end of matrix -->";
const ORDER = ["sqlite", "redis", "amqp", "postgres"];

/** @type {import("../test/faults/support/matrix.js").BrokerRows[]} */
const results = JSON.parse(readFileSync(RESULTS, "utf8"));
const found = readFileSync(PAGE, "utf8");
const [before, rest = ""] = found.split(BEGIN);
const [, after] = rest.split(END);
if (after === undefined) throw new Error(`docs/reliability.md has not both markers: ${BEGIN} and ${END}`);

const sorted = [...results].sort((one, other) => ORDER.indexOf(one.broker) - ORDER.indexOf(other.broker));
const text = `${before}${BEGIN}\n\n${sorted.map(section).join("\n\n")}\n\n${END}${after}`;

/** @param {import("../test/faults/support/matrix.js").BrokerRows} results */
function section({ server, date, machine, rows }) {
  return `### ${server}

${date}, ${machine}.

| fault | sent | refused | done | twice | lost | stuck | back after | slowest publish |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
${rows.map(row).join("\n")}`;
}

/** @param {import("../test/faults/support/matrix.js").MatrixRow} row */
function row({ fault, sent, refused, done, duplicated, lost, stuck, recovery, slowestPublish }) {
  const counts = [sent, refused, done, duplicated, lost, stuck].map((count) => count.toLocaleString("en-US"));
  return `| ${[fault, ...counts, seconds(recovery), seconds(slowestPublish)].join(" | ")} |`;
}

/** @param {number | null | undefined} value */
function seconds(value) {
  return typeof value === "number" ? `${value.toFixed(1)} s` : "–";
}

if (process.argv.includes("--check")) {
  if (found !== text) {
    console.error(
      "docs/reliability.md does not show test/faults/results.json: node scripts/write-reliability-page.mjs",
    );
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, text);
}
