/**
 * Holds the direction in which the parts of the library and of its console lean (docs/architecture.md, "Which way things lean"):
 *
 *   node scripts/check-imports.mjs      exit 1 when something is wrong
 *
 * Why a script and not a lint plugin: docs/decisions/0004-import-check-of-our-own.md.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/**
 * The library's parts, lowest first. A file belongs to the first entry whose `is` matches its path; `sees` are the parts it may
 * import besides itself.
 */
const PARTS = [
  { part: "errors", is: /^errors\.ts$/, sees: [], because: "everything throws these errors" },
  {
    part: "util",
    is: /^util\//,
    sees: ["errors"],
    because: "util is ground level: anything may use it, so it uses nothing of ours",
  },
  {
    part: "protocol",
    is: /^protocol\//,
    sees: ["errors", "util"],
    because: "the protocol is pure: bytes in, values out, so that recorded messages are all it takes to test it",
  },
  {
    part: "logging",
    is: /^logging\.ts$/,
    sees: ["errors", "util"],
    because: "it is a logger for programs; the library knows the interface in util/logger.ts only",
  },
  {
    part: "connections",
    is: /^connections\//,
    sees: ["protocol", "errors", "util"],
    because: "a connection serves brokers and result backends alike and knows neither",
  },
  {
    part: "interfaces",
    is: /^(brokers\/broker|backends\/backend)\.ts$/,
    sees: ["connections", "protocol", "errors", "util"],
    because: "what an interface asks for, every driver pays for",
  },
  {
    part: "openers",
    is: /^(brokers|backends)\/open-[^/]+\.ts$/,
    sees: ["interfaces", "driver", "connections", "protocol", "errors", "util"],
    because: "these are the only files that list drivers, and that is all they do",
  },
  {
    part: "driver",
    is: /^(brokers|backends)\/[^/]+\//,
    sees: ["drivers' tools", "interfaces", "connections", "protocol", "errors", "util"],
    because: "a driver is a folder one can delete: it knows its interface, its client and nothing of tasks",
  },
  {
    part: "drivers' tools",
    is: /^(brokers|backends)\//,
    sees: ["interfaces", "connections", "protocol", "errors", "util"],
    because: "what several drivers need is written once beside the interface, and knows no more than they do",
  },
  {
    part: "outbox",
    is: /^outbox\//,
    sees: ["interfaces", "connections", "protocol", "errors", "util"],
    because: "an outbox keeps messages and relays them: it knows a broker's interface, and nothing of tasks",
  },
  {
    part: "entry",
    is: /^(index\.ts$|internal\.ts$|worker\/index\.ts$|cli\/|testing\/)/,
    sees: "everything but drivers",
    because: "",
  },
  {
    part: "services",
    is: /^(worker|beat|canvas|topics|events|control)\//,
    sees: ["core", "outbox", "interfaces", "openers", "connections", "protocol", "errors", "util"],
    because: "a worker knows brokers through the interface, and nothing of the command line that started it",
  },
  {
    part: "core",
    is: /^([^/]+\.ts$|settings\/)/,
    sees: ["outbox", "interfaces", "openers", "connections", "protocol", "errors", "util"],
    because: "app, task, result and settings are what workers and the rest are built on",
  },
];

/** Packages that only some files may load, so that importing `lovage` stays light and a store can be exchanged. */
const PACKAGES = [
  { name: "commander", in: /^cli\//, because: "only the command line parses arguments" },
  { name: "pino", in: /^logging\.ts$|^cli\//, because: "the library logs through its Logger interface" },
  { name: "pino-pretty", in: /^logging\.ts$|^cli\//, because: "the library logs through its Logger interface" },
  {
    name: "@photostructure/sqlite",
    in: /^connections\/sqlite|\/sqlite\//,
    because: "SQLite is one driver among several",
  },
  { name: "amqplib", in: /^connections\/amqp|\/amqp\/|\/rpc\//, because: "RabbitMQ is one driver among several" },
  { name: "node:sqlite", in: /^connections\/sqlite|\/sqlite\//, because: "SQLite is one driver among several" },
  { name: "pg", in: /^connections\/postgres|\/postgres\//, because: "PostgreSQL is one driver among several" },
  { name: "ioredis", in: /^connections\/redis|\/redis\//, because: "Redis is one driver among several" },
];

/** The console's parts. */
const CONSOLE_PARTS = [
  {
    part: "shapes",
    is: /^api\//,
    sees: [],
    because: "server and pages share them, and neither has the other's surroundings",
  },
  {
    part: "driver",
    is: /^server\/store\/[^/]+\//,
    sees: ["store", "shapes"],
    because: "a database's driver is a folder one can delete: it knows the interface and its client",
  },
  {
    part: "openers",
    is: /^server\/store\/open-database\.ts$/,
    sees: ["driver", "store"],
    because: "this is the only file that lists databases, and that is all it does",
  },
  {
    part: "store",
    is: /^server\/store\//,
    sees: ["shapes"],
    because: "what is kept is ground level: all others may use it, so it uses none of them",
  },
  {
    part: "server",
    is: /^server\//,
    sees: ["store", "openers", "shapes"],
    because: "pages are built from their own sources",
  },
  { part: "pages", is: /^web\//, sees: ["shapes"], because: "pages know the API, and nothing of what is behind it" },
];

const repository = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What is checked. `bundled`: files whose packages are built into them, so that users need not install any. */
export const LIBRARY = { folder: "packages/lovage", parts: PARTS, packages: PACKAGES };
export const CONSOLE = { folder: "packages/console", parts: CONSOLE_PARTS, packages: [], bundled: /^web\// };

/** Everything wrong in the sources under `root`, as `{ file, line, message }`; paths relative to `root`. */
export function checkImports(root, { dependencies, parts, packages, bundled }) {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join(posix.sep))
    .sort();
  const imports = files.flatMap((file) => importsOf(root, file));
  const ours = imports.filter((each) => each.target !== undefined);
  return [
    ...ours.flatMap((each) => checkDirection(each, parts)),
    ...imports
      .filter(({ file, target }) => target === undefined && !bundled?.test(file))
      .flatMap((each) => checkPackage(each, packages, dependencies)),
    ...findCycles(ours.filter((each) => !each.typeOnly)),
  ];
}

/** Each import, re-export and `import()` of a file; `target` is set when it is one of our files. */
function importsOf(root, file) {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.Latest);
  const found = [];
  const note = (specifier, typeOnly) => {
    const line = source.getLineAndCharacterOfPosition(specifier.getStart(source)).line + 1;
    const target = specifier.text.startsWith(".")
      ? sourceOf(root, posix.join(posix.dirname(file), specifier.text))
      : undefined;
    found.push({ file, line, specifier: specifier.text, target, typeOnly });
  };
  const visit = (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      note(node.moduleSpecifier, isTypeOnly(node));
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      // A module loaded on demand leans the same way, but makes no cycle: both sides are ready by then.
      if (specifier && ts.isStringLiteral(specifier)) note(specifier, true);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      note(node.argument.literal, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** `x.js` is made of `x.ts`, or of `x.tsx` where there is one. */
function sourceOf(root, file) {
  const component = file.replace(/\.js$/, ".tsx");
  return component !== file && existsSync(join(root, component)) ? component : file.replace(/\.js$/, ".ts");
}

/** Whether nothing of it is left at run time. */
function isTypeOnly(node) {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const clause = node.importClause;
  if (!clause) return false;
  const names = clause.namedBindings;
  const allTypes =
    names && ts.isNamedImports(names) && names.elements.length > 0 && names.elements.every((each) => each.isTypeOnly);
  return clause.isTypeOnly || Boolean(allTypes && !clause.name);
}

function checkDirection({ file, line, target, specifier }, parts) {
  const from = parts.find(({ is }) => is.test(file));
  const to = parts.find(({ is }) => is.test(target));
  if (target.startsWith("../")) {
    return [{ file, line, message: `imports "${specifier}" from outside its package: use the package's own exports` }];
  }
  if (!from || !to)
    return [
      {
        file,
        line,
        message: `${from ? target : file} belongs to no part: add it to the parts in scripts/check-imports.mjs`,
      },
    ];
  if (from.part === "driver" && to.part === "driver")
    return sameDriver(from, file, target)
      ? []
      : [{ file, line, message: `imports "${specifier}": a driver may not use another one` }];
  if (from.part === to.part) return [];
  if (from.sees === "everything but drivers" ? to.part !== "driver" : from.sees.includes(to.part)) return [];
  return [{ file, line, message: `${from.part} may not import ${to.part} ("${specifier}"): ${because(from, to)}` }];
}

function because(from, to) {
  if (to.part === "driver") return "no driver is named outside its folder and the open-*.ts files";
  return from.because;
}

/** `brokers/sqlite/…` and `backends/sqlite/…` are the same store's two halves, but each can be deleted alone. */
function sameDriver({ is }, file, target) {
  return is.exec(file)[0] === is.exec(target)[0];
}

function checkPackage({ file, line, specifier }, packages, dependencies) {
  const name = specifier.startsWith("@") ? specifier.split("/", 2).join("/") : specifier.split("/", 1)[0];
  const rule = packages.find((each) => each.name === specifier || each.name === name);
  if (rule && !rule.in.test(file)) return [{ file, line, message: `may not import "${specifier}": ${rule.because}` }];
  if (specifier.startsWith("node:") || dependencies.includes(name)) return [];
  const advice = builtinModules.includes(name)
    ? `write "node:${specifier}"`
    : "the package does not depend on it (test libraries stay out of shipped code: one that leaks is installed by every user)";
  return [{ file, line, message: `imports "${specifier}": ${advice}` }];
}

/** One message per cycle of imports that are left at run time. (Types vanish: task, result and signature name each other freely.) */
function findCycles(imports) {
  const edges = groupByFile(imports);
  const state = new Map();
  const problems = [];
  const walk = (file, path) => {
    state.set(file, "open");
    for (const each of edges.get(file) ?? []) {
      if (state.get(each.target) === "open") {
        const cycle = [...path.slice(path.indexOf(each.target)), each.target];
        problems.push({ file, line: each.line, message: `import cycle: ${cycle.join(" → ")}` });
      } else if (!state.has(each.target)) {
        walk(each.target, [...path, each.target]);
      }
    }
    state.set(file, "done");
  };
  for (const file of edges.keys()) if (!state.has(file)) walk(file, [file]);
  return problems;
}

/** By hand: `Map.groupBy` needs Node 21. */
function groupByFile(imports) {
  const groups = new Map();
  for (const each of imports) groups.set(each.file, [...(groups.get(each.file) ?? []), each]);
  return groups;
}

/** Names a package's shipped code may import. */
function dependenciesOf(packageFolder) {
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(
    readFileSync(join(packageFolder, "package.json"), "utf8"),
  );
  return [...Object.keys(dependencies), ...Object.keys(peerDependencies)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = [LIBRARY, CONSOLE].flatMap(({ folder, ...rules }) => {
    const root = join(repository, folder, "src");
    const found = checkImports(root, { ...rules, dependencies: dependenciesOf(join(repository, folder)) });
    return found.map((each) => ({ ...each, file: join(relative(process.cwd(), root), each.file) }));
  });
  for (const { file, line, message } of problems) console.error(`${file}:${line}: ${message}`);
  console.log(problems.length === 0 ? "imports: all lean the right way" : `imports: ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
