/**
 * What is different about the forms of two values, as sentences: members that are missing, and values of another type.
 * Members that only `actual` has are allowed, and null stands for anything: Celery's readers take both.
 */
export function formDifferences(actual: unknown, expected: unknown, place = "reply"): string[] {
  if (expected === null || actual === null) return [];
  if (typeOf(actual) !== typeOf(expected)) return [`${place} is ${typeOf(actual)}, not ${typeOf(expected)}`];
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const [example] = expected;
    return example === undefined ? [] : actual.flatMap((each, at) => formDifferences(each, example, `${place}[${at}]`));
  }
  if (typeof expected !== "object" || typeof actual !== "object") return [];
  const members = new Map<string, unknown>(Object.entries(actual));
  return Object.entries(expected).flatMap(([name, value]) =>
    members.has(name) ? formDifferences(members.get(name), value, `${place}.${name}`) : [`${place}.${name} is missing`],
  );
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "array" : typeof value;
}
