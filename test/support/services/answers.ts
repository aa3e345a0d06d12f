import { connect, type Socket } from "node:net";

/** How a server of some kind is asked whether it serves: what to say, and how its answer begins when it does. */
export interface Greeting {
  readonly says: Buffer;
  /** Undefined while the answer is not complete; false for a server that is not ready yet. */
  readonly isReady: (answer: Buffer) => boolean | undefined;
}

/** RESP: a Redis that still loads its data answers -LOADING. */
export const REDIS_GREETING: Greeting = {
  says: Buffer.from("PING\r\n"),
  // An answer of -NOAUTH comes from a server that serves, too.
  isReady: (answer) => (answer.includes("\r\n") ? /^(\+PONG|-NOAUTH)/.test(answer.toString()) : undefined),
};

/** AMQP 0-9-1, 4.2.2: the protocol header is answered with Connection.Start, a method frame (type 1) on channel 0. */
export const AMQP_GREETING: Greeting = {
  says: Buffer.from("AMQP\x00\x00\x09\x01", "latin1"),
  isReady: (answer) => (answer.length < 3 ? undefined : answer[0] === 1),
};

/** The management plugin's API; any status will do. */
export const HTTP_GREETING: Greeting = {
  says: Buffer.from("GET /api/overview HTTP/1.0\r\n\r\n"),
  isReady: (answer) => (answer.length < 5 ? undefined : answer.toString().startsWith("HTTP/")),
};

/**
 * PostgreSQL's startup message (protocol 3.0, "Message Formats"): answered with R (authentication) by a server that takes
 * connections, with E (57P03) by one that is starting up.
 */
export const POSTGRES_GREETING: Greeting = {
  says: postgresStartup({ user: "postgres", database: "postgres" }),
  isReady: (answer) => (answer.length < 1 ? undefined : answer.toString("latin1", 0, 1) === "R"),
};

function postgresStartup(parameters: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(parameters)
    .flat()
    .map((part) => `${part}\0`);
  const body = Buffer.from(`\0\x03\0\0${text.join("")}\0`, "latin1");
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
}

/** Whether the server at `port` of this machine answers the greeting as one that serves. At most 2 seconds. */
export function answers(port: number, { says, isReady }: Greeting): Promise<boolean> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, "127.0.0.1");
    let answer = Buffer.alloc(0);
    const settle = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(2000, () => settle(false));
    socket.once("error", () => settle(false));
    socket.once("close", () => settle(false));
    socket.once("connect", () => socket.write(says));
    socket.on("data", (data) => {
      answer = Buffer.concat([answer, data]);
      const ready = isReady(answer);
      if (ready !== undefined) settle(ready);
    });
  });
}
