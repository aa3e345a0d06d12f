export { POOL_KINDS, type PoolKind } from "./pools/pool.js";
export { Worker, type WorkerOptions } from "./worker.js";
