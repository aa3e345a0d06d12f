import type { ControlCommand, ControlCommands } from "./command.js";
import { EVENT_COMMANDS } from "./events.js";
import { INFORMATION_COMMANDS } from "./information.js";
import { LIFECYCLE_COMMANDS } from "./lifecycle.js";
import { LIMIT_COMMANDS } from "./limits.js";
import { POOL_COMMANDS } from "./pool-size.js";
import { QUEUE_COMMANDS } from "./queues.js";
import { REVOCATION_COMMANDS } from "./revocation.js";
import { TASK_COMMANDS } from "./tasks.js";

const COMMANDS: ControlCommands = {
  ...INFORMATION_COMMANDS,
  ...TASK_COMMANDS,
  ...QUEUE_COMMANDS,
  ...REVOCATION_COMMANDS,
  ...LIMIT_COMMANDS,
  ...POOL_COMMANDS,
  ...EVENT_COMMANDS,
  ...LIFECYCLE_COMMANDS,
};

/** Celery's older names. Source: celery-protocol 9.3. */
const ALIASES: Readonly<Record<string, string>> = {
  dump_active: "active",
  dump_reserved: "reserved",
  dump_schedule: "scheduled",
  dump_revoked: "revoked",
  dump_tasks: "registered",
  dump_conf: "conf",
};

/** The command of that name, or undefined. */
export function findCommand(name: string): ControlCommand | undefined {
  const known = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  return known !== undefined && Object.hasOwn(COMMANDS, known) ? COMMANDS[known] : undefined;
}
