/** One thing wrong; `file` is relative to the sources' root. */
export interface ImportProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}
/** Which parts a package's sources have, and which may import which. */
export interface ImportRules {
  /** Of the package, in the repository. */
  readonly folder: string;
  readonly parts: readonly { readonly part: string; readonly is: RegExp; readonly sees: readonly string[] | string }[];
  /** Packages that only some files may load. */
  readonly packages: readonly { readonly name: string; readonly in: RegExp; readonly because: string }[];
  /** Files whose packages are built into them. */
  readonly bundled?: RegExp;
}
export const LIBRARY: ImportRules;
export const CONSOLE: ImportRules;
/** Everything wrong in the sources under `root`; `dependencies` are the packages they may import. */
export function checkImports(
  root: string,
  options: Pick<ImportRules, "parts" | "packages" | "bundled"> & { readonly dependencies: readonly string[] },
): ImportProblem[];
