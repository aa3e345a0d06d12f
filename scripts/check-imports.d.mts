/** One thing wrong; `file` is relative to the sources' root. */
export interface ImportProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}
/** Everything wrong in the sources under `root`; `dependencies` are the packages they may import. */
export function checkImports(root: string, options: { readonly dependencies: readonly string[] }): ImportProblem[];
