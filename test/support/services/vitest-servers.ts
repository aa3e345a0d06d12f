import type { TestProject } from "vitest/node";
import { installMissing, prepareEnvironment } from "./environment.js";
import { needsOf } from "./needs.js";

/**
 * Before the first test of a run: what its files need is installed, started and put into the environment, which all test
 * processes inherit. A run of files that need nothing starts nothing.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { vitest } = project;
  const specifications = await vitest.globTestSpecifications(filters(vitest));
  const { shared, own } = needsOf(specifications.map(({ moduleId }) => moduleId));
  const say = (line: string): void => console.error(`services: ${line}`);
  await installMissing([...own], say);
  const environment = await prepareEnvironment(shared, say);
  Object.assign(process.env, environment.variables);
  return () => environment.close();
}

/** The command line's names of files. Vitest has them in a property that is not in its types; without it, all files count. */
function filters(vitest: TestProject["vitest"]): string[] {
  const patterns: unknown = Reflect.get(vitest, "filenamePattern");
  return Array.isArray(patterns) ? patterns.map(String) : [];
}
