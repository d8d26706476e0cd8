import { expect, test } from "bun:test";
import { RE2JS } from "re2js";
import { isCheap, measurePattern } from "../../src/base/pattern-cost.ts";
import { compilePattern, compileTextPattern, parseTextPattern, type Pattern, writtenPattern } from "../../src/base/pattern.ts";
import { cpuMs } from "../harness/cpu.ts";

const compiled = (source: string): Pattern => {
  const pattern = compilePattern(source);
  if (!pattern.ok) throw new Error(pattern.error);
  return pattern.value;
};

const finds = (source: string, text: string): boolean => compiled(source).test(text);

test.each([
  ["ok", "it is ok", true],
  ["^ok$", "not ok", false],
  ["error|warn", "a warning", true],
  ["(?:a|b)c?", "xb", true],
  ["stat(us)?: *\\d+", "status:  200", true],
  ["[0-9]{3}", "HTTP 404", true],
  ["[*+]", "a+b", true],
  ["\\{\\}", "x{}", true],
  ["(?i:HELLO) \\w+", "hello world", true],
  ["a\\/b+", "a/bb", true],
  ["[^\\]]+]", "[x]", true],
  ["\\p{L}{2}", "123 ab", true],
  ["^a*$", "aaab", false],
  ["^a*$", "aaa", true],
  ["\\bcat\\b.*", "a cat", true],
  ["\\bcat\\b.*", "concat it", false],
  ["x*", "", true],
  ["\u{1f600}+$", "text \u{1f600}\u{1f600}", true],
  ["b+\\B", "ab bc", true],
])("%s in %j: %p", (source, text, wanted) => {
  expect(finds(source, text)).toBe(wanted);
});

test.each([
  ["(", "missing"],
  ["a**", ""],
  ["(?=a)b*", "look-around"],
  ["(a+)\\1", "back-references"],
  ["(?:a|b|c|d|e|f|g|h|i|j|k|l)(?=x)(?:a|b)(?:a|b)(?:a|b)", "look-around"],
  ["(?:.{1000}){1000}", "too large"],
  ["(?:abcdefghij){1000}", "too large"],
  ["(?:[)(?:]{500}){20}", "too large"],
])("%s is refused with a reason", (source, words) => {
  const pattern = compilePattern(source);
  expect(pattern.ok ? "" : pattern.error).toContain(words);
  expect(pattern.ok).toBe(false);
});

test.each([
  ["nested repetition", "(a+)+$", `${"a".repeat(1 << 20)}b`],
  ["a repetition at the end", "\\s+$", `${" ".repeat(1 << 20)}b`],
  ["one after the other", "a*a*a*a*b", "a".repeat(1 << 20)],
  ["many optional parts", `${"a?".repeat(40)}${"a".repeat(40)}`, "a".repeat(39)],
  ["bounded, but nested", "(a{1,30}){1,30}b", "a".repeat(10_000)],
  ["alternatives without repetition", `${"(?:a|aa|aaa)".repeat(18)}^b`, "a".repeat(60)],
  ["alternatives in lower-case and capitals", `${"(?:a|[aA])".repeat(30)}b`, "a".repeat(60)],
  ["a class in a class of the other language", `[^](?:a|aa)${"(?:a|aa|aaa)".repeat(18)}]b`, "a".repeat(60)],
])("%s takes linear time", (_, source, text) => {
  const took = cpuMs(() => expect(finds(source, text)).toBe(false));
  expect(took).toBeLessThan(5_000); // a backtracking engine would not finish
});

test("a match can stop after any character, and others go on meanwhile", () => {
  const pattern = compiled("[ab]*a[ab]{300}c");
  const one = pattern.search(`${"ab".repeat(4000)}a${"b".repeat(300)}c`);
  let slices = 0;
  let found: boolean | undefined;
  while (found === undefined) {
    const next = one.next();
    if (next.done === true) found = next.value;
    else {
      slices++;
      expect(pattern.test("abab")).toBe(false);
    }
  }
  expect(found).toBe(true);
  expect(slices).toBeGreaterThan(10);
});

test("work on many short texts adds up to slices, too", () => {
  const pattern = compiled("(?:[ab]?){300}[cd]");
  let slices = 0;
  for (let i = 0; i < 100; i++) slices += [...pattern.search("abba".repeat(25))].length;
  expect(slices).toBeGreaterThan(20);
});

test("isCheap tells which expressions the engine of JavaScript may run", () => {
  expect(["error", "error|warn", "[Ee][Rr]", "colou?r"].map(isCheap)).toEqual([true, true, true, true]);
  expect(["a*", "a{2}", "(?:a|aa)".repeat(8), "a?".repeat(9), "[^](a|aa)]", "(a)\\1"].map(isCheap)).toEqual(Array(6).fill(false));
});

test("expressions made at random find what RE2JS finds, and are never larger than estimated", () => {
  const random = randomFrom(20_261_122);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const atoms = [
    "a",
    "b",
    "ab",
    ".",
    "[ab]",
    "[^a]",
    "\\w",
    "\\W",
    "\\b",
    "\\B",
    "^",
    "$",
    "(?i:A)",
    "\u{e9}",
    "\u{1f600}",
    "\n",
    "(?m:^)",
    "(?m:$)",
    "\\p{L}",
  ];
  const make = (depth: number): string => {
    const one = depth > 0 && random() < 0.4 ? pick([`(${make(depth - 1)})`, `(?:${make(depth - 1)}|${make(depth - 1)})`]) : pick(atoms);
    const repeat = /^[\^$]|^\\[bB]|\(\?m/.test(one) ? "" : pick(["", "", "*", "+", "?", "*?", "{2}", "{1,3}", "{2,}"]);
    return one + repeat + (random() < 0.6 ? make(Math.max(0, depth - 1)) : "");
  };
  const letters = ["a", "b", "B", " ", "\n", "\u{e9}", "\u{1f600}", "c"];
  let positive = 0;
  for (let i = 0; i < 3000; i++) {
    const source = `${make(3)}(?:a*|c)`; // with repetition, so that the linear engine runs it
    const pattern = compilePattern(source);
    if (!pattern.ok) continue; // adjacent repetitions that one of both languages refuses
    const theirs = RE2JS.compile(source);
    expect(measurePattern(source).size >= theirs.programSize() - 1, `source ${source}`).toBe(true);
    for (let j = 0; j < 4; j++) {
      const text = Array.from({ length: Math.floor(random() * 9) }, () => pick(letters)).join("");
      const wanted = theirs.matcher(text).find();
      positive += Number(wanted);
      expect(pattern.value.test(text), `source ${source}, text ${JSON.stringify(text)}`).toBe(wanted);
    }
  }
  expect(positive).toBeGreaterThan(1000);
});

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test.each([
  ["ready", { kind: "text", text: "ready" }],
  ["/re+ady/", { kind: "regex", text: "re+ady" }],
  ["/", { kind: "text", text: "/" }],
  ["//", { kind: "text", text: "//" }],
  ["/a/i", { kind: "text", text: "/a/i" }],
] as const)("a pattern as its user writes it: %s", (written, pattern) => {
  expect(parseTextPattern(written)).toEqual(pattern);
  expect(writtenPattern(pattern)).toBe(written);
});

test("a string matches as it is, a regular expression as one", () => {
  const finds = (written: string, text: string): boolean[] => {
    const pattern = compileTextPattern(parseTextPattern(written));
    if (!pattern.ok) throw new Error(pattern.error);
    return [pattern.value.test(text), pattern.value.search(text).next().value === true];
  };
  expect(finds("a.c", "xa.cx")).toEqual([true, true]);
  expect(finds("a.c", "abc")).toEqual([false, false]);
  expect(finds("/a.c/", "abc")).toEqual([true, true]);
  expect(compileTextPattern(parseTextPattern("/(/")).ok).toBe(false);
});
