import { expect, test } from "bun:test";
import { tellingLine } from "../../../src/core/explain/telling-line.ts";

for (const [what, lines, wanted] of [
  ["no output", [], null],
  ["only empty lines", ["", "  "], null],
  ["no line names a failure: the last one", ["listening", "bye", ""], "bye"],
  [
    "the error above a stack trace of Node",
    ["up", "Error: BILLING_KEY missing", "    at main (a.js:1)", "", "Node.js v22.1.0"],
    "Error: BILLING_KEY missing",
  ],
  [
    "the last line of a Python traceback",
    ["Traceback (most recent call last):", '  File "a.py", line 1', "KeyError: 'BILLING_KEY'"],
    "KeyError: 'BILLING_KEY'",
  ],
  ["a word that only contains one of the words", ["terror", "done"], "done"],
  ["the last of several", ["error: first", "fatal: second", "exiting"], "fatal: second"],
] as ReadonlyArray<readonly [string, string[], string | null]>)
  test(`the line that says most about a failure, ${what}`, () => expect(tellingLine(lines)).toBe(wanted));

test("a long line is cut", () => expect(tellingLine([`error ${"x".repeat(1000)}`])).toHaveLength(300));
