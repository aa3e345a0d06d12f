import { describe, expect, test } from "vitest";
import { ContentDisallowed, DecodeError } from "../../src/errors.js";
import { decodeTaskMessage, peekTaskHeaders } from "../../src/protocol/task-message.js";
import { haveVectors, messageOfEnvelope, object, vectorsOf } from "../support/vectors.js";

/** What can never be run, and what is said of it. Everything else is a task. */
const REFUSED: Readonly<Record<string, readonly [typeof DecodeError | typeof ContentDisallowed, RegExp]>> = {
  no_id: [DecodeError, /header id is missing/],
  body_two: [DecodeError, /the body has 2 elements/],
  kwargs_null: [DecodeError, /kwargs is null/],
  args_null: [DecodeError, /args is null/],
  eta_bad: [DecodeError, /header eta: "tomorrow" is not/],
  eta_number: [DecodeError, /header eta is 1700000000/],
  eta_empty: [DecodeError, /header eta: "" is not/],
  expires_bad: [DecodeError, /header expires: "x" is not/],
  no_content_type: [ContentDisallowed, /names no content type/],
  ct_charset: [ContentDisallowed, /"application\/json; charset=utf-8" is not accepted/],
  ct_pickle_untrusted: [ContentDisallowed, /"application\/x-python-serialize" is not accepted/],
  bad_json: [DecodeError, /JSON has "nope" at 1 where a key belongs/],
  compression_real_gzip: [DecodeError, /not what its compression header/],
  no_task_anywhere: [DecodeError, /neither the headers nor the body name a task/],
  // Without properties nothing says that the body is base64.
  props_missing: [DecodeError, /JSON has/],
  headers_null: [DecodeError, /the message's headers is null/],
};

describe.skipIf(!haveVectors)("messages that harm Celery's workers", () => {
  const probes = vectorsOf("acceptance_probes.json").map(({ name, version, input }) => ({
    title: `${name} (${version.slice(0, 12)})`,
    name,
    message: messageOfEnvelope(object(input.pushed)),
  }));

  test.each(probes.filter(({ name }) => !(name in REFUSED)))("$title is a task", ({ message, name }) => {
    const task = decodeTaskMessage(message);
    expect(task.id).not.toBe("");
    if (!/retries_missing|type_envelope|task_unknown/.test(name)) {
      expect(task).toMatchObject({ task: "proj.add", args: [1, 2], kwargs: {} });
    }
  });

  test.each(probes.filter(({ name }) => name in REFUSED))("$title is refused in words", ({ message, name }) => {
    const [type, words] = REFUSED[name] ?? [DecodeError, /$^/];
    expect(() => decodeTaskMessage(message)).toThrow(type);
    expect(() => decodeTaskMessage(message)).toThrow(words);
    expect(() => peekTaskHeaders(message)).not.toThrow();
  });

  test("an unknown typed value stays in the arguments as it came", () => {
    const probe = probes.find(({ name }) => name === "type_envelope_unknown");
    expect(probe && decodeTaskMessage(probe.message).args).toEqual([{ __type__: "zzz", __value__: 1 }]);
  });
});
