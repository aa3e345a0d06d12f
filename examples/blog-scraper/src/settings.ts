import { fileURLToPath } from "node:url";

/** Where the sample blog is served if it can be: its posts keep their addresses, so a second run updates them. */
export const SAMPLE_BLOG_PORT = 4011;
/** Where the pages of posts are. */
export const PAGES_PORT = 4010;

/** What the example reads from its environment, once. The pool's processes inherit it from the worker. */
export interface Settings {
  /** `LOVAGE_BROKER_URL`: the one to change for another broker. */
  readonly brokerUrl: string;
  /** `LOVAGE_RESULT_BACKEND`; without it, results are where the messages are, and come over RabbitMQ to the one who sent the task. */
  readonly resultBackend: string;
  /** Where the console keeps what it has seen. `LOVAGE_CONSOLE_STORE` */
  readonly consoleStore: string;
  /** Where posts are kept: a SQLite file or a PostgreSQL database. `BLOG_SCRAPER_STORE`, or `DATABASE_URL` */
  readonly store: string;
  /** The blog that the job's form begins with. `BLOG_SCRAPER_BLOG`; without it, the bundled one */
  readonly blog: string;
  /** Address of the pages of posts, for links to them. `BLOG_SCRAPER_PAGES` */
  readonly pagesUrl: string;
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
    consoleStore: env.LOVAGE_CONSOLE_STORE ?? `sqlite:${folder}/console.db`,
    store: env.BLOG_SCRAPER_STORE ?? env.DATABASE_URL ?? `sqlite:${folder}/blog.db`,
    blog: env.BLOG_SCRAPER_BLOG ?? `http://127.0.0.1:${SAMPLE_BLOG_PORT}/`,
    pagesUrl: env.BLOG_SCRAPER_PAGES ?? `http://127.0.0.1:${PAGES_PORT}/`,
    contact: env.BLOG_SCRAPER_CONTACT,
  };
}
