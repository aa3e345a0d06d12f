import { HELP, parseOptions } from "./options.js";
import { runProgram } from "./program.js";
import { StopSignals } from "./stop-signals.js";

/** Exit codes: 0 the job is done, 1 it failed, 2 the command line is wrong, 130 or 143 stopped by a signal while it ran. */
const WRONG_USAGE = 2;

const parsed = parseOptions(process.argv.slice(2));
if (parsed.kind === "help") {
  process.stdout.write(HELP);
} else if (parsed.kind === "wrong") {
  process.stderr.write(
    `${parsed.problems.map((problem) => `blog-scraper: ${problem}\n`).join("")}\nnpm start -- --help  lists all options.\n`,
  );
  process.exitCode = WRONG_USAGE;
} else {
  const signals = new StopSignals(process);
  try {
    process.exitCode = await runProgram(parsed.options, { terminal: process.stdout, env: process.env, signals });
  } catch (error) {
    process.stderr.write(`blog-scraper: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    signals.close();
  }
}
