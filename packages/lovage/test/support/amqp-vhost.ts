import { newId } from "../../src/util/ids.js";

/** A virtual host of RabbitMQ with nothing in it: what a test does in it touches no other. */
export interface AmqpVhost {
  /** To be opened as a broker, or a result backend. */
  readonly url: string;
  readonly name: string;
  /** Deletes it with all that is in it; whoever is connected is cut off. Idempotent. */
  remove(): Promise<void>;
}

/** Makes a vhost through the management API that `LOVAGE_TEST_AMQP_MANAGEMENT` names. `query` goes into the URL: `a=b&c=d`. */
export async function amqpVhost(query = ""): Promise<AmqpVhost> {
  const broker = process.env.LOVAGE_TEST_AMQP;
  if (!broker) throw new Error("LOVAGE_TEST_AMQP names no server");
  const name = `t-${newId()}`;
  const path = `/api/vhosts/${name}`;
  await manage("PUT", path);
  const { username } = new URL(broker);
  const all = { configure: ".*", write: ".*", read: ".*" };
  await manage("PUT", `/api/permissions/${name}/${username || "guest"}`, all);
  const url = new URL(broker);
  url.pathname = `/${name}`;
  url.search = query;
  return { name, url: url.href, remove: async () => void (await manage("DELETE", path)) };
}

/** A request to the management API; its answer, or undefined when there is none. Not found is no error for DELETE. */
export async function manage(
  method: "GET" | "PUT" | "POST" | "DELETE",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const base = process.env.LOVAGE_TEST_AMQP_MANAGEMENT;
  if (!base) throw new Error("LOVAGE_TEST_AMQP_MANAGEMENT names no management API");
  const { origin, username, password } = new URL(base);
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${username || "guest"}:${password || "guest"}`).toString("base64")}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok && !(method === "DELETE" && response.status === 404))
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}
