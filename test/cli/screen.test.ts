/** The parts of the full-screen commands that need no terminal. */
import { expect, test } from "bun:test";
import { detachKeys } from "../../src/cli/screen/detach-keys.ts";
import { keysOf } from "../../src/cli/screen/keys.ts";
import { ScreenModes } from "../../src/cli/screen/modes.ts";
import { Painter } from "../../src/cli/screen/painter.ts";
import { fit, fitRight, wrap } from "../../src/cli/top/text.ts";

test.each<[string, string[], string, boolean]>([
  ["other keys pass at once", ["ab", "\x03"], "ab\x03", false],
  ["Ctrl-P Ctrl-Q detaches, in one piece or in two", ["a\x10\x11"], "a", true],
  ["in two pieces", ["a\x10", "\x11b"], "a", true],
  ["a Ctrl-P alone is held back until the next key", ["\x10"], "", false],
  ["and then passes", ["\x10", "x"], "\x10x", false],
  ["of two Ctrl-P, the first passes", ["\x10\x10\x11"], "\x10", true],
  ["a Ctrl-Q alone passes", ["\x11"], "\x11", false],
])("detaching: %s", (_, typed, wanted, detaches) => {
  const take = detachKeys();
  const parts = typed.map((text) => take(Buffer.from(text)));
  expect(parts.map((part) => Buffer.from(part.typed).toString()).join("")).toBe(wanted);
  expect(parts.at(-1)!.detaches).toBe(detaches);
});

test.each<[string, string[], string]>([
  ["nothing was changed", ["hello"], ""],
  [
    "vim: alternate screen, mouse, paste, cursor",
    ["\x1b[?1049h\x1b[?1002;1006h\x1b[?2004h\x1b[?25l"],
    "\x1b[?1002l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[?1049l",
  ],
  ["what the program has undone", ["\x1b[?1049h\x1b[?25l", "x\x1b[?25h\x1b[?1049l"], ""],
  ["a sequence in two pieces", ["a\x1b[?10", "49hb"], "\x1b[?1049l"],
  ["a mode that means nothing here", ["\x1b[?12h"], ""],
])("modes: %s", (_, output, wanted) => {
  const modes = new ScreenModes();
  for (const text of output) modes.feed(Buffer.from(text));
  expect(modes.undo()).toBe(`\x1b[0m\x1b>${wanted}`);
});

test("keys: characters, names, sequences of several terminals; a lone Escape; what has no name is left out", () => {
  expect(keysOf("jé\t\r\x7f\x03")).toEqual(["j", "é", "tab", "enter", "backspace", "ctrl-c"]);
  expect(keysOf("\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[1~\x1b[F")).toEqual(["up", "down", "pageup", "pagedown", "home", "end"]);
  expect(keysOf("\x1b[1;5A")).toEqual(["up"]);
  expect(keysOf("\x1b[15~\x00\x1b")).toEqual(["escape"]);
});

test("the painter sends only the rows that differ, and all of them after a change of size", () => {
  let sent = "";
  const painter = new Painter((text) => (sent += text));
  const draw = (rows: string[]): string => {
    sent = "";
    painter.draw(rows);
    return sent;
  };
  const frame = (text: string): string => `\x1b[?2026h${text}\x1b[?2026l`;
  expect(draw(["one", "two"])).toBe(frame("\x1b[1;1H\x1b[Kone\x1b[2;1H\x1b[Ktwo"));
  expect(draw(["one", "2"])).toBe(frame("\x1b[2;1H\x1b[K2"));
  expect(draw(["one", "2"])).toBe("");
  expect(draw(["one"])).toBe(frame("\x1b[2;1H\x1b[K"));
  painter.clear();
  expect(draw(["one"])).toBe(frame("\x1b[1;1H\x1b[Kone"));
});

test("text is cut and padded by its width on the screen, without its colours", () => {
  expect(fit("abc", 5)).toBe("abc  ");
  expect(fit("漢字漢字", 5)).toBe("漢字…");
  expect(Bun.stringWidth(fit("\x1b[31mabcdef\x1b[39m", 4))).toBe(4);
  expect(fitRight("ab", 4)).toBe("  ab");
  expect(wrap(["short", "a long line of text"], 7, true)).toEqual(["short", "a long ", "line of", " text"]);
  expect(wrap(["abcdefghij"], 4, false)).toEqual(["abcd", "efgh", "ij"]);
});
