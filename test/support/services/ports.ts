import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below what systems take for outgoing connections (from 32768 on Linux, 49152 elsewhere): while a server is away, one of its own
 * clients, connecting anew, could otherwise be given its port, and even connect to itself.
 */
const LOWEST = 12_000;
const HIGHEST = 32_000;

/** A port of this machine where nobody listens now. Drawn at random, so that two who look at once find different ones. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if ((await isFree(port, "127.0.0.1")) && (await isFree(port, "0.0.0.0"))) return port;
  }
  throw new Error(`found no free port between ${LOWEST} and ${HIGHEST}`);
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
