/**
 * Runs a compiled regular expression on a text. It follows all alternatives at once, one character after the other, so that a
 * match takes at most (instructions × characters) steps. It can pause after any character.
 */

/** The compiled form of an expression that RE2JS produces. */
export interface Program {
  readonly start: number;
  readonly inst: readonly Instruction[];
}

interface Instruction {
  readonly op: number;
  readonly out: number;
  /** The other branch of a `split`, or the conditions of an `assert`. */
  readonly arg: number;
  matchRune(rune: number): boolean;
}

/** The values of `op`. */
const OP = { split: 1, splitMatch: 2, capture: 3, assert: 4, fail: 5, match: 6, nop: 7, rune: 8, lastRune: 11 } as const;

/** The conditions of an `assert`, as bits. */
const CONDITION = { beginLine: 1, endLine: 2, beginText: 4, endText: 8, wordBoundary: 16, noWordBoundary: 32 } as const;

const ASCII = 128;

/** The state of one match. A thread is one alternative, represented by the instruction that it has reached. */
interface Threads {
  /** Instructions at which threads continue with the next character. The instructions that follow them depend on the character after it. */
  readonly pending: Int32Array;
  /** Instructions that wait for the next character. */
  readonly waiting: Int32Array;
  readonly stack: Int32Array;
  /** For each instruction, the generation in which it was last visited. Each character of the text has its own generation. */
  readonly visited: Uint32Array;
  generation: number;
}

export class PatternMachine {
  readonly #program: Program;
  /** For each instruction and ASCII character: 1 if the instruction accepts the character. */
  readonly #accepts: Uint8Array;
  /** For each ASCII character: 1 if a match can begin with it. Null if this depends on the position. */
  readonly #first: Uint8Array | null;
  readonly #isAnchored: boolean;
  /** The state of the last match, which the next match uses again. */
  #spare: Threads | null = null;

  constructor(program: Program) {
    this.#program = program;
    const { inst } = program;
    this.#accepts = new Uint8Array(inst.length * ASCII);
    for (const [pc, { op }] of inst.entries()) {
      if (op > OP.lastRune) throw new Error("look-around is not supported");
      if (op < OP.rune) continue;
      for (let rune = 0; rune < ASCII; rune++) this.#accepts[pc * ASCII + rune] = Number(inst[pc]!.matchRune(rune));
    }
    this.#isAnchored = startsAtText(program);
    this.#first = this.#firstRunes();
  }

  /** Returns whether the text matches. Calls `spend` with the number of steps taken, and yields whenever `spend` returns true. */
  *search(text: string, spend: (steps: number) => boolean): Generator<undefined, boolean> {
    const threads = this.#spare ?? newThreads(this.#program.inst.length);
    this.#spare = null;
    const found = yield* this.#run(text, threads, spend);
    this.#spare = threads;
    return found;
  }

  *#run(text: string, threads: Threads, spend: (steps: number) => boolean): Generator<undefined, boolean> {
    const { inst, start } = this.#program;
    const { pending, waiting, visited } = threads;
    let count = 0; // of `pending`
    let before = -1;
    for (let at = 0; ;) {
      if (count === 0 && this.#first !== null) {
        const next = skip(text, at, this.#first);
        if (next > at) before = text.charCodeAt(next - 1);
        if (spend((next - at) >> 3)) yield;
        at = next;
      }
      const rune = at < text.length ? text.codePointAt(at)! : -1;
      const met = conditions(before, rune);
      if (threads.generation === 0xffff_ffff) visited.fill((threads.generation = 0));
      threads.generation++;
      let waits = 0;
      for (let i = 0; i < count && waits >= 0; i++) waits = this.#follow(pending[i]!, met, threads, waits);
      if (waits >= 0 && (at === 0 || !this.#isAnchored)) waits = this.#follow(start, met, threads, waits);
      if (waits < 0) return true;
      if (rune < 0 || (waits === 0 && this.#isAnchored)) return false;
      count = 0;
      for (let i = 0; i < waits; i++) {
        const pc = waiting[i]!;
        if (rune < ASCII ? this.#accepts[pc * ASCII + rune] === 1 : inst[pc]!.matchRune(rune)) pending[count++] = inst[pc]!.out;
      }
      if (spend(4 + 2 * waits)) yield;
      before = rune;
      at += rune > 0xffff ? 2 : 1;
    }
  }

  /**
   * Follows an instruction to all instructions that wait for a character, and adds them to `waiting`. Returns how many there
   * are then, or -1 if the expression matches.
   */
  #follow(from: number, met: number, { stack, visited, waiting, generation }: Threads, waits: number): number {
    const { inst } = this.#program;
    let depth = 0;
    stack[depth++] = from;
    while (depth > 0) {
      const pc = stack[--depth]!;
      if (visited[pc] === generation) continue;
      visited[pc] = generation;
      const { op, out, arg } = inst[pc]!;
      if (op >= OP.rune) waiting[waits++] = pc;
      else if (op === OP.match) return -1;
      else if (op === OP.capture || op === OP.nop || (op === OP.assert && (arg & ~met) === 0)) stack[depth++] = out;
      else if (op === OP.split || op === OP.splitMatch) {
        stack[depth++] = arg;
        stack[depth++] = out;
      }
    }
    return waits;
  }

  #firstRunes(): Uint8Array | null {
    const { inst, start } = this.#program;
    const first = new Uint8Array(ASCII);
    const seen = new Set<number>();
    for (const open = [start]; open.length > 0;) {
      const pc = open.pop()!;
      if (seen.has(pc)) continue;
      seen.add(pc);
      const { op, out, arg } = inst[pc]!;
      if (op === OP.assert || op === OP.match) return null;
      if (op >= OP.rune) for (let rune = 0; rune < ASCII; rune++) first[rune]! |= this.#accepts[pc * ASCII + rune]!;
      else if (op === OP.split || op === OP.splitMatch) open.push(arg, out);
      else if (op !== OP.fail) open.push(out);
    }
    return first;
  }
}

function newThreads(size: number): Threads {
  return {
    pending: new Int32Array(size),
    waiting: new Int32Array(size),
    stack: new Int32Array(2 * size + 2),
    visited: new Uint32Array(size),
    generation: 0,
  };
}

/** Returns true if a match can begin only at the beginning of the text. */
function startsAtText({ inst, start }: Program): boolean {
  for (let pc = start; ; pc = inst[pc]!.out) {
    const { op, arg } = inst[pc]!;
    if (op === OP.assert && (arg & CONDITION.beginText) !== 0) return true;
    if (op !== OP.capture && op !== OP.nop && op !== OP.assert) return false;
  }
}

/**
 * Returns the position of the next character with which a match can begin. It stops at every character outside of ASCII,
 * because only ASCII is in the table `first`.
 */
function skip(text: string, from: number, first: Uint8Array): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= ASCII || first[code] === 1) break;
  }
  return at;
}

function conditions(before: number, after: number): number {
  let met = isWord(before) === isWord(after) ? CONDITION.noWordBoundary : CONDITION.wordBoundary;
  if (before < 0) met |= CONDITION.beginText | CONDITION.beginLine;
  if (before === 10) met |= CONDITION.beginLine;
  if (after < 0) met |= CONDITION.endText | CONDITION.endLine;
  if (after === 10) met |= CONDITION.endLine;
  return met;
}

const isWord = (rune: number): boolean =>
  (rune >= 48 && rune <= 57) || (rune >= 65 && rune <= 90) || rune === 95 || (rune >= 97 && rune <= 122);
