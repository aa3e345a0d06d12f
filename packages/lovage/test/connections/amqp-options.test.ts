import { expect, test } from "vitest";
import { readAmqpOptions, shownAddress } from "../../src/connections/amqp-options.js";
import { ConfigurationError } from "../../src/errors.js";

test.for([
  { url: "amqp://", shows: "amqp://localhost:5672/" },
  { url: "amqp://h", shows: "amqp://h:5672/" },
  { url: "amqp://u:p@h:1/", shows: "amqp://h:1/" },
  { url: "amqps://u:p@h/shop", shows: "amqps://h:5671/shop" },
  { url: "amqp://u:p@h//shop", shows: "amqp://h:5672/%2Fshop" },
  { url: "amqp://u:p@h/%2Fshop", shows: "amqp://h:5672/%2Fshop" },
])("$url is $shows", ({ url, shows }) => {
  expect(readAmqpOptions(url).addresses.map(shownAddress)).toEqual([shows]);
});

test("several addresses are tried in their order; options hold for all", () => {
  const { addresses, connectTimeout } = readAmqpOptions(
    "amqp://u:p%40ss@one/v; amqp://two:7?heartbeat=3&connection_timeout=2;",
    { connection_timeout: 9 },
  );
  expect(addresses).toEqual([
    { protocol: "amqp", hostname: "one", port: 5672, username: "u", password: "p@ss", vhost: "v", heartbeat: 3 },
    { protocol: "amqp", hostname: "two", port: 7, username: "guest", password: "guest", vhost: "%2F", heartbeat: 3 },
  ]);
  expect(connectTimeout).toBe(2);
});

test.for([
  { url: "amqp://h?heartbeet=3", says: /heartbeet.*did you mean heartbeat/ },
  { url: "amqp://h?heartbeat=often", says: /heartbeat must be seconds/ },
  { url: "amqp://h?verify=maybe", says: /verify must be verify_peer or verify_none/ },
  { url: "amqp://h?native_delayed_delivery_queue_type=stream", says: /quorum or classic/ },
  { url: "amqp://h?cacertfile=/no/such/file", says: /cacertfile: \/no\/such\/file cannot be read/ },
  { url: "amqp://u:secret@h;redis://x", says: /amqp: or amqps:/ },
  { url: "amqp://u:secret@h:port", says: /it is no URL/ },
])("$url is refused", ({ url, says }) => {
  expect(() => readAmqpOptions(url)).toThrow(ConfigurationError);
  expect(() => readAmqpOptions(url)).toThrow(says);
  expect(() => readAmqpOptions(url)).not.toThrow(/secret/);
});

test.each([
  ["http://guest:gu%40st@host:15672/", { base: "http://host:15672", user: { name: "guest", password: "gu@st" } }],
  ["https://host/rabbit/", { base: "https://host/rabbit", user: undefined }],
])("a managementUrl %s is read", (managementUrl, management) => {
  expect(readAmqpOptions("amqp://h", { managementUrl }).management).toEqual(management);
  expect(readAmqpOptions(`amqp://h?managementUrl=${encodeURIComponent(managementUrl)}`).management).toEqual(management);
});

test.each(["host:15672", "ftp://h", "http://h?x=1", "http://u:s3cret%@h", "", 7])(
  "a managementUrl %s is refused",
  (managementUrl) => {
    const read = () => readAmqpOptions("amqp://h", { managementUrl });
    expect(read).toThrow("managementUrl must be as in");
    expect(read).not.toThrow("s3cret");
  },
);
