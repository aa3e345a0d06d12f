/** One run of `faults.append`, as the task itself wrote it down outside of any broker. */
export interface Run {
  readonly worker: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** Runs by the task's own id, in the order in which they were written down. A line is `id worker milliseconds`. */
export function parseRuns(lines: readonly string[]): Map<string, Run[]> {
  const runs = new Map<string, Run[]>();
  for (const line of lines) {
    const [id = "", worker = "", at = "0"] = line.split(" ");
    const known = runs.get(id);
    const run = { worker, at: Number(at) };
    if (known) known.push(run);
    else runs.set(id, [run]);
  }
  return runs;
}
