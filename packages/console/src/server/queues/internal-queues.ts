/**
 * Queues that programs make for themselves and people need not see: Celery's and kombu's, and Lovage's own.
 * Source of the names: celery-protocol 3.2 (delays), 8.1 (events), 9.1 (pidbox); for RabbitMQ's `amq.*` its own naming rule.
 */
const INTERNAL: readonly RegExp[] = [
  /^celeryev(\.|$)/,
  /\.pidbox$/,
  /^amq\./,
  /^celery_delayed_\d+$/,
  /^celery_delayed_delivery$/,
  /^lovage\.(dead-letters|due|begun|events|control|replies)(\.|$)/,
  /^lovage-due-/,
  // Replies and results of Celery's `rpc://`: queues that are named with nothing but an id.
  /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i,
  /\.reply\.celery\.pidbox$/,
];

/** Whether a queue is nobody's work queue. */
export function isInternalQueue(name: string): boolean {
  return INTERNAL.some((pattern) => pattern.test(name));
}

/** Queues that Lovage itself cannot do without: nobody deletes them from here. */
export function isOurQueue(name: string): boolean {
  return /^lovage[.-]/.test(name) && isInternalQueue(name);
}
