/**
 * What is different about the forms of two values, as sentences: members that are missing, and values of another type.
 * Members that only `actual` has are allowed, and null stands for anything: Celery's readers take both.
 */
export function formDifferences(actual: unknown, expected: unknown, place = "reply"): string[] {
  if (expected === null || actual === null) return [];
  if (typeOf(actual) !== typeOf(expected)) return [`${place} is ${typeOf(actual)}, not ${typeOf(expected)}`];
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const [example] = expected;
    const tuple = new Set(expected.map(typeOf)).size > 1;
    if (example === undefined) return [];
    return actual.flatMap((each, at) => formDifferences(each, tuple ? expected[at] : example, `${place}[${at}]`));
  }
  if (typeof expected !== "object" || typeof actual !== "object") return [];
  const members = new Map<string, unknown>(Object.entries(actual));
  if (isDictionary(expected)) {
    const [example] = Object.values(expected);
    return [...members].flatMap(([name, value]) => formDifferences(value, example, `${place}.${name}`));
  }
  return Object.entries(expected).flatMap(([name, value]) =>
    members.has(name) ? formDifferences(members.get(name), value, `${place}.${name}`) : [`${place}.${name} is missing`],
  );
}

/** By task id or task name: whose members are of one form, whatever their names. */
function isDictionary(value: object): boolean {
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => /^[0-9a-f-]{36}$|^proj\./.test(name));
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "array" : typeof value;
}
