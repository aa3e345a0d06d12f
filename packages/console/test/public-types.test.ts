import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, onTestFinished, test } from "vitest";

const FOLDER = fileURLToPath(new URL("..", import.meta.url));

/** A program that shows its console, as a user would write it. */
const PROGRAM = `
import { type ConsoleOptions, hashPassword, LovageConsole } from "@lovage/console";
import { Lovage } from "lovage";
const app = new Lovage("shop", { brokerUrl: "memory:" });
const options: Partial<ConsoleOptions> = { port: 8000, users: ["ada:admin:" + (await hashPassword("correct horse"))] };
const shown = new LovageConsole({ app, options });
export const { url } = await shown.start();
await shown.stop();
// @ts-expect-error What it is made of is no part of its interface.
shown.parts;
`;

test("a program that uses the console compiles with its types and those of lovage, without a library behind them", {
  timeout: 180_000,
}, async () => {
  const folder = await mkdtemp(join(await realpath(FOLDER), "types-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "program.mts");
  await writeFile(file, PROGRAM);
  const program = ts.createProgram([file], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    types: ["node"],
  });
  const said = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  expect(said).toEqual([]);
  const packages = program.getSourceFiles().flatMap(({ fileName }) => packageOf(fileName) ?? []);
  expect([...new Set(packages)].filter((name) => /hono|zod|prom-client/.test(name))).toEqual([]);
});

function packageOf(fileName: string): string | undefined {
  const path = relative(FOLDER, fileName).split(sep).join("/");
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
}
