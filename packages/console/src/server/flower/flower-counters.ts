import type { ConsoleParts, HeardEvent } from "../parts.js";

/** Workers and types of events counted at most: names come from anybody. */
const MOST_WORKERS = 5000;
const MOST_TYPES = 50;
const VITALS = ["pid", "freq", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys"] as const;

interface WorkerNews {
  readonly counts: Map<string, number>;
  vitals: Readonly<Record<string, unknown>>;
  clock: number;
  readonly heartbeats: number[];
}

/** What `GET /workers?json=1` shows: events by type and the last heartbeats of each worker, since the console began. */
export class FlowerCounters {
  readonly #workers = new Map<string, WorkerNews>();

  constructor(ingest: Pick<ConsoleParts["ingest"], "onEvent">) {
    ingest.onEvent((event) => this.#count(event));
  }

  /** One entry a worker that the fleet still knows. */
  rows({ fleet }: Pick<ConsoleParts, "fleet">): readonly Readonly<Record<string, unknown>>[] {
    return fleet.list({ offline: true }).map(({ name, status }) => {
      const news = this.#workers.get(name);
      return {
        hostname: name,
        ...news?.vitals,
        ...(news && { clock: news.clock, heartbeats: news.heartbeats, ...Object.fromEntries(news.counts) }),
        status: status === "online",
      };
    });
  }

  #count({ type, hostname, timestamp, fields }: HeardEvent): void {
    // Senders are no workers.
    if (type === "task-sent") return;
    const news = this.#newsOf(hostname);
    if (!news) return;
    if (news.counts.has(type) || news.counts.size < MOST_TYPES) news.counts.set(type, (news.counts.get(type) ?? 0) + 1);
    if (typeof fields.clock === "number") news.clock = fields.clock;
    if (!type.startsWith("worker-")) return;
    news.vitals = Object.fromEntries(
      VITALS.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
    );
    news.heartbeats.push(timestamp);
    // Celery keeps four.
    if (news.heartbeats.length > 4) news.heartbeats.shift();
  }

  #newsOf(name: string): WorkerNews | undefined {
    const known = this.#workers.get(name);
    if (known || this.#workers.size >= MOST_WORKERS) return known;
    const news: WorkerNews = { counts: new Map(), vitals: {}, clock: 0, heartbeats: [] };
    this.#workers.set(name, news);
    return news;
  }
}
