import { Command } from "commander";
import { SOFTWARE } from "../protocol/software.js";
import { reportText, shownSettings } from "../report.js";
import type { CommandMaker } from "./command-maker.js";
import { optionsOf } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson } from "./output.js";

/** `lovage report`: what a bug report needs. */
export const reportCommand: CommandMaker = () =>
  new Command("report")
    .description("show versions, platform and settings for a bug report; secrets are masked")
    .addHelpText("after", "\nExample:\n  lovage report --app ./tasks.ts")
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf(command);
      await withApp(options, async (app) => {
        if (!options.json) return print(reportText(app).trim());
        printJson({
          lovage: SOFTWARE.sw_ver,
          node: process.versions.node,
          platform: process.platform,
          arch: process.arch,
          app: app.name,
          tasks: app.taskNames,
          settings: shownSettings(app.settings, { withDefaults: true }),
        });
      });
    });
