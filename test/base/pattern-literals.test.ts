import { expect, test } from "bun:test";
import fc from "fast-check";
import { requiredLiterals } from "../../src/base/pattern-literals.ts";

test.each<[string, readonly string[] | null]>([
  ["FATAL", ["FATAL"]],
  ["^FATAL: .*code=\\d+", ["FATAL: "]],
  ["FATAL|panic: \\w+", ["FATAL", "panic: "]],
  ["FATAL|.", null],
  ["", null],
  ["colou?r", ["colo"]],
  ["ab*cd", ["cd"]],
  ["ab+c", ["ab"]],
  ["abc{0,3}de", ["ab"]],
  ["[abc]def", ["def"]],
  ["[\\]x]y[z]", null],
  ["(one|two) three", [" three"]],
  ["(a(b|[)])c)?deep", ["deep"]],
  ["(?i:error) code", [" code"]],
  ["(?:\\))xyz", ["xyz"]],
  ["a\\.b\\/c", ["a.b/c"]],
  ["\\p{L}x\\x41b\\u0041cd", ["cd"]],
  ["\\u{41}bcd", ["bcd"]],
  ["(?<n>a)\\k<n>1\\1bc", ["bc"]],
  ["größe", ["gr"]],
  ["\\bup\\b", ["up"]],
])("%s", (source, literals) => {
  expect(requiredLiterals(source)).toEqual(literals);
});

test("every text that matches contains one of them", () => {
  const piece = fc.constantFrom(
    "a",
    "b",
    "ab",
    "cd",
    "\\.",
    "\\d",
    "[ab]",
    "[^c]",
    "(ab|c)",
    "(?:b(cd)*)",
    ".",
    "|",
    "a*",
    "b+",
    "c?",
    "d{0,2}",
    "^",
    "$",
    "(?i:ab)",
  );
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "d", ".", "1", "A"), maxLength: 12 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), text, (pieces, text) => {
      const source = pieces.join("");
      const literals = requiredLiterals(source);
      if (literals !== null && new RegExp(source).test(text)) expect(literals.some((literal) => text.includes(literal))).toBe(true);
    }),
    { numRuns: 5000 },
  );
});
