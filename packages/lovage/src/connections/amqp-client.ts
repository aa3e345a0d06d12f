import { clientPackage } from "../util/client-package.js";

/** The members we use of amqplib 2, so that its types stay out of ours. */
export interface ClientProperties {
  readonly contentType?: unknown;
  readonly contentEncoding?: unknown;
  readonly headers?: unknown;
  readonly deliveryMode?: unknown;
  readonly priority?: unknown;
  readonly correlationId?: unknown;
  readonly replyTo?: unknown;
  readonly expiration?: unknown;
  readonly messageId?: unknown;
  readonly timestamp?: unknown;
  readonly type?: unknown;
  readonly appId?: unknown;
}
export interface ClientMessage {
  readonly content: Buffer;
  readonly fields: {
    readonly deliveryTag: number;
    readonly redelivered: boolean;
    readonly exchange: string;
    readonly routingKey: string;
  };
  readonly properties: ClientProperties;
}
/** As amqplib takes them: the AMQP basic properties and what else a publish can say. */
export interface ClientPublishOptions {
  mandatory?: boolean;
  contentType?: string;
  contentEncoding?: string;
  headers?: Record<string, unknown>;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  timestamp?: number;
  type?: string;
  appId?: string;
}
export interface ClientQueueOptions {
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments?: Readonly<Record<string, string | number>>;
}
export interface ClientQueue {
  readonly queue: string;
  readonly messageCount: number;
  readonly consumerCount: number;
}
interface Tagged {
  readonly fields: { readonly deliveryTag: number };
}

/** Methods rather than functions: amqplib asks for whole messages where the tag alone is read. */
export interface ClientChannel {
  on(event: "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "drain", listener: () => void): unknown;
  on(event: "return", listener: (message: ClientMessage) => void): unknown;
  on(event: "ack" | "nack", listener: (fields: { deliveryTag: number; multiple: boolean }) => void): unknown;
  close(): Promise<void>;
  assertQueue(queue: string, options?: ClientQueueOptions): Promise<ClientQueue>;
  checkQueue(queue: string): Promise<ClientQueue>;
  deleteQueue(queue: string): Promise<{ readonly messageCount: number }>;
  purgeQueue(queue: string): Promise<{ readonly messageCount: number }>;
  bindQueue(queue: string, source: string, pattern: string): Promise<unknown>;
  unbindQueue(queue: string, source: string, pattern: string): Promise<unknown>;
  assertExchange(exchange: string, type: string, options?: { readonly durable?: boolean }): Promise<unknown>;
  checkExchange(exchange: string): Promise<unknown>;
  bindExchange(destination: string, source: string, pattern: string): Promise<unknown>;
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options?: ClientPublishOptions,
    callback?: (error: unknown) => void,
  ): boolean;
  consume(
    queue: string,
    onMessage: (message: ClientMessage | null) => void,
    options?: { readonly consumerTag?: string; readonly noAck?: boolean },
  ): Promise<{ readonly consumerTag: string }>;
  cancel(consumerTag: string): Promise<unknown>;
  get(queue: string, options?: { readonly noAck?: boolean }): Promise<ClientMessage | false>;
  ack(message: Tagged, allUpTo?: boolean): void;
  nackAll(requeue?: boolean): void;
  reject(message: Tagged, requeue?: boolean): void;
  prefetch(count: number, global?: boolean): Promise<unknown>;
}

export interface ClientConnection {
  on(event: "close", listener: (error?: Error) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "blocked", listener: (reason: string) => void): unknown;
  on(event: "unblocked", listener: () => void): unknown;
  createChannel(): Promise<ClientChannel>;
  createConfirmChannel(): Promise<ClientChannel>;
  close(): Promise<void>;
}

export interface ClientAddress {
  readonly protocol: "amqp" | "amqps";
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
  /** Seconds; 0 for none. */
  readonly heartbeat: number;
}

interface AmqpClient {
  connect(address: ClientAddress, socket: Record<string, unknown>): Promise<unknown>;
}

/** amqplib, loaded when it is used. */
export async function importAmqplib(): Promise<AmqpClient> {
  return await clientPackage("amqplib", import("amqplib"));
}

/** What `connect` returned, as what we use of it. */
export function isClientConnection(value: unknown): value is ClientConnection {
  return typeof value === "object" && value !== null && "createConfirmChannel" in value && "connection" in value;
}

/** The few members of `net.Socket` that tell whether a connection makes progress, and end it. */
export interface ClientSocket {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly writableLength: number;
  destroy(error?: Error): void;
}

/** The socket under a connection. amqplib does not promise it: undefined when it is not where it was. */
export function socketOf(connection: ClientConnection): ClientSocket | undefined {
  const inner: unknown = Reflect.get(connection, "connection");
  if (typeof inner !== "object" || inner === null) return undefined;
  const stream: unknown = Reflect.get(inner, "stream");
  return isSocket(stream) ? stream : undefined;
}

/**
 * Ends a connection at once, without a word to the broker. With an error: amqplib sees nothing else of it, and would leave what it
 * was asked unanswered, and its heartbeat running until that throws where nobody listens.
 */
export function cutConnection(connection: ClientConnection, why: string): void {
  connection.on("error", () => undefined);
  socketOf(connection)?.destroy(new Error(why));
}

function isSocket(value: unknown): value is ClientSocket {
  if (typeof value !== "object" || value === null) return false;
  return "bytesRead" in value && "bytesWritten" in value && "writableLength" in value && "destroy" in value;
}

/** AMQP's reply codes that we tell apart. Source: AMQP 0-9-1, "Reply codes". */
export const REPLY_CODES = {
  NO_ROUTE: 312,
  CONNECTION_FORCED: 320,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  NOT_ALLOWED: 530,
  NOT_IMPLEMENTED: 540,
} as const;

/** The reply code with which the server refused something; undefined for an error that did not come from it. */
export function replyCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "number" ? code : undefined;
}

/** What the server said, without amqplib's words around it. */
export function replyText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /with message "([\s\S]*)"/.exec(message)?.[1] ?? message;
}
