import { EventReceiver, type Lovage } from "lovage";
import type { TaskList } from "./task-list.js";
import type { TaskState } from "./task-row.js";

/** What events of Lovage's workers (and Celery's) say of a task's state. One that a worker has received still waits there. */
const STATES: Readonly<Record<string, TaskState>> = {
  "task-received": "PENDING",
  "task-started": "STARTED",
  "task-succeeded": "SUCCESS",
  "task-failed": "FAILURE",
  "task-revoked": "REVOKED",
};
/** Characters of a result or an error that are shown. */
const MOST_TEXT = 200;

/** Keeps the list of tasks in step with what workers say. */
export class EventWatch {
  readonly #receiver: EventReceiver;

  private constructor(app: Lovage, taskName: string, list: TaskList, broadcast: BroadcastOf) {
    this.#receiver = new EventReceiver({
      broadcast,
      onEvent: ({ type, fields, known }) => {
        const { uuid: id, name } = fields;
        // Anybody may publish events: only what looks like one of ours is taken.
        if (typeof id !== "string" || !/^[\w-]{1,64}$/.test(id)) return;
        // One that another program sent, or that an earlier run of this one left in the queue.
        if (type === "task-received" && name === taskName) list.add(id, "…");
        if (!list.find(id)) return;
        const state = STATES[type];
        if (state) list.hear({ id, state });
        if (known?.type === "task-progress") list.hear({ id, step: known.current });
        if (state === "SUCCESS" || state === "FAILURE") void this.#fetchEnd(app, list, id);
      },
    });
  }

  /** Resolves once it listens. */
  static async start(app: Lovage, taskName: string, list: TaskList): Promise<EventWatch> {
    const watch = new EventWatch(app, taskName, list, (await app.direct.broker()).broadcast);
    await watch.#receiver.start();
    return watch;
  }

  async stop(): Promise<void> {
    await this.#receiver.stop();
  }

  /** Events carry results and errors as Python would print them; the values themselves are in the result backend. */
  async #fetchEnd(app: Lovage, list: TaskList, id: string): Promise<void> {
    const tell = (text: string): void => list.hear({ id, text: text.slice(0, MOST_TEXT) });
    try {
      tell(String(await app.asyncResult(id).get({ timeout: 5 })));
    } catch (error) {
      // The task's own error, or why there is no answer.
      tell(error instanceof Error ? error.message : String(error));
    }
  }
}

type BroadcastOf = ConstructorParameters<typeof EventReceiver>[0]["broadcast"];
