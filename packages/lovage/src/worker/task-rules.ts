import type { TaskMessage } from "../protocol/task-message.js";
import type { TimeLimits } from "../request-of.js";
import type { Settings } from "../settings.js";
import type { TaskDefinition } from "../task.js";

/** What holds for the tasks of a name on this worker: what the message asks, else remote control, else the task, else the settings. */
export class TaskRules {
  readonly #settings: Settings;
  /** Set by the remote control command `time_limit`, until this worker ends. */
  readonly #timeLimits = new Map<string, TimeLimits>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  setTimeLimits(task: string, limits: TimeLimits): void {
    this.#timeLimits.set(task, limits);
  }

  /** Whether remote control has set this task's time limits. */
  hasOrderedTimeLimits(task: string): boolean {
    return this.#timeLimits.has(task);
  }

  timeLimits({ name, options }: TaskDefinition, asked?: TaskMessage["timeLimit"]): TimeLimits {
    const ordered = this.#timeLimits.get(name);
    return {
      hard: asked?.hard ?? (ordered ? ordered.hard : (options.timeLimit ?? this.#settings.taskTimeLimit)),
      soft: asked?.soft ?? (ordered ? ordered.soft : (options.softTimeLimit ?? this.#settings.taskSoftTimeLimit)),
    };
  }

  acksLate({ options }: TaskDefinition): boolean {
    return options.acksLate ?? this.#settings.taskAcksLate;
  }
  acksOnFailureOrTimeout({ options }: TaskDefinition): boolean {
    return options.acksOnFailureOrTimeout ?? this.#settings.taskAcksOnFailureOrTimeout;
  }
  rejectOnWorkerLost({ options }: TaskDefinition): boolean {
    return options.rejectOnWorkerLost ?? this.#settings.taskRejectOnWorkerLost;
  }
  trackStarted({ options }: TaskDefinition): boolean {
    return options.trackStarted ?? this.#settings.taskTrackStarted;
  }
  sendsEvents({ options }: TaskDefinition): boolean {
    return options.sendEvents ?? true;
  }
  ignoresResult({ options }: TaskDefinition, message: TaskMessage): boolean {
    return message.ignoreResult ?? options.ignoreResult ?? this.#settings.taskIgnoreResult;
  }
  storesErrors(definition: TaskDefinition, message: TaskMessage): boolean {
    const evenIfIgnored = definition.options.storeErrorsEvenIfIgnored ?? this.#settings.taskStoreErrorsEvenIfIgnored;
    return evenIfIgnored || !this.ignoresResult(definition, message);
  }
}
