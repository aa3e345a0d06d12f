import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ProxyMode, TcpProxy } from "./support/tcp-proxy.js";

let server: Server;
let accepted: Socket[];
let clients: Socket[];
let proxy: TcpProxy;

beforeEach(async () => {
  accepted = [];
  clients = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on("error", () => undefined);
    // Echoes, and ends when the other side has.
    socket.on("data", (chunk) => socket.write(chunk));
    socket.on("end", () => socket.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  proxy = await TcpProxy.start({ host: "127.0.0.1", port: address.port });
});
afterEach(async () => {
  for (const socket of [...clients, ...accepted]) socket.destroy();
  await proxy.close();
  server.close();
});

async function client(): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  clients.push(socket);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** What the socket has received so far. */
function inbox(socket: Socket): { text(): string; bytes(): Buffer; until(length: number): Promise<void> } {
  const chunks: Buffer[] = [];
  let size = 0;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
  });
  return {
    bytes: () => Buffer.concat(chunks),
    text: () => Buffer.concat(chunks).toString(),
    until: async (length) => {
      while (size < length) await once(socket, "data");
    },
  };
}

/** `once` would reject with the reset that is waited for. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

/** Long enough for bytes to come that should not; there is no event for what does not happen. */
const SILENCE_MS = 100;

describe("a TCP proxy", () => {
  test("forwards bytes both ways, and each side's FIN", async () => {
    const socket = await client();
    const received = inbox(socket);
    socket.end("hello");
    await once(socket, "end");
    expect(received.text()).toBe("hello");
  });

  test("delivers every byte in order whatever modes it goes through meanwhile", async () => {
    const socket = await client();
    const received = inbox(socket);
    const modes: ProxyMode[] = [
      { kind: "delay", delayMs: 15 },
      { kind: "stall" },
      { kind: "one-way", forwards: "to-server" },
      { kind: "one-way", forwards: "to-client" },
      { kind: "refuse" },
      { kind: "delay", delayMs: 1 },
      { kind: "pass" },
    ];
    const sent: Buffer[] = [];
    for (let turn = 0; turn < 60; turn++) {
      const chunk = randomBytes(randomInt(1, 60_000));
      sent.push(chunk);
      socket.write(chunk);
      const mode = modes[turn % modes.length];
      if (mode) await proxy.use(mode);
      await wait(randomInt(0, 8));
    }
    await proxy.use({ kind: "pass" });
    const all = Buffer.concat(sent);
    await received.until(all.length);
    expect(received.bytes().equals(all)).toBe(true);
  });

  test("holds both directions while it stalls, keeps the connection, and gives out what it held afterwards", async () => {
    const socket = await client();
    const received = inbox(socket);
    await proxy.use({ kind: "stall" });
    socket.write("held");
    await wait(SILENCE_MS);
    expect(received.text()).toBe("");
    await proxy.use({ kind: "pass" });
    await received.until(4);
    expect(received.text()).toBe("held");
  });

  test("lets one direction through and holds the other", async () => {
    const socket = await client();
    const received = inbox(socket);
    socket.write("a");
    await received.until(1);
    const [peer] = accepted;
    if (!peer) throw new Error("no connection");
    const arrived = inbox(peer);
    await proxy.use({ kind: "one-way", forwards: "to-server" });
    socket.write("b");
    await arrived.until(1);
    await wait(SILENCE_MS);
    expect(received.text()).toBe("a");
    await proxy.use({ kind: "pass" });
    await received.until(2);
    expect(received.text()).toBe("ab");
  });

  test("delays each byte by the time asked for, both ways", async () => {
    const socket = await client();
    const received = inbox(socket);
    await proxy.use({ kind: "delay", delayMs: 80 });
    const sent = performance.now();
    socket.write("x");
    await received.until(1);
    expect(performance.now() - sent).toBeGreaterThanOrEqual(155);
  });

  test.each(["rst", "fin"] as const)(
    "cuts every connection on both sides with a %s, and accepts new ones",
    async (how) => {
      const socket = await client();
      const received = inbox(socket);
      socket.write("a");
      await received.until(1);
      const [peer] = accepted;
      if (!peer) throw new Error("no connection");
      const ends = Promise.all(
        how === "rst" ? [closed(socket), closed(peer)] : [once(socket, "end"), once(peer, "end")],
      );
      proxy.cut(how);
      await ends;
      const next = await client();
      const again = inbox(next);
      next.write("b");
      await again.until(1);
    },
  );

  test("lets connections vanish without a FIN, for good, and serves new ones", async () => {
    const socket = await client();
    const received = inbox(socket);
    socket.write("a");
    await received.until(1);
    const [peer] = accepted;
    if (!peer) throw new Error("no connection");
    let peerHeard = "";
    peer.on("data", (chunk: Buffer) => {
      peerHeard += chunk.toString();
    });
    peer.once("close", () => {
      peerHeard += "<closed>";
    });
    proxy.vanish();
    socket.write("lost");
    socket.destroy();
    const next = await client();
    const again = inbox(next);
    next.write("b");
    await again.until(1);
    await wait(SILENCE_MS);
    expect(received.text()).toBe("a");
    expect(peerHeard).toBe("");
  });

  test("refuses new connections and keeps those that are open", async () => {
    const socket = await client();
    const received = inbox(socket);
    await proxy.use({ kind: "refuse" });
    await expect(client()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    socket.write("still");
    await received.until(5);
    await proxy.use({ kind: "pass" });
    await client();
  });

  test("resets its client when the server cannot be reached", async () => {
    for (const socket of accepted) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const socket = await client();
    await closed(socket);
  });
});
