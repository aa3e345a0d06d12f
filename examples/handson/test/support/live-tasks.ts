import { z } from "zod";
import { TASK_STATES } from "../../src/task-row.js";

const Task = z.object({
  id: z.string(),
  city: z.string(),
  state: z.enum(TASK_STATES),
  step: z.number(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  text: z.string().nullable(),
});
export type Task = z.infer<typeof Task>;
const Snapshot = z.object({ tasks: z.array(Task) });
const Changes = z.object({ changed: z.array(Task), gone: z.array(z.string()) });

/** The tasks as a page knows them that listens to the stream. */
export class LiveTasks {
  readonly tasks = new Map<string, Task>();
  /** The states that each task was seen in, in order. */
  readonly seen = new Map<string, string[]>();
  readonly #ending = new AbortController();
  readonly #watchers = new Set<() => void>();
  #snapshots = 0;

  /** Resolves once the whole list has come. */
  static async open(page: string): Promise<LiveTasks> {
    const live = new LiveTasks();
    const response = await fetch(`${page}api/live`, { signal: live.#ending.signal });
    if (!response.body) throw new Error(`there is no stream: ${response.status}`);
    // It ends with `close`, or with the server.
    live.#read(response.body).catch(() => undefined);
    await live.until(() => live.#snapshots > 0);
    return live;
  }

  close(): void {
    this.#ending.abort();
  }

  /** Resolves when the condition holds after a piece of news. */
  async until(holds: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Resolves when all these tasks are in this state. */
  async allAre(state: Task["state"], ids: readonly string[]): Promise<void> {
    await this.until(() => ids.every((id) => this.tasks.get(id)?.state === state));
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#hear(block);
    }
  }

  #hear(block: string): void {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
    const data: unknown = JSON.parse(field("data") ?? "null");
    if (field("event") === "snapshot") {
      this.tasks.clear();
      for (const task of Snapshot.parse(data).tasks) this.#take(task);
      this.#snapshots++;
    } else if (field("event") === "tasks") {
      const { changed, gone } = Changes.parse(data);
      for (const task of changed) this.#take(task);
      for (const id of gone) this.tasks.delete(id);
    }
    for (const look of [...this.#watchers]) look();
  }

  #take(task: Task): void {
    this.tasks.set(task.id, task);
    const states = this.seen.get(task.id) ?? [];
    if (states.at(-1) !== task.state) states.push(task.state);
    this.seen.set(task.id, states);
  }
}
