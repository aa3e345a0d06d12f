import { Command } from "commander";
import type { CommandMaker } from "./command-maker.js";
import { optionsOf } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson } from "./output.js";
import { formatTable, paint } from "./table.js";
import { addTargetOptions, controlOf, nobodyAnswered, type TargetOptions } from "./target-options.js";

const HELP_AFTER = `
Examples:
  lovage status
  lovage status --broker sqlite:shop.db --timeout 3 --json

Exit code 69 when no worker answered.`;

/** `lovage status`: which workers are there. */
export const statusCommand: CommandMaker = () =>
  addTargetOptions(new Command("status"))
    .description("list the workers that answer a ping")
    .addHelpText("after", HELP_AFTER)
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<TargetOptions>(command);
      await withApp(options, async (app) => {
        const nodes = await controlOf(app, options).ping();
        if (options.json) printJson({ online: nodes });
        if (nodes.length === 0) throw nobodyAnswered(options);
        if (options.json) return;
        const columns = [
          { title: "WORKER", value: (node: string) => node },
          { title: "STATE", value: () => "online" },
        ];
        print(formatTable(columns, nodes));
        print(paint("green", `\n${nodes.length} ${nodes.length === 1 ? "worker" : "workers"} online`));
      });
    });
