/**
 * The names of what Celery's Redis result backend keeps. Source: celery-protocol 5.3.
 * A result's key is also the channel on which it is published, the same for all databases of a server.
 */
export class ResultKeys {
  readonly #prefix: string;

  /** @param globalKeyPrefix Celery's `global_keyprefix`: an underscore follows it unless it ends in one of `: _ - .` */
  constructor(globalKeyPrefix: string) {
    this.#prefix = globalKeyPrefix === "" || /[:_.-]$/.test(globalKeyPrefix) ? globalKeyPrefix : `${globalKeyPrefix}_`;
  }

  task(id: string): string {
    return `${this.#prefix}celery-task-meta-${id}`;
  }
  group(id: string): string {
    return `${this.#prefix}celery-taskset-meta-${id}`;
  }
  /** The set of a chord's parts that have been counted. Ours: Celery's own counters end in `.j`, `.t` and `.s`. */
  parts(groupId: string): string {
    return `${this.group(groupId)}.parts`;
  }
}
