import { Command } from "commander";
import type { CommandMaker } from "./command-maker.js";
import { type RemoteCommand, remoteCommand } from "./remote-command.js";

/** Source of names and arguments: celery-protocol 9.3. */
const COMMANDS: readonly RemoteCommand[] = [
  {
    name: "active",
    description: "tasks that run",
    options: [["--safe", "arguments as texts"]],
    args: (_, { safe }) => ({ safe: safe === true }),
  },
  { name: "reserved", description: "tasks that wait in the workers" },
  { name: "scheduled", description: "tasks that wait for their ETA" },
  {
    name: "query_task",
    usage: "<ids...>",
    description: "where tasks are, by id",
    args: (ids) => ({ ids }),
  },
  { name: "revoked", description: "ids of tasks that will not be run" },
  {
    name: "registered",
    usage: "[attributes...]",
    description: "tasks that the workers know, with attributes such as rate_limit or max_retries",
    options: [["--builtins", "Celery's own tasks too"]],
    args: (taskinfoitems, { builtins }) => ({ taskinfoitems, ...(builtins === true && { builtins }) }),
  },
  { name: "stats", description: "counts, pool, slots, memory" },
  { name: "active_queues", description: "queues that the workers consume" },
  {
    name: "conf",
    description: "settings, secrets masked",
    options: [["--with-defaults", "those that have not been set too"]],
    args: (_, { withDefaults }) => ({ with_defaults: withDefaults === true }),
  },
  { name: "report", description: "versions, platform and settings" },
  { name: "ping", description: "are the workers there?" },
  { name: "clock", description: "the workers' logical clocks" },
  { name: "memsample", description: "memory of the workers' main processes" },
];

const EXAMPLES = `
Examples:
  lovage inspect active
  lovage inspect stats -d lovage@web1 --json
  lovage inspect query_task 0b9f0c6e-5f0e-4a53-9c0a-3d6f3f0a9f10
  lovage inspect registered rate_limit --timeout 3

Exit code 69 when no worker answered, 1 when one of them refused.`;

/** `lovage inspect`: questions to workers, which change nothing. */
export const inspectCommand: CommandMaker = (report) => {
  const group = new Command("inspect").description("ask workers what they are doing").addHelpText("after", EXAMPLES);
  for (const each of COMMANDS) group.addCommand(remoteCommand(each, report));
  return group;
};
