/**
 * What a task was called with and gave, as a monitor has heard of it: values that JSON can carry. Where only a text of them is known
 * (what Python workers say in events), `args`, `kwargs` and `result` are that text; undefined is not known.
 */
export interface TaskContents {
  readonly name: string;
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly result: unknown;
}

/**
 * Takes out of a task what nobody should see, and returns the rest in the same shape. Called by the console, for every task and before
 * anything is stored or shown; what it throws, or a return value of another shape, hides all three.
 */
export type Redact = (task: TaskContents) => TaskContents;
