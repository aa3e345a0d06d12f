/** Fields of a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** A task by name, as both languages' clients here take it. Celery's options under Celery's names; seconds. */
export interface Call {
  readonly name: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Fields;
  readonly task_id?: string;
  readonly queue?: string;
  readonly countdown?: number;
  /** ISO 8601. */
  readonly eta?: string;
  readonly expires?: number;
  readonly priority?: number;
  readonly time_limit?: number;
  readonly soft_time_limit?: number;
  readonly ignore_result?: boolean;
  readonly headers?: Fields;
  readonly shadow?: string;
  readonly link?: readonly CallSignature[];
  readonly link_error?: readonly CallSignature[];
}

/** A callback: called with the result, or with the id of the failed task, and then these arguments. */
export interface CallSignature {
  readonly task: string;
  readonly args?: readonly unknown[];
}

/** How a task ended, as the client's own `AsyncResult.get` tells it. */
export interface Ending {
  readonly state: string;
  readonly value?: unknown;
  readonly error?: {
    /** The error's class, and the module of that class in Python's sense. */
    readonly type: string;
    readonly module: string | null;
    readonly args: readonly unknown[];
  };
  readonly traceback?: string | null;
}

/** What a client of either language can do. */
export interface Client {
  send(call: Call): Promise<string>;
  sendMany(calls: readonly Call[]): Promise<readonly string[]>;
  /** Waits at most so many seconds. */
  get(id: string, timeout?: number): Promise<Ending>;
  getMany(ids: readonly string[]): Promise<readonly Ending[]>;
  call(call: Call): Promise<Ending>;
  /** The state now, without waiting. */
  state(id: string): Promise<string>;
  /** Ids of the tasks that it sent. */
  children(id: string): Promise<readonly string[]>;
  /** Resolves when the worker has taken note. */
  revoke(id: string, node: string, options: { readonly terminate: boolean }): Promise<void>;
}
