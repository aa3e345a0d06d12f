import { DecodeError } from "../errors.js";

/**
 * Matching of node names by patterns that anyone on the broker may send.
 *
 * Neither kind is given to the engine's own regular expressions: those can be made to run for ever. A glob is matched by
 * trying again from its last star. A regular expression is compiled to a small program that is run over the name with all its
 * possible positions at once, so that the time is at most pattern length × name length whatever the pattern.
 * It knows characters, `.`, `[…]`, `\d \w \s` and their opposites, groups, `|`, `* + ? {m,n}` and `^ $`; what it does not know
 * (back references, look-around, `\b`) is refused with a `DecodeError`.
 */

const MAX_PATTERN = 256;
/** Instructions; counts like `{100}` multiply them. */
const MAX_PROGRAM = 4000;
const MAX_REPEAT = 255;
/** Node names are at most this long; longer text is cut. */
const MAX_NODE = 512;

/** Python's `fnmatch`, case-sensitive: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`, over the whole name. */
export function matchesGlob(glob: string, node: string): boolean {
  checkLength(glob);
  const steps = globSteps(glob);
  const name = node.slice(0, MAX_NODE);
  let [step, at, lastStar, retryAt] = [0, 0, -1, 0];
  while (at < name.length) {
    const test = steps[step];
    if (test === STAR) {
      lastStar = step;
      retryAt = at;
      step += 1;
    } else if (test?.(name.charAt(at))) {
      step += 1;
      at += 1;
    } else if (lastStar >= 0) {
      retryAt += 1;
      step = lastStar + 1;
      at = retryAt;
    } else return false;
  }
  while (steps[step] === STAR) step += 1;
  return step === steps.length;
}

/** Python's `re.match`: the pattern must match from the start of the name, and need not reach its end. */
export function matchesPattern(pattern: string, node: string): boolean {
  checkLength(pattern);
  return run(new Compiler(pattern).compile(), node.slice(0, MAX_NODE));
}

type CharTest = (char: string) => boolean;
const STAR: CharTest = () => true;

function checkLength(pattern: string): void {
  if (pattern.length > MAX_PATTERN)
    throw new DecodeError(`a pattern over node names is longer than ${MAX_PATTERN} characters`);
}

function globSteps(glob: string): CharTest[] {
  const steps: CharTest[] = [];
  for (let at = 0; at < glob.length; at += 1) {
    const char = glob.charAt(at);
    const end = char === "[" ? glob.indexOf("]", at + (glob[at + 1] === "!" ? 3 : 2)) : -1;
    if (char === "*") steps.push(STAR);
    else if (char === "?") steps.push(() => true);
    else if (end > 0) {
      const negated = glob[at + 1] === "!";
      const inside = anyOf(rangesOf(glob.slice(at + (negated ? 2 : 1), end)));
      steps.push(negated ? (found) => !inside(found) : inside);
      at = end;
    } else steps.push((found) => found === char);
  }
  return steps;
}

function rangesOf(members: string): CharTest[] {
  const tests: CharTest[] = [];
  for (let at = 0; at < members.length; at += 1) {
    const [from, dash, to] = [members.charAt(at), members[at + 1], members[at + 2]];
    if (dash === "-" && to !== undefined) {
      tests.push((char) => char >= from && char <= to);
      at += 2;
    } else tests.push((char) => char === from);
  }
  return tests;
}

function anyOf(tests: readonly CharTest[]): CharTest {
  return (char) => tests.some((test) => test(char));
}

type Node =
  | { readonly kind: "char"; readonly test: CharTest }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly Node[] }
  | { readonly kind: "repeat"; readonly part: Node; readonly min: number; readonly max: number };

type Instruction =
  | { readonly op: "char"; readonly test: CharTest }
  | { readonly op: "start" | "end" | "match" }
  /** Goes on at all targets. */
  | { readonly op: "fork"; readonly targets: number[] };

const CLASSES: ReadonlyMap<string, CharTest> = new Map<string, CharTest>([
  ["d", (char) => /\d/.test(char)],
  ["D", (char) => /\D/.test(char)],
  ["w", (char) => /[\p{L}\p{N}_]/u.test(char)],
  ["W", (char) => !/[\p{L}\p{N}_]/u.test(char)],
  ["s", (char) => /\s/.test(char)],
  ["S", (char) => /\S/.test(char)],
]);

/** Recursive descent over a pattern of bounded length, then code. */
class Compiler {
  readonly #pattern: string;
  readonly #program: Instruction[] = [];
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  compile(): readonly Instruction[] {
    const root = this.#choice();
    if (this.#at < this.#pattern.length) throw this.#refusal();
    this.#emit(root);
    this.#push({ op: "match" });
    return this.#program;
  }

  #choice(): Node {
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    return { kind: "choice", parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#pattern.length && !"|)".includes(this.#peek())) parts.push(this.#repeated());
    return { kind: "sequence", parts };
  }

  #repeated(): Node {
    const part = this.#single();
    const bounds = this.#bounds();
    if (!bounds) return part;
    // Lazy or not makes no difference to whether it matches.
    this.#take("?");
    if ("*+?{".includes(this.#peek() || " ")) throw this.#refusal();
    return { kind: "repeat", part, ...bounds };
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { min: 0, max: 1 };
    const counts = /^\{(\d{0,3})(,?)(\d{0,3})\}/.exec(this.#pattern.slice(this.#at));
    if (!counts || (counts[1] === "" && counts[3] === "")) return undefined;
    this.#at += counts[0].length;
    const min = Number(counts[1]);
    const max = counts[2] === "" ? min : counts[3] === "" ? Number.POSITIVE_INFINITY : Number(counts[3]);
    if (min > MAX_REPEAT || (max > MAX_REPEAT && Number.isFinite(max)) || max < min) throw this.#refusal();
    return { min, max };
  }

  #single(): Node {
    const char = this.#peek();
    this.#at += 1;
    switch (char) {
      case ".":
        return { kind: "char", test: (found) => found !== "\n" };
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case "(":
        return this.#group();
      case "[":
        return { kind: "char", test: this.#set() };
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        this.#at -= 1;
        throw this.#refusal();
      default:
        return { kind: "char", test: (found) => found === char };
    }
  }

  #group(): Node {
    if (this.#take("?") && !this.#take(":")) throw this.#refusal();
    const inner = this.#choice();
    if (!this.#take(")")) throw this.#refusal();
    return inner;
  }

  #escape(): Node {
    const char = this.#peek();
    if (char === "A" || char === "Z") {
      this.#at += 1;
      return { kind: char === "A" ? "start" : "end" };
    }
    return { kind: "char", test: this.#escapedTest() };
  }

  #escapedTest(): CharTest {
    const char = this.#peek();
    const known = CLASSES.get(char);
    // Any other letter or digit has a meaning that is not known here.
    if (char === "" || (!known && /[A-Za-z0-9]/.test(char))) throw this.#refusal();
    this.#at += 1;
    return known ?? ((found) => found === char);
  }

  #set(): CharTest {
    const negated = this.#take("^");
    const tests: CharTest[] = [];
    for (let first = true; first || this.#peek() !== "]"; first = false) {
      if (this.#at >= this.#pattern.length) throw this.#refusal();
      tests.push(this.#setMember());
    }
    this.#at += 1;
    const inside = anyOf(tests);
    return negated ? (char) => !inside(char) : inside;
  }

  #setMember(): CharTest {
    if (this.#take("\\")) return this.#escapedTest();
    const from = this.#peek();
    this.#at += 1;
    const to = this.#pattern[this.#at + 1];
    if (this.#peek() !== "-" || to === undefined || to === "]" || to === "\\") return (char) => char === from;
    this.#at += 2;
    return (char) => char >= from && char <= to;
  }

  #emit(node: Node): void {
    switch (node.kind) {
      case "char":
        this.#push({ op: "char", test: node.test });
        return;
      case "start":
      case "end":
        this.#push({ op: node.kind });
        return;
      case "sequence":
        for (const part of node.parts) this.#emit(part);
        return;
      case "choice":
        this.#emitChoice(node.parts);
        return;
      case "repeat":
        this.#emitRepeat(node.part, node.min, node.max);
    }
  }

  #emitChoice(parts: readonly Node[]): void {
    if (parts.length === 1 && parts[0]) {
      this.#emit(parts[0]);
      return;
    }
    const entry = this.#fork();
    const exits = parts.map((part) => {
      entry.push(this.#program.length);
      this.#emit(part);
      return this.#fork();
    });
    for (const exit of exits) exit.push(this.#program.length);
  }

  #emitRepeat(part: Node, min: number, max: number): void {
    for (let count = 0; count < min; count += 1) this.#emit(part);
    if (!Number.isFinite(max)) {
      const start = this.#program.length;
      const loop = this.#fork();
      loop.push(start + 1);
      this.#emit(part);
      this.#fork().push(start);
      loop.push(this.#program.length);
      return;
    }
    const skips: number[][] = [];
    for (let count = min; count < max; count += 1) {
      const skip = this.#fork();
      skip.push(this.#program.length);
      skips.push(skip);
      this.#emit(part);
    }
    for (const skip of skips) skip.push(this.#program.length);
  }

  /** A fork whose targets are filled in by the caller. */
  #fork(): number[] {
    const targets: number[] = [];
    this.#push({ op: "fork", targets });
    return targets;
  }

  #push(instruction: Instruction): void {
    if (this.#program.length >= MAX_PROGRAM)
      throw new DecodeError("a pattern over node names asks for too many repetitions");
    this.#program.push(instruction);
  }

  #peek(): string {
    return this.#pattern.charAt(this.#at);
  }
  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }
  #refusal(): DecodeError {
    return new DecodeError(`a pattern over node names is wrong, or more than is supported, at character ${this.#at}`);
  }
}

/** Follows all ways through the program at once; each instruction is visited at most once for each character. */
function run(program: readonly Instruction[], text: string): boolean {
  let current = new Set<number>([0]);
  for (let at = 0; at <= text.length; at += 1) {
    if (spread(program, current, at, text.length)) return true;
    const next = new Set<number>();
    for (const position of current) {
      const instruction = program[position];
      if (at < text.length && instruction?.op === "char" && instruction.test(text.charAt(at))) next.add(position + 1);
    }
    if (next.size === 0) return false;
    current = next;
  }
  return false;
}

/** Adds to `positions` all that can be reached without taking a character; a set's iteration also sees what is added to it. */
function spread(program: readonly Instruction[], positions: Set<number>, at: number, length: number): boolean {
  for (const position of positions) {
    const instruction = program[position];
    if (instruction?.op === "match") return true;
    if (instruction?.op === "fork") for (const target of instruction.targets) positions.add(target);
    if ((instruction?.op === "start" && at === 0) || (instruction?.op === "end" && at === length))
      positions.add(position + 1);
  }
  return false;
}
