import type { Command } from "commander";
import type { ExitCode } from "./exit-codes.js";

/** Makes one command; its action calls `report` when it ends with something else than 0, and throws for errors. */
export type CommandMaker = (report: (code: ExitCode) => void) => Command;
