import type { Worker } from "../worker.js";
import { type CommandContext, type ControlCommands, NO_REPLY } from "./command.js";

/** Source: celery-protocol 9.4 and 10.1. */
export const LIFECYCLE_COMMANDS: ControlCommands = {
  hello: { required: ["from_node"], run: hello },
  shutdown: { run: shutdown },
};

/** Another worker starts: the two tell each other which tasks are revoked. */
function hello({ worker, args }: CommandContext): object | null {
  if (args.text("from_node") === worker.hostname) return null;
  addRevoked(worker, args.raw("revoked"));
  return { revoked: revokedForOthers(worker), clock: worker.lamport.value };
}

/** Takes over what another worker holds revoked: `{id: [when, id]}` or `{id: when}`; the times mean nothing here. */
export function addRevoked(worker: Worker, revoked: unknown): void {
  if (typeof revoked !== "object" || revoked === null || Array.isArray(revoked)) return;
  for (const id of Object.keys(revoked)) if (!worker.parts.revoked.has(id)) worker.parts.revoked.add(id);
}

/** `{id: [when, id]}`. Python takes the numbers only with a fraction, so they always have one. Source: celery-protocol 10.1. */
export function revokedForOthers(worker: Worker): Readonly<Record<string, readonly [number, string]>> {
  const now = Math.floor(worker.clock.now().getTime() / 1000) + 0.5;
  return Object.fromEntries(worker.parts.revoked.list().map((id) => [id, [now, id]]));
}

/** Warm; with `cold: true`, an argument of ours, cold. */
function shutdown({ worker, args, background }: CommandContext): typeof NO_REPLY {
  const cold = args.flag("cold");
  worker.logger.warn(`${cold ? "cold" : "warm"} shutdown by remote control`);
  background("shutdown", cold ? worker.abort() : worker.stop());
  return NO_REPLY;
}
