import { fileURLToPath } from "node:url";

/** What the example reads from its environment, once. The pool's processes inherit it from the worker. */
export interface Settings {
  /** Where the example keeps its file. `HANDSON_DATA` */
  readonly folder: string;
  /** `LOVAGE_BROKER_URL`: the one to change for another broker. */
  readonly brokerUrl: string;
  /** `LOVAGE_RESULT_BACKEND`; without it, results are where the messages are, and come over RabbitMQ to the one who sent the task. */
  readonly resultBackend: string;
  /** Seconds that a report takes. `HANDSON_SECONDS` */
  readonly reportSeconds: number;
}

const REPORT_SECONDS = 10;

/** Reads the settings. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  // Beside src and dist.
  const folder = env.HANDSON_DATA ?? fileURLToPath(new URL("../.lovage", import.meta.url));
  const brokerUrl = env.LOVAGE_BROKER_URL ?? `sqlite:${folder}/handson.db`;
  const seconds = Number(env.HANDSON_SECONDS);
  return {
    folder,
    brokerUrl,
    resultBackend: env.LOVAGE_RESULT_BACKEND ?? (/^amqps?:/.test(brokerUrl) ? "rpc://" : brokerUrl),
    reportSeconds: seconds > 0 && seconds <= 3600 ? seconds : REPORT_SECONDS,
  };
}
