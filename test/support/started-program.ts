import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface StartedProgram {
  readonly child: ChildProcess;
  /** Its exit code and all it said. */
  readonly exit: Promise<{ readonly code: unknown; readonly output: string }>;
  /** Resolves with the match as soon as the output holds one; rejects when the program ends without. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

/**
 * Starts the whole of an example's `npm start` as a process, from source; it needs the library built, as `npm test` does first.
 * @param main its `src/main.ts`
 * @param env added to the environment
 */
export function startProgram(
  main: URL,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): StartedProgram {
  const child = spawn(process.execPath, ["--import", "tsx", fileURLToPath(main), ...args], {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const seen = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    for (const look of seen) look();
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const exit = once(child, "close").then(([code]: unknown[]) => ({ code, output }));
  const says = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(output);
        if (match !== null) resolve(match);
      };
      seen.add(look);
      look();
      void exit.then(() => reject(new Error(`it ended without saying ${pattern}:\n${output}`)));
    });
  return { child, exit, says };
}
