import { EXCHANGE_TYPES, type QueueSpec } from "../../brokers/broker.js";
import { ConfigurationError } from "../../errors.js";
import { queueInfo } from "../../protocol/control.js";
import { type CommandArguments, type CommandContext, CommandError, type ControlCommands, ok } from "./command.js";

/** Source: celery-protocol 9.3 and 9.4. */
export const QUEUE_COMMANDS: ControlCommands = {
  active_queues: { run: ({ worker }) => worker.parts.consumer.queues.map(queueInfo) },
  add_consumer: { required: ["queue"], run: addConsumer },
  cancel_consumer: {
    required: ["queue"],
    run: async ({ worker, args }) => {
      const queue = args.text("queue");
      await worker.parts.consumer.remove(queue);
      worker.logger.info(`no longer consuming from ${queue}`);
      return ok(`no longer consuming from ${queue}`);
    },
  },
};

async function addConsumer(context: CommandContext): Promise<object> {
  const { worker, args } = context;
  const queue = queueOf(context, args);
  await worker.parts.consumer.add(queue);
  worker.logger.info(`consuming from ${queue.name}`);
  return ok(`add consumer ${queue.name}`);
}

/** A queue that is configured stays as it is configured; one that is not is made of what was asked. */
function queueOf({ worker }: CommandContext, args: CommandArguments): QueueSpec {
  const name = args.text("queue");
  const exchange = args.optionalText("exchange");
  const routingKey = args.optionalText("routing_key");
  const typeName = args.optionalText("exchange_type") ?? "direct";
  const type = EXCHANGE_TYPES.find((each) => each === typeName);
  if (!type) {
    throw new CommandError("ValueError", `exchange_type must be one of ${EXCHANGE_TYPES.join(", ")}; got ${typeName}`);
  }
  const asked: QueueSpec = { name, exchange: { name: exchange ?? name, type }, routingKey: routingKey ?? name };
  if (exchange !== undefined || routingKey !== undefined || type !== "direct") return asked;
  try {
    return worker.app.router.queue(name);
  } catch (error) {
    // Celery makes it though `task_create_missing_queues` is off: whoever asks for a consumer means it.
    if (error instanceof ConfigurationError) return asked;
    throw error;
  }
}
