import { describe, expect, test } from "vitest";
import { redactText, redactValue } from "../../src/server/ingest/redact.js";

const SECRET = "hunter2-and-more";
const MASKED = "********";

describe("redacting a value", () => {
  test("masks what stands under a secret's name, however deep, and nothing else", () => {
    const value = {
      user: "anna",
      password: SECRET,
      nested: [{ deeper: { API_KEY: SECRET, retries: 3 } }, [{ "X-Auth-Token": SECRET }]],
      Authorization: `Bearer ${SECRET}`,
      client_secret: { a: SECRET },
    };
    expect(redactValue(value)).toEqual({
      value: {
        user: "anna",
        password: MASKED,
        nested: [{ deeper: { API_KEY: MASKED, retries: 3 } }, [{ "X-Auth-Token": MASKED }]],
        Authorization: MASKED,
        client_secret: MASKED,
      },
      changed: true,
      cut: false,
    });
    expect(value.password).toBe(SECRET);
  });

  test("leaves a value without secrets as it is, and says so", () => {
    const value = { a: [1, 2n ** 70n, null, true, "text"], secretary: "", password: null, token: undefined };
    const redacted = redactValue(value);
    expect(redacted).toEqual({ value, changed: false, cut: false });
  });

  test("looks into texts too", () => {
    const { value } = redactValue({ url: `postgres://me:${SECRET}@db/x`, note: [`token=${SECRET}`] });
    expect(value).toEqual({ url: `postgres://me:${MASKED}@db/x`, note: [`token=${MASKED}`] });
  });

  test("lets nothing hide in depth or in length, and says that it was cut", () => {
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(200)}"${SECRET}"${"}".repeat(200)}`);
    const long = [...Array.from({ length: 6_000 }, () => 1), { password: SECRET }];
    const text = `${"x".repeat(70_000)} password=${SECRET}`;
    for (const value of [deep, long, { text }]) {
      const redacted = redactValue(value);
      expect(redacted).toMatchObject({ changed: true, cut: true });
      expect(JSON.stringify(redacted.value)).not.toContain(SECRET);
    }
    const whole = redactValue({ text, long }, { parts: 10_000, text: 100_000, total: 200_000 });
    expect(whole.cut).toBe(false);
    expect(whole.value).toEqual({
      text: `${"x".repeat(70_000)} password=${MASKED}`,
      long: [...long.slice(0, -1), { password: MASKED }],
    });
  });

  test("looks at so much of a value as can be looked at while others wait, and leaves out the rest", () => {
    const text = "a.b://".repeat(10_000);
    const many = redactValue(Array.from({ length: 100 }, () => text));
    expect(many.cut).toBe(true);
    expect(JSON.stringify(many.value).length).toBeLessThan(300_000);
    const named = redactValue(Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`${n}${text}`, 1])));
    expect(named.cut).toBe(true);
    expect(JSON.stringify(named.value).length).toBeLessThan(400_000);
  });

  test("keeps members with odd names, and makes no prototype of any", () => {
    const value: unknown = JSON.parse(`{"__proto__": {"password": "${SECRET}"}, "constructor": 1}`);
    const { value: kept } = redactValue(value);
    expect(JSON.stringify(kept)).toBe(`{"__proto__":{"password":"${MASKED}"},"constructor":1}`);
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype);
  });
});

describe("redacting a text", () => {
  const masked: Readonly<Record<string, readonly [before: string, after: string]>> = {
    "a Python repr of a dict": [
      `{'user': 'anna', 'password': '${SECRET}'}`,
      `{'user': 'anna', 'password': '${MASKED}'}`,
    ],
    "a nested Python repr": [
      `({'db': {'passwd': "${SECRET}", 'port': 1}},)`,
      `({'db': {'passwd': "${MASKED}", 'port': 1}},)`,
    ],
    "a Python call": [`Settings(api_key='${SECRET}', debug=True)`, `Settings(api_key='${MASKED}', debug=True)`],
    "Python bytes": [`{'token': b'${SECRET}'}`, `{'token': b'${MASKED}'}`],
    "a Python repr with escaped quotes": [`{'secret': '${SECRET}\\'s'}`, `{'secret': '${MASKED}'}`],
    "a list under a secret's name": [`{'tokens': ['${SECRET}', '${SECRET}'], 'n': 1}`, `{'tokens': ${MASKED}, 'n': 1}`],
    JSON: [`{"private_key": "${SECRET}", "n": 1}`, `{"private_key": "${MASKED}", "n": 1}`],
    "JSON within JSON": [`"{\\"token\\": \\"${SECRET}\\"}"`, `"{\\"token\\": \\"${MASKED}\\"}"`],
    "plain words": [`login with password=${SECRET} failed`, `login with password=${MASKED} failed`],
    "a header": [`Authorization: Basic ${SECRET}, Accept: all`, `Authorization: ${MASKED}, Accept: all`],
    "a bearer by itself": [`sent Bearer ${SECRET}`, `sent Bearer ${MASKED}`],
    "a URL's user": [`amqp://me:${SECRET}@host/v`, `amqp://me:${MASKED}@host/v`],
    "a URL's query": [`https://h/?a=1&api_key=${SECRET}&b=2`, `https://h/?a=1&api_key=${MASKED}&b=2`],
    "an environment": [
      `os.environ['AWS_SECRET_ACCESS_KEY'] = '${SECRET}'`,
      `os.environ['AWS_SECRET_ACCESS_KEY'] = '${MASKED}'`,
    ],
  };
  for (const [what, [before, after]] of Object.entries(masked)) {
    test(`masks a secret in ${what}`, () => {
      expect(redactText(before)).toBe(after);
      // What is masked stays so, and is masked no further.
      expect(redactText(after)).toBe(after);
    });
  }

  test("leaves what is no secret", () => {
    for (const text of [
      "3 tokens were counted",
      "{'password': None, 'token': ''}",
      "the secretary said so",
      "ValueError('wrong password')",
      "https://example.com/a?b=c",
      "a: b",
    ]) {
      expect(redactText(text)).toBe(text);
    }
  });

  test("rather takes too much where a value has no end", () => {
    expect(redactText(`{'password': '${SECRET} and then`)).not.toContain(SECRET);
    expect(redactText(`{'token': ['${SECRET}', {`)).not.toContain(SECRET);
  });
});
