import type { SendOptions, TaskCall } from "./call.js";
import type { RunningTask } from "./current-task.js";
import type { Message } from "./protocol/message.js";
import { encodeTaskMessage } from "./protocol/task-message.js";
import type { Settings } from "./settings.js";
import type { TaskOptions } from "./task.js";
import type { Clock } from "./util/clock.js";

/** What a message is made from. */
export interface MessageSource {
  readonly call: TaskCall;
  readonly id: string;
  /** The registered task's options, where it is registered here. */
  readonly options: TaskOptions;
  readonly settings: Settings;
  /** The task that sends it, if one does. */
  readonly sender: RunningTask | undefined;
  /** As the route settled it. */
  readonly priority: number;
  /** `gen<pid>@<host>`. */
  readonly origin: string;
  readonly clock: Clock;
}

export interface PreparedMessage {
  readonly message: Message;
  readonly eta: Date | undefined;
}

/** The message for a call: its id, family, instants and limits settled, its arguments encoded. */
export function prepareMessage(source: MessageSource): PreparedMessage {
  const { call, id, options, settings, sender, clock } = source;
  const asked = call.options;
  const now = clock.now();
  const eta = etaOf(asked, now);
  const expires = instantOf(asked.expires ?? options.expires, now);
  const message = encodeTaskMessage(
    {
      id,
      task: call.name,
      args: call.args,
      kwargs: call.kwargs,
      embed: {
        callbacks: asked.link ?? null,
        errbacks: asked.linkError ?? null,
        chain: asked.chain ?? null,
        chord: asked.chord ?? null,
      },
      retries: asked.retries ?? 0,
      eta,
      expires,
      group: asked.groupId ?? null,
      groupIndex: asked.groupIndex ?? null,
      rootId: asked.rootId ?? sender?.task.rootId ?? id,
      parentId: asked.parentId ?? sender?.task.id ?? null,
      // The task's own limits are the worker's to apply: only what this call asks for travels.
      timeLimit: { hard: asked.timeLimit ?? null, soft: asked.softTimeLimit ?? null },
      shadow: asked.shadow ?? null,
      origin: source.origin,
      ignoreResult: asked.ignoreResult ?? options.ignoreResult ?? settings.taskIgnoreResult,
      replacedTaskNesting: asked.replacedTaskNesting ?? 0,
      stampedHeaders: asked.stampedHeaders ?? null,
      stamps: asked.stamps ?? {},
      // Where results come to the sender, its gateway fills this in.
      replyTo: asked.replyTo ?? "",
      priority: source.priority,
      headers: asked.headers ?? {},
    },
    { typedValues: settings.taskTypedValues, now },
  );
  return { message, eta };
}

function etaOf({ eta, countdown }: SendOptions, now: Date): Date | undefined {
  // Celery sends no eta for countdown 0.
  return eta ?? (countdown ? new Date(now.getTime() + countdown * 1000) : undefined);
}

function instantOf(expires: number | Date | undefined, now: Date): Date | undefined {
  return typeof expires === "number" ? new Date(now.getTime() + expires * 1000) : expires;
}
