import { fileURLToPath } from "node:url";

/** What the example reads from its environment, once. The pool's processes inherit it from the worker. */
export interface Settings {
  /** `LOVAGE_BROKER_URL`: the one to change for another broker. */
  readonly brokerUrl: string;
  /** `LOVAGE_RESULT_BACKEND`; without it, results are where the messages are, and come over RabbitMQ to the one who sent the task. */
  readonly resultBackend: string;
  /** Where jobs, runs and posts are kept: a SQLite file or a PostgreSQL database. `BLOG_SCRAPER_STORE`, or `DATABASE_URL` */
  readonly store: string;
  /** How a blog's owner can reach whoever runs this; sent with every request. `BLOG_SCRAPER_CONTACT` */
  readonly contact: string | undefined;
}

/** The folder of the example's files, beside `src` and `dist`. */
const DATA_FOLDER = fileURLToPath(new URL("../.lovage", import.meta.url));

/** Reads the settings. `BLOG_SCRAPER_DATA` moves all files of the example to another folder. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const folder = env.BLOG_SCRAPER_DATA ?? DATA_FOLDER;
  const brokerUrl = env.LOVAGE_BROKER_URL ?? `sqlite:${folder}/queue.db`;
  return {
    brokerUrl,
    resultBackend: env.LOVAGE_RESULT_BACKEND ?? (/^amqps?:/.test(brokerUrl) ? "rpc://" : brokerUrl),
    store: env.BLOG_SCRAPER_STORE ?? env.DATABASE_URL ?? `sqlite:${folder}/blog.db`,
    contact: env.BLOG_SCRAPER_CONTACT,
  };
}
