import { expect, test } from "bun:test";
import fc from "fast-check";
import { safe, safeCell, safeJson } from "../../src/cli/render/safe.ts";

const rows: ReadonlyArray<readonly [rule: string, given: string, shown: string]> = [
  ["plain text and other scripts stay", "héllo 日本 🚀 עברית", "héllo 日本 🚀 עברית"],
  ["tabs stay", "a\tb", "a\tb"],
  ["colours are dropped", "\x1b[31mred\x1b[0m", "red"],
  ["cursor movement is dropped", "a\x1b[2J\x1b[1;1Hb", "ab"],
  ["a window title is dropped, ended by BEL or by ST", "\x1b]0;owned\x07a\x1b]2;x\x1b\\b", "ab"],
  ["a terminal query is dropped", "\x1bP$q\x1b\\a\x1b[6n", "a"],
  ["8-bit CSI is dropped", "\u009b31mred", "red"],
  ["a two-byte escape is dropped", "\x1bcreset\x1b(B", "reset"],
  ["a lone escape is shown", "\x1b", "\\x1b"],
  ["an unfinished string is shown from its start", "\x1b]0;never ends", "\\x1b]0;never ends"],
  ["dropping a sequence never makes a new one", "\x1b\x1b[0m[2J", "\\x1b[2J"],
  ["bell, backspace and NUL are shown", "\x07\x08\x00", "\\x07\\x08\\x00"],
  ["line ends are shown", "a\r\nb", "a\\r\\nb"],
  ["bidi overrides are shown", "\u202egnp.exe\u2069", "\\u{202e}gnp.exe\\u{2069}"],
  ["C1 controls are shown", "\u0085", "\\x85"],
];

test.each(rows)("%s", (_, given, shown) => {
  expect(safe(given)).toBe(shown);
});

test("no control character except the tab comes through", () => {
  const nasty = fc.string({ unit: fc.oneof(fc.constantFrom("\x1b", "[", "]", "\x07", "\x9b", "\x9c", "\\", "m", ";", "\u202e", "\n"), fc.string({ minLength: 1, maxLength: 1, unit: "binary" })) }); // prettier-ignore
  fc.assert(
    fc.property(nasty, (text) => {
      expect(safe(text)).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
    }),
  );
});

test("a table cell has no tabs", () => {
  expect(safeCell("a\tb\x1b[1m")).toBe("a b");
});

test("JSON keeps its value and cannot control a terminal", () => {
  const value = { text: "\x1b[2J\u009b2J\u202e" };
  const text = safeJson(value);
  expect(text).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
  expect(JSON.parse(text)).toEqual(value);
});
