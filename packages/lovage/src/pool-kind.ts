/** Where tasks run: child processes, worker threads, one thread's event loop, or the main thread. */
export const POOL_KINDS = ["processes", "threads", "async", "solo"] as const;
export type PoolKind = (typeof POOL_KINDS)[number];
