import { Command } from "commander";
import type { CommandMaker } from "./command-maker.js";
import { optionsOf } from "./global-options.js";
import { withApp } from "./open-app.js";
import { print, printJson } from "./output.js";

const HELP_AFTER = `
Every program brings its stores up to date when it connects, if its user may. This command is for where only another user may
create tables: run it with that user's URL before a new version is started.

Examples:
  lovage migrate --broker postgres://owner@host/shop --result-backend postgres://owner@host/shop
  lovage migrate --broker postgres://owner@host/shop --result-backend none`;

/** `lovage migrate`: makes what broker and result backend need in their stores. */
export const migrateCommand: CommandMaker = () =>
  new Command("migrate")
    .description("bring the tables of broker and result backend up to date")
    .addHelpText("after", HELP_AFTER)
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf(command);
      await withApp(options, async (app) => {
        await app.direct.broker();
        const results = app.settings.resultBackend !== null;
        if (results) await app.direct.backend();
        const upToDate = results ? ["broker", "result backend"] : ["broker"];
        if (options.json) return printJson({ upToDate });
        print(`up to date: ${upToDate.join(", ")}`);
      });
    });
