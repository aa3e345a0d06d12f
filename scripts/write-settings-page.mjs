/**
 * Writes docs/settings.md from the library's own table of settings, which must have been built:
 *
 *   node scripts/write-settings-page.mjs            writes the page
 *   node scripts/write-settings-page.mjs --check    exit 1 when the page is not what would be written
 */
import { readFileSync, writeFileSync } from "node:fs";
import { describeSettings } from "../packages/lovage/dist/settings.js";

const PAGE = new URL("../docs/settings.md", import.meta.url);

const text = `# Settings

<!-- Written by scripts/write-settings-page.mjs from packages/lovage/src/settings/table.ts: change it there. -->

Celery's settings, in camelCase, with Celery's meaning and units. Each is an option of \`new Lovage(name, { … })\`; what is left out there is
read from the environment, and else has its default. All durations are in seconds. A setting that does not exist is an error that names the
nearest one; everything that is wrong is reported at once.

| setting | environment | takes | default |
|---|---|---|---|
${describeSettings().map(row).join("\n")}

In the environment, \`none\` stands for null, \`true\`, \`yes\`, \`on\` and \`1\` for true, a list of names has commas between them, and tables are JSON.
`;

function row({ name, environment, expects, standard, doc }) {
  return `| **\`${name}\`**<br>${cell(doc)} | \`${environment}\` | ${cell(expects)} | \`${cell(JSON.stringify(standard))}\` |`;
}

/** Text that does not end its table cell. */
function cell(value) {
  return value.replaceAll("|", "\\|");
}

if (process.argv.includes("--check")) {
  const found = readFileSync(PAGE, "utf8");
  if (found !== text) {
    console.error("docs/settings.md is not what the settings say: node scripts/write-settings-page.mjs");
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, text);
}
