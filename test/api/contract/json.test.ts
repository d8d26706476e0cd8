import { expect, test } from "bun:test";
import fc from "fast-check";
import { isDeeperThan, locateJsonError } from "../../../src/api/contract/json.ts";

for (const [text, line, column] of [
  ["", 1, 1],
  ["{", 1, 2],
  ['{"a":1,}', 1, 8],
  ["[1,2", 1, 5],
  ["[1 2]", 1, 4],
  ["[,]", 1, 2],
  ['{"a" 1}', 1, 6],
  ["{a:1}", 1, 2],
  ["01", 1, 2],
  ["1.", 1, 2],
  ["[1]]", 1, 4],
  ['{"a":\n  "b\n"}', 2, 3],
  ["[tru]", 1, 2],
  ["// x", 1, 1],
] as const) {
  test(`finds where ${JSON.stringify(text)} stops being JSON`, () => expect(locateJsonError(text)).toEqual({ line, column }));
}

test("agrees with JSON.parse about what is JSON, for valid JSON and for JSON with one character changed", () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom("", ",", "]", "}", '"', "0", "-", "e", ".", "\\", "\n", " ", "x"))
    .map(([text, at, char]) => {
      const i = at % (text.length + 1);
      return text.slice(0, i) + char + text.slice(i + 1);
    });
  fc.assert(
    fc.property(fc.oneof(fc.json(), damaged), (text) => {
      expect(locateJsonError(text) === null).toBe(isJson(text));
    }),
    { numRuns: 2000 },
  );
});

test("half a million open brackets do not exhaust the stack", () => {
  expect(locateJsonError("[".repeat(500_000))).toEqual({ line: 1, column: 500_001 });
});

test("nesting is counted outside of strings only, without recursion", () => {
  expect(isDeeperThan(2, `{"a": ["[[[\\"[[", {}]}`)).toBe(true);
  expect(isDeeperThan(3, `{"a": ["[[[\\"[[", {}], "b": [[]]}`)).toBe(false);
  expect(isDeeperThan(64, "[".repeat(64) + "]".repeat(64))).toBe(false);
  expect(isDeeperThan(64, "[".repeat(500_000))).toBe(true);
});
