import { randomUUID } from "node:crypto";
import { hostname } from "node:os";

/** A task message as Celery sends it, for clients that do nothing with it. */
const id = randomUUID();
export const body = Buffer.from('[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]');
export const headers = {
  lang: "js",
  task: "bench.add",
  id,
  shadow: null,
  eta: null,
  expires: null,
  group: null,
  group_index: null,
  retries: 0,
  timelimit: [null, null],
  root_id: id,
  parent_id: null,
  argsrepr: "[2, 3]",
  kwargsrepr: "{}",
  origin: `gen${process.pid}@${hostname()}`,
  ignore_result: false,
};
export const envelopeText = JSON.stringify({
  body: body.toString("base64"),
  "content-encoding": "utf-8",
  "content-type": "application/json",
  headers,
  properties: {
    correlation_id: id,
    reply_to: "",
    delivery_mode: 2,
    delivery_info: { exchange: "", routing_key: "celery" },
    priority: 0,
    body_encoding: "base64",
    delivery_tag: randomUUID(),
  },
});
