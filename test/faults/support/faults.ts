import { setTimeout as wait } from "node:timers/promises";
import type { TcpProxy } from "./tcp-proxy.js";

/** A server that a test may stop, kill and start again, with its data. */
export interface StoppableServer {
  readonly url: string;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
  /** As its operator stops it. Resolves when it is gone. */
  stop(): Promise<void>;
  /** Resolves when it answers. */
  start(): Promise<void>;
}

/** Something that goes wrong between clients and their broker, and ends. */
export interface Fault {
  readonly name: string;
  /** Whether clients reach the broker by way of the proxy or directly. */
  readonly route: "proxy" | "direct";
  /** Happens, and resolves the moment it is over: from then on, seconds to recover are counted. */
  strike(server: StoppableServer, proxy: TcpProxy): Promise<void>;
}

const STALL_SECONDS = 8;

// The waits in here are the faults' own lengths.
export const FAULTS: readonly Fault[] = [
  {
    name: "broker killed (kill -9)",
    route: "direct",
    strike: async (server) => {
      await server.kill();
      await wait(1000);
      await server.start();
    },
  },
  {
    name: "broker restarted",
    route: "direct",
    strike: async (server) => {
      await server.stop();
      await server.start();
    },
  },
  {
    name: "connections cut, 10 times",
    route: "proxy",
    strike: async (_server, proxy) => {
      for (let turn = 0; turn < 10; turn++) {
        proxy.cut(turn % 2 === 0 ? "rst" : "fin");
        if (turn < 9) await wait(400);
      }
    },
  },
  {
    name: `network stalls for ${STALL_SECONDS} s`,
    route: "proxy",
    strike: async (_server, proxy) => {
      await proxy.use({ kind: "stall" });
      await wait(STALL_SECONDS * 1000);
      await proxy.use({ kind: "pass" });
    },
  },
  {
    name: `no answers for ${STALL_SECONDS} s (half open)`,
    route: "proxy",
    strike: async (_server, proxy) => {
      await proxy.use({ kind: "one-way", forwards: "to-server" });
      await wait(STALL_SECONDS * 1000);
      await proxy.use({ kind: "pass" });
    },
  },
  {
    name: "connections vanish without a FIN",
    route: "proxy",
    strike: async (_server, proxy) => proxy.vanish(),
  },
  {
    name: "200 ms more each way, for 4 s",
    route: "proxy",
    strike: async (_server, proxy) => {
      await proxy.use({ kind: "delay", delayMs: 200 });
      await wait(4000);
      await proxy.use({ kind: "pass" });
    },
  },
];
