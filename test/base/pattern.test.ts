import { expect, test } from "bun:test";
import { compilePattern } from "../../src/base/pattern.ts";
import { cpuMs } from "../harness/cpu.ts";

const finds = (source: string, text: string): boolean => {
  const pattern = compilePattern(source);
  if (!pattern.ok) throw new Error(pattern.error);
  return pattern.value.test(text);
};

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
])("%s in %j: %p", (source, text, wanted) => {
  expect(finds(source, text)).toBe(wanted);
});

test.each([
  ["(", "missing"],
  ["a**", ""],
  ["(?=a)b*", "look-around"],
  ["(a+)\\1", "back-references"],
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
])("%s takes linear time", (_, source, text) => {
  const took = cpuMs(() => expect(finds(source, text)).toBe(false));
  expect(took).toBeLessThan(5_000); // a backtracking engine would not finish
});
