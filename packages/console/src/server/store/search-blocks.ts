import { storable } from "./stored-texts.js";
import { type FilterNode, knownState } from "./task-query.js";
import type { TaskRecord } from "./task-record.js";

/** Tasks in a block, as a power of two: 128. */
const BLOCK_BITS = 7;
/** 4 KiB a block, 32 MB for a million tasks. Blocks of long texts fill up, and are looked into more often. */
const WORDS = 1024;
const BIT_MASK = WORDS * 32 - 1;
/** Characters of a needle that are looked for together. */
const GRAM = 4;
/** Characters of one text that are noted; a block with longer ones may hold anything. */
const LONGEST = 16_384;

/** Where a block's tasks are, in `seq`: from, and up to but not with. */
export interface Block {
  readonly fromSeq: number;
  readonly toSeq: number;
  /** When the first and the last of its tasks were received, or first heard of. Unix milliseconds; of all that ever was in the block. */
  readonly minAtMs: number;
  readonly maxAtMs: number;
}

class NotedBlock implements Block {
  readonly fromSeq: number;
  readonly bits = new Uint32Array(WORDS);
  minAtMs = Number.POSITIVE_INFINITY;
  maxAtMs = Number.NEGATIVE_INFINITY;
  holdsAnything = false;

  constructor(number: number) {
    this.fromSeq = number * 2 ** BLOCK_BITS;
  }
  get toSeq(): number {
    return this.fromSeq + 2 ** BLOCK_BITS;
  }
}

/** What of a record can be searched for by a part of it, and by its whole. */
export type Searchable = Pick<
  TaskRecord,
  | "id"
  | "name"
  | "worker"
  | "queue"
  | "args"
  | "kwargs"
  | "kwargsJson"
  | "result"
  | "error"
  | "rootId"
  | "parentId"
  | "groupId"
  | "schedule"
  | "job"
  | "runId"
  | "fingerprint"
  | "state"
>;

/**
 * Which texts are nowhere in which block of tasks, so that a search need not look there: of each block, the hashes of every four characters
 * in a row (a Bloom filter). In memory, and cheap to note (about 5 us a record): a trigram index in the database costs ten times as much
 * for each write (docs/decisions/0015). What is changed or deleted stays noted: a block may be looked into for nothing, and is never left out
 * wrongly.
 */
export class SearchBlocks {
  readonly #blocks = new Map<number, NotedBlock>();

  get size(): number {
    return this.#blocks.size;
  }

  note(seq: number, atMs: number, record: Searchable): void {
    const number = Math.floor(seq / 2 ** BLOCK_BITS);
    let block = this.#blocks.get(number);
    if (!block) {
      block = new NotedBlock(number);
      this.#blocks.set(number, block);
    }
    block.minAtMs = Math.min(block.minAtMs, atMs);
    block.maxAtMs = Math.max(block.maxAtMs, atMs);
    for (const text of textsOf(record)) noteText(block, text);
    for (const token of tokensOf(record)) setBit(block.bits, token);
  }

  /** Forgets blocks all of whose tasks are gone. */
  forgetBefore(seq: number): void {
    for (const [number, block] of this.#blocks) if (block.toSeq <= seq) this.#blocks.delete(number);
  }

  /** Blocks that may hold what the filter asks for, in no order. */
  candidates(node: FilterNode): Block[] {
    const may = needOf(node);
    return [...this.#blocks.values()].filter(may);
  }
}

type Need = (block: NotedBlock) => boolean;
const ANYTHING: Need = () => true;

/** Whether a block may hold what the tree asks for. */
function needOf(node: FilterNode): Need {
  switch (node.kind) {
    case "and":
    case "filters": {
      const needs = node.parts.map(needOf);
      return (block) => needs.every((need) => need(block));
    }
    case "or": {
      const needs = node.parts.map(needOf);
      return (block) => needs.some((need) => need(block));
    }
    case "text":
    case "contains":
      return needText(node.text);
    case "pair":
      // Values are written in several ways when there is anything to escape.
      return [node.key, node.value].every((text) => /^[\w.@ -]*$/.test(text))
        ? allOf([needText(node.key), needText(node.value)])
        : ANYTHING;
    case "equals":
      return needSome(node.values.map((value) => hash(`${node.column}=${value.slice(0, 100)}`)));
    case "state": {
      const state = knownState(node.state);
      return needSome([hash(`state=${state === "SCHEDULED" ? "PENDING" : state.slice(0, 100)}`)]);
    }
    case "received":
      return ({ minAtMs, maxAtMs }) =>
        (node.fromMs === null || maxAtMs >= node.fromMs) && (node.toMs === null || minAtMs < node.toMs);
    case "all":
    case "not":
    case "compare":
      return ANYTHING;
  }
}

function allOf(needs: readonly Need[]): Need {
  return (block) => needs.every((need) => need(block));
}

function needSome(tokens: readonly number[]): Need {
  return ({ bits }) => tokens.some((token) => hasBit(bits, token));
}

function needText(text: string): Need {
  const grams = [...new Set(gramsOf(text))];
  if (grams.length === 0) return ANYTHING;
  return ({ bits, holdsAnything }) => holdsAnything || grams.every((gram) => hasBit(bits, gram));
}

function textsOf(record: Searchable): readonly (string | null)[] {
  const { id, name, worker, queue, args, kwargs, kwargsJson, result, error, rootId, parentId, groupId, schedule, job } =
    record;
  const root = rootId === id ? null : rootId;
  return [id, name, worker, queue, args, kwargs, kwargsJson, result, error, root, parentId, groupId, schedule, job];
}

/** Cut as the store cuts the longest of what it keeps in an index. */
function tokensOf(record: Searchable): readonly number[] {
  const { name, worker, queue, schedule, job, fingerprint, state } = record;
  const columns = { name, worker, queue, schedule, job, run_id: record.runId, fingerprint, state };
  return Object.entries(columns).flatMap(([column, value]) =>
    value === null ? [] : [hash(`${column}=${value.slice(0, 100)}`)],
  );
}

function noteText(block: NotedBlock, given: string | null): void {
  if (given === null) return;
  const text = storable(given);
  if (text.length > LONGEST) {
    block.holdsAnything = true;
    return;
  }
  let window = 0;
  for (let at = 0; at < text.length; at++) {
    window = (window << 8) | folded(text.charCodeAt(at));
    if (at >= GRAM - 1) setBit(block.bits, mixed(window));
  }
}

function gramsOf(given: string): number[] {
  const text = storable(given);
  const grams: number[] = [];
  let window = 0;
  for (let at = 0; at < text.length; at++) {
    window = (window << 8) | folded(text.charCodeAt(at));
    if (at >= GRAM - 1) grams.push(mixed(window));
  }
  return grams;
}

/** Eight bits of a character, A to Z in small letters: what SQLite takes for the same. */
function folded(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : (code ^ (code >>> 8)) & 0xff;
}

/** Source of the factor: Knuth's multiplicative hash, 2^32 by the golden ratio. */
function mixed(value: number): number {
  return (Math.imul(value, 0x9e3779b1) >>> 15) & BIT_MASK;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return mixed(value);
}

function setBit(bits: Uint32Array, at: number): void {
  const word = at >>> 5;
  bits[word] = (bits[word] ?? 0) | (1 << (at & 31));
}
function hasBit(bits: Uint32Array, at: number): boolean {
  return ((bits[at >>> 5] ?? 0) & (1 << (at & 31))) !== 0;
}
