import { BrokerError, type Lovage, ValidationError } from "lovage";
import { type SendOptions, type TaskCall, validateInput } from "lovage/internal";
import { ApiError } from "../route.js";

/** A call of a task, with where it is to go. */
export interface TaskToSend extends Omit<TaskCall, "options"> {
  readonly options: SendOptions & { readonly taskId: string };
}

/**
 * Sends tasks for the console: those of the app and those it knows by name only. Nothing is sent that the task's own schema refuses.
 */
export class TaskSender {
  readonly #app: Lovage;

  constructor(app: Lovage) {
    this.#app = app;
  }

  /**
   * Checks arguments by the task's own schema, where it is registered in the app. Throws an `ApiError` (400, `validation`) whose
   * `errors` name the members by their path under `place`: `kwargs.images[0].width`.
   */
  async check(call: Pick<TaskCall, "name" | "args" | "kwargs">, place = "kwargs"): Promise<void> {
    const task = this.#app.findTask(call.name);
    if (!task) return;
    const named = Object.keys(call.kwargs);
    if (!task.input) {
      if (named.length > 0) throw invalidInput(call.name, place, "takes positional arguments only");
      return;
    }
    // The result of a caller arrives as the one positional argument: such a task may be sent again.
    const asArgument = call.args.length === 1 && named.length === 0;
    if (call.args.length > 0 && !asArgument) {
      throw invalidInput(call.name, "args", "takes one object, as keyword arguments");
    }
    await this.#validate(
      task.input,
      asArgument ? call.args[0] : call.kwargs,
      call.name,
      asArgument ? "args[0]" : place,
    );
  }

  async #validate(
    schema: Parameters<typeof validateInput>[0],
    value: unknown,
    name: string,
    place: string,
  ): Promise<void> {
    try {
      await validateInput(schema, value, name);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      const errors = error.issues.map(({ path, message }) => ({ path: joinPath(place, path), message }));
      throw new ApiError(400, "validation", error.message, { errors, cause: error });
    }
  }

  /** Sends it, once; resolves when the broker holds it. Throws what `app.send` throws. */
  async send({ name, args, kwargs, options: asked }: TaskToSend): Promise<void> {
    const call: TaskCall = { name, args, kwargs, options: asked };
    const { queue } = asked;
    try {
      await this.#app.send(call);
    } catch (error) {
      // Somebody else's queue, declared with arguments that only they know (a TTL, levels of priority): it is there, so publish to it.
      const isTheirs = error instanceof BrokerError && MISMATCHES.has(error.code);
      if (!isTheirs || queue === undefined) throw error;
      const { queue: _theirs, ...options } = call.options;
      await this.#app.send({ ...call, options: { ...options, exchange: "", routingKey: queue } });
    }
  }
}

/** A queue, or its exchange, is there with other properties than it was declared with here. */
const MISMATCHES: ReadonlySet<string> = new Set(["queue_mismatch", "exchange_mismatch"]);

function invalidInput(task: string, path: string, message: string): ApiError {
  return new ApiError(400, "validation", `${task} ${message}`, { errors: [{ path, message }] });
}

function joinPath(place: string, path: string): string {
  if (path === "") return place;
  return path.startsWith("[") ? `${place}${path}` : `${place}.${path}`;
}
