import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const REPOSITORY = join(import.meta.dirname, "../..");
const PACKAGE = join(REPOSITORY, "packages/lovage");
const ENTRIES = ["lovage", "lovage/worker", "lovage/testing"];

let project: string;
let packed: string[];

/** The packed library in a project of its own, with the packages it says it depends on and no others. */
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "lovage-package-"));
  const [report] = JSON.parse(npm("pack", "--json", "--pack-destination", project)) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = report.files.map(({ path }) => path);
  const home = join(project, "node_modules/lovage");
  mkdirSync(home, { recursive: true });
  execFileSync("tar", ["-xzf", join(project, report.filename), "-C", home, "--strip-components=1"]);
  for (const name of [...dependencies(), "@types/node"]) linkInstalled(name);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the packed library", () => {
  test("holds what runs, its types, its licence and its page, and nothing else", () => {
    const known =
      /^(dist\/.+\.(js|d\.ts)(\.map)?|dist\/.+\.(sql|lua)|bin\/lovage\.js|package\.json|README\.md|LICENSE)$/;
    expect(packed.filter((path) => !known.test(path))).toEqual([]);
    expect(packed).toEqual(
      expect.arrayContaining(["dist/index.js", "dist/index.d.ts", "bin/lovage.js", "README.md", "LICENSE"]),
    );
  });

  test.each(ENTRIES)("%s can be imported, with no more installed than it asks for", (entry) => {
    expect(run("--input-type=module", "--eval", `const it = await import("${entry}"); console.log(typeof it)`)).toBe(
      "object",
    );
  });

  test.each(ENTRIES)("%s can be required from CommonJS", (entry) => {
    // Node 20.19 has require(esm) and warns of it; later ones do not.
    const code = `console.log(typeof require("${entry}"))`;
    expect(run("--disable-warning=ExperimentalWarning", "--input-type=commonjs", "--eval", code)).toBe("object");
  });

  test.each([
    ["NodeNext", "NodeNext"],
    ["ESNext", "bundler"],
  ])("its types resolve with module %s and resolution %s", (module, moduleResolution) => {
    const uses = ENTRIES.map((entry, index) => `import * as it${index} from "${entry}"; void it${index};`).join("\n");
    const program = `${uses}
      import { Lovage } from "lovage";
      const app = new Lovage("a", { brokerUrl: "memory://" });
      const add = app.task("add", (x: number, y: number) => x + y);
      export const sum: Promise<number> = add.delay(1, 2).then((result) => result.get());
      // @ts-expect-error a wrong argument does not compile
      void add.delay("1", 2);`;
    writeFileSync(join(project, "user.ts"), program);
    const compilerOptions = { strict: true, noEmit: true, target: "ES2023", module, moduleResolution, types: ["node"] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["user.ts"] }));
    expect(run(join(REPOSITORY, "node_modules/typescript/bin/tsc"), "--project", project)).toBe("");
  });

  test.each([
    ["redis://localhost", "ioredis"],
    ["amqp://localhost", "amqplib"],
    ["postgres://localhost/db", "pg"],
  ])("a broker at %s without its client library says to install %s", (brokerUrl, client) => {
    const program = `import { Lovage } from "lovage";
      const app = new Lovage("a", { brokerUrl: "${brokerUrl}", resultBackend: null });
      await app.task("t", () => 1).delay().catch((error) => console.log(error.code, error.message));`;
    expect(run("--input-type=module", "--eval", program)).toMatch(
      new RegExp(`^package_missing .*npm install ${client}$`),
    );
  });

  test("its command answers", () => {
    const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { version: string };
    expect(run(join(project, "node_modules/lovage/bin/lovage.js"), "--version")).toContain(version);
  });

  test("publint finds nothing to say against it", () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(REPOSITORY, "node_modules/publint/src/cli.js"), join(project, "node_modules/lovage"), "--strict"],
      { encoding: "utf8" },
    );
    expect(stdout).toContain("All good!");
    expect(status).toBe(0);
  });
});

function dependencies(): string[] {
  const manifest = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { dependencies: object };
  return Object.keys(manifest.dependencies);
}

function linkInstalled(name: string): void {
  const path = join(project, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(REPOSITORY, "node_modules", name), path);
}

function npm(...args: string[]): string {
  return execFileSync("npm", args, { cwd: PACKAGE, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

/** Standard output of a Node program in the user's project; fails with what it said when it fails. */
function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
  return stdout.trim();
}
