import type { Greeting } from "./answers.js";
import type { KeptProcess } from "./keeper.js";
import type { Account } from "./programs.js";

export const SERVER_KINDS = ["redis", "amqp", "postgres"] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

export interface ServerOptions {
  /** Whether what the server has confirmed outlives a power cut, at the price of a flush each. RabbitMQ always does. */
  readonly durable: boolean;
  /** Settings of the server's own, by its own names: `maxmemory`, `max_connections`, `vm_memory_high_watermark.absolute`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A place for a server: its own folder, and ports that were free. */
export interface Site {
  readonly folder: string;
  readonly ports: Ports;
  /** Whose processes they will be; the folder belongs to that account. */
  readonly account: Account | undefined;
}

export interface Ports {
  readonly main: number;
  /** The management API. */
  readonly management: number;
  /** What only the server itself uses. */
  readonly inner: readonly [number, number];
}

/** What differs from one kind of server to the next. */
export interface ServerType {
  readonly kind: ServerKind;
  /** As people call it. */
  readonly title: string;
  /** Debian's packages that bring it. */
  readonly packages: readonly string[];
  /** The account that Debian's package makes for it. */
  readonly account: string;
  /** The service in deploy/compose.yaml that names its image. */
  readonly service: string;
  /** The programs of it that are installed; undefined when one is missing. */
  findPrograms(): Readonly<Record<string, string>> | undefined;
  /** Writes what the server needs before its first start. */
  prepare(programs: Readonly<Record<string, string>>, site: Site, options: ServerOptions): Promise<void>;
  processes(programs: Readonly<Record<string, string>>, site: Site, options: ServerOptions): readonly KeptProcess[];
  /** What its container needs besides the image: its port within, options of `docker run`, and its command. */
  container(options: ServerOptions): Container;
  url(port: number): string;
  managementUrl?(port: number): string;
  readonly greeting: Greeting;
}

export interface Container {
  readonly port: number;
  readonly managementPort?: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}
