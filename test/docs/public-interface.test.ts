import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { REPOSITORY } from "./markdown.js";

/** What users may import: a change to it is a change to every user's program, so it shows in review. */
const ENTRIES = {
  lovage: "dist/index.d.ts",
  "lovage/worker": "dist/worker/index.d.ts",
  "lovage/testing": "dist/testing/index.d.ts",
};

test.each(Object.entries(ENTRIES))("what %s exports changes only on purpose", async (name, file) => {
  const exported = exportsOf(join(REPOSITORY, "packages/lovage", file));
  await expect(`${exported.join("\n")}\n`).toMatchFileSnapshot(`public-interface/${name.replace("/", "-")}.txt`);
});

test.each(Object.entries(ENTRIES))("%s has at run time what its types promise", async (name, file) => {
  const promised = exportsOf(join(REPOSITORY, "packages/lovage", file)).filter((line) => !line.startsWith("type "));
  const loaded: object = await import(name);
  expect(Object.keys(loaded).sort()).toEqual(promised.map((line) => line.split(" ")[1]).sort());
});

/** One line an export, as in `class Lovage` or `type TaskOptions`, sorted. */
function exportsOf(declarations: string): string[] {
  const program = ts.createProgram([declarations], { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023 });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(declarations);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${declarations} is not built: npm run build`);
  return checker
    .getExportsOfModule(module)
    .map((symbol) => `${kindOf(symbol, checker)} ${symbol.name}`)
    .sort();
}

function kindOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const meant = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  // `export type { SomeClass }` gives the type only.
  const typeOnly = symbol.declarations?.some(
    (each) => ts.isExportSpecifier(each) && (each.isTypeOnly || each.parent.parent.isTypeOnly),
  );
  if (typeOnly || !(meant.flags & ts.SymbolFlags.Value)) return "type";
  if (meant.flags & ts.SymbolFlags.Class) return "class";
  return meant.flags & ts.SymbolFlags.Function ? "function" : "const";
}
