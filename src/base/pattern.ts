import { isCheap, measurePattern } from "./pattern-cost.ts";
import { PatternMachine, type Program } from "./pattern-machine.ts";
import { err, ok, type Result } from "./result.ts";

/**
 * A regular expression from a user, to be matched against the output of a service. A pathological expression must not block
 * the daemon, so every match takes time linear in the length of the text and can be divided into slices
 * (https://swtch.com/~rsc/regexp/regexp1.html). The JavaScript engine backtracks, so it runs only short expressions with few
 * alternatives and no repetition.
 */
export interface Pattern {
  /** Matches without interruption. Meant for short texts. */
  test(text: string): boolean;
  /**
   * Matches in slices. Yields after about a millisecond of work, counted over all calls. The caller may abandon a match at
   * any time, and matches of one pattern may overlap.
   */
  search(text: string): Generator<undefined, boolean>;
}

/** A string to find, or a regular expression. */
export interface TextPattern {
  readonly kind: "text" | "regex";
  readonly text: string;
}

/** Parses what a user wrote: `/…/` is a regular expression, anything else is a string to find. */
export function parseTextPattern(written: string): TextPattern {
  const regex = /^\/(.+)\/$/s.exec(written)?.[1];
  return regex === undefined ? { kind: "text", text: written } : { kind: "regex", text: regex };
}

/** Returns the pattern as its user wrote it. */
export const writtenPattern = ({ kind, text }: TextPattern): string => (kind === "regex" ? `/${text}/` : text);

export function compileTextPattern({ kind, text: wanted }: TextPattern): Result<Pattern, string> {
  if (kind === "regex") return compilePattern(wanted);
  const test = (text: string): boolean => text.includes(wanted);
  return ok({
    test,
    // oxlint-disable-next-line require-yield -- finding a string is quick
    *search(text) {
      return test(text);
    },
  });
}

/** Compiles a regular expression. The error is a message that does not quote the expression. */
export function compilePattern(source: string): Result<Pattern, string> {
  let native: RegExp;
  try {
    native = new RegExp(source);
  } catch (error) {
    return err((error as Error).message.replace(/^Invalid regular expression: /, ""));
  }
  const { size, ways } = measurePattern(source);
  if (size > MAX_SIZE) return err(`too large: it takes about ${size} steps, and the limit is ${MAX_SIZE}; use smaller repetition counts`);
  if (isCheap(source)) return ok(patternOf(nativeMatcher(native, size * ways)));
  return compileLinear(source);
}

/** Maximum number of instructions in a compiled expression. Compiling this many takes a few milliseconds. */
const MAX_SIZE = 4000;
/** Number of steps between two yields. */
const SLICE_STEPS = 50_000;

type Matcher = (text: string, spend: (steps: number) => boolean) => Generator<undefined, boolean>;

function patternOf(match: Matcher): Pattern {
  let steps = 0;
  const spend = (count: number): boolean => {
    steps += count;
    if (steps < SLICE_STEPS) return false;
    steps = 0;
    return true;
  };
  return {
    search: (text) => match(text, spend),
    test(text) {
      const slices = match(text, spend);
      for (;;) {
        const slice = slices.next();
        if (slice.done === true) return slice.value;
      }
    },
  };
}

function nativeMatcher(native: RegExp, cost: number): Matcher {
  return function* (text, spend) {
    if (spend(text.length * cost)) yield;
    return native.test(text);
  };
}

/**
 * Compiles an expression with RE2JS, but matches it with PatternMachine. The matchers of RE2JS cannot be interrupted, and their DFA
 * may take 8 MB.
 */
function compileLinear(source: string): Result<Pattern, string> {
  // Loaded on first use, because it costs 25 ms and 8 MB and most daemons never need it.
  const { RE2JS } = require("re2js") as typeof import("re2js");
  try {
    const { prog } = (RE2JS.compile(source) as unknown as { re2(): { prog: Program } }).re2();
    const machine = new PatternMachine(prog);
    return ok(patternOf((text, spend) => machine.search(text, spend)));
  } catch (error) {
    const words = (error as Error).message.replace(/^error parsing regexp: /, "");
    return err(`${words} (look-around, back-references and \\u escapes are not supported in expressions with repetition or many alternatives)`); // prettier-ignore
  }
}
