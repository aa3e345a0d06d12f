import { runCommandLine } from "./program.js";

// A reader that has gone (`lovage events | head`) is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

process.exitCode = await runCommandLine(process.argv.slice(2));

// Code of a task that was given up may go on in this process (pool `solo`) and must not keep it. By itself this timer keeps nothing.
setTimeout(() => process.exit(), 1000).unref();
