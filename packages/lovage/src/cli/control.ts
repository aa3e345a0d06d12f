import { Command } from "commander";
import type { CommandMaker } from "./command-maker.js";
import { usageError } from "./exit-codes.js";
import { type RemoteCommand, remoteCommand } from "./remote-command.js";

/** Source of names and arguments: celery-protocol 9.4. */
const COMMANDS: readonly RemoteCommand[] = [
  {
    name: "revoke",
    usage: "<ids...>",
    description: "keep tasks from running",
    options: [
      ["--terminate", "end them also when they run already"],
      ["--signal <name>", "the signal their process gets"],
    ],
    args: (ids, { terminate, signal }) => ({
      task_id: ids,
      terminate: terminate === true,
      signal: signal ?? "SIGTERM",
    }),
  },
  {
    name: "terminate",
    usage: "<signal> <ids...>",
    description: "end tasks with a signal, as in: terminate SIGKILL ID",
    args: ([signal, ...ids]) => ({ signal, task_id: ids }),
  },
  {
    name: "revoke_by_stamped_headers",
    usage: "<stamps...>",
    description: "keep tasks from running that carry a stamp, given as name=value",
    options: [
      ["--terminate", "end them also when they run already"],
      ["--signal <name>", "the signal their process gets"],
    ],
    args: (headers, { terminate, signal }) => ({ headers, terminate: terminate === true, signal: signal ?? "SIGTERM" }),
  },
  {
    name: "rate_limit",
    usage: "<task> <rate>",
    description: "limit how often a task begins on each worker: 10/s, 100/m, 1000/h; 0 lifts the limit",
    args: ([task, rate]) => ({ task_name: task, rate_limit: rate === "0" ? 0 : rate }),
  },
  {
    name: "time_limit",
    usage: "<task> <soft> [hard]",
    description: "limit how long a task runs, in seconds; 0 for no limit",
    args: ([task, soft, hard]) => ({ task_name: task, soft: limit(soft), hard: limit(hard) }),
  },
  {
    name: "pool_grow",
    usage: "[count]",
    description: "add slots",
    args: ([count]) => ({ n: whole(count ?? "1", "count") }),
  },
  {
    name: "pool_shrink",
    usage: "[count]",
    description: "remove slots; those that are busy go when their task ends",
    args: ([count]) => ({ n: whole(count ?? "1", "count") }),
  },
  {
    name: "pool_restart",
    description: "replace all processes or threads, each when its task ends: they load the app's code anew",
    args: () => ({ modules: null, reload: false, reloader: null }),
  },
  {
    name: "autoscale",
    usage: "<max> <min>",
    description: "change the sizes between which the pool is kept",
    args: ([max, min]) => ({ max: whole(max, "max"), min: whole(min, "min") }),
  },
  {
    name: "add_consumer",
    usage: "<queue> [exchange] [type] [routing-key]",
    description: "consume a queue too",
    args: ([queue, exchange, type, key]) => ({
      queue,
      exchange: exchange ?? null,
      exchange_type: type ?? "direct",
      routing_key: key ?? null,
    }),
  },
  {
    name: "cancel_consumer",
    usage: "<queue>",
    description: "consume a queue no longer",
    args: ([queue]) => ({ queue }),
  },
  { name: "enable_events", description: "have workers send task events" },
  { name: "disable_events", description: "have workers send no task events" },
  { name: "heartbeat", description: "have workers send a heartbeat event now" },
  {
    name: "shutdown",
    description: "stop workers: they finish what runs and give back the rest",
    options: [["--cold", "end what runs, and give it back too"]],
    args: (_, { cold }) => (cold === true ? { cold } : {}),
    silent: true,
  },
];

const EXAMPLES = `
Examples:
  lovage control revoke 0b9f0c6e-5f0e-4a53-9c0a-3d6f3f0a9f10 --terminate
  lovage control rate_limit shop.resize 10/m
  lovage control pool_grow 2 -d lovage@web1
  lovage control add_consumer images
  lovage control shutdown

What is changed holds until the worker ends. Exit code 69 when no worker answered, 1 when one of them refused.`;

/** `lovage control`: orders to workers. */
export const controlCommand: CommandMaker = (report) => {
  const group = new Command("control").description("tell workers what to do").addHelpText("after", EXAMPLES);
  for (const each of COMMANDS) group.addCommand(remoteCommand(each, report));
  return group;
};

function whole(text: string | undefined, name: string): number {
  if (text !== undefined && /^\d{1,6}$/.test(text) && Number(text) >= 1) return Number(text);
  throw usageError(`${name} is a whole number from 1 on; got ${text}`);
}

/** Seconds; 0 means none. */
function limit(text: string | undefined): number | null {
  if (text === undefined || text === "0") return null;
  const seconds = Number(text);
  if (text.trim() !== "" && Number.isFinite(seconds) && seconds > 0) return seconds;
  throw usageError(`a limit is a number of seconds; got ${text}`);
}
