import { postgres } from "./postgres.js";
import { rabbitmq } from "./rabbitmq.js";
import { redis } from "./redis.js";
import type { ServerKind, ServerType } from "./server-type.js";

/** Every kind of server that tests are run on. */
export const SERVER_TYPES: Readonly<Record<ServerKind, ServerType>> = { redis, amqp: rabbitmq, postgres };
