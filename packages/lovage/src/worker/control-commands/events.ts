import { type CommandContext, type ControlCommands, NO_REPLY, ok } from "./command.js";

/** Source: celery-protocol 8.4 and 9.4. */
export const EVENT_COMMANDS: ControlCommands = {
  enable_events: { run: (context) => switchEvents(context, true) },
  disable_events: { run: (context) => switchEvents(context, false) },
  heartbeat: {
    run: async ({ worker }) => {
      await worker.parts.heartbeat.beat();
      return null;
    },
  },
  // Taking part needs a list of live peers and two rounds of events; a worker that keeps silent loses no election it is in.
  election: { run: () => NO_REPLY },
};

function switchEvents({ worker }: CommandContext, on: boolean): object {
  const word = on ? "enabled" : "disabled";
  const changed = worker.parts.events.setTaskEvents(on);
  if (changed) worker.logger.info(`task events ${word} by remote control`);
  return ok(changed ? `task events ${word}` : `task events already ${word}`);
}
