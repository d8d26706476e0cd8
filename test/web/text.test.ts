import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bare, spansOf } from "../../src/web/ansi.ts";
import { summaryOf } from "../../src/web/notes.ts";
import { clip, plain, withoutCommands } from "../../src/web/text.ts";
import { parseTime } from "../../src/web/time-input.ts";
import { criLine, findAll, grepOf, Joiner } from "../../src/web/unit/log-lines.ts";
import { aLine } from "../api/server/fake.ts";

const HIDDEN = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/;

describe("plain text", () => {
  for (const [given, shown] of [
    ["as it is, <b>too</b>\tand tabs", "as it is, <b>too</b>\tand tabs"],
    ["a\x1b[31mb", "a\\x1b[31mb"],
    ["one\ntwo\r", "one\\ntwo\\r"],
    ["user\u202etxt.exe", "user\\u{202e}txt.exe"],
    ["\u2066hidden\u2069", "\\u{2066}hidden\\u{2069}"],
    ["nul\0", "nul\\x00"],
  ] as const)
    test(JSON.stringify(given), () => expect(plain(given)).toBe(shown));

  test.each([
    ["Nothing automatically. `sup start web` starts it.", "Nothing automatically."],
    ["its unit file was removed; `sup reload` stops and forgets the unit", "its unit file was removed."],
    ["Starts when db is ready; its state is fatal.", "Starts when db is ready; its state is fatal."],
    ["The command `supply` failed.", "The command `supply` failed."],
  ])("loses the clauses with commands of sup, because there is a button: %s", (text, wanted) => expect(withoutCommands(text)).toBe(wanted));

  test("never contains an invisible or bidi character", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !HIDDEN.test(plain(text))));
  }, 30_000); // a hundred texts on a busy machine

  test("is truncated, but never within a surrogate pair", () => {
    expect(clip("abc", 3)).toEqual({ text: "abc", rest: 0 });
    expect(clip("abcd", 3)).toEqual({ text: "abc", rest: 1 });
    expect(clip("a😀b", 2)).toEqual({ text: "a", rest: 3 });
  });
});

describe("the summary of the daemon's notes", () => {
  test.each([
    ["one bad file", ['/u/web.unit.json:1:2: error: unknown key "x"'], "1 unit file could not be loaded"],
    ["several errors of one file", ["/u/web.unit.json:1:2: error: a", "/u/web.unit.json: error: b"], "1 unit file could not be loaded"],
    [
      "two files, one of them a drop-in",
      ["/u/a.unit.json:3: error: a", "/u/b.unit.json.d/x.json:1:1: error: b"],
      "2 unit files could not be loaded",
    ],
    ["a warning in a file", ["/u/web.unit.json:1:2: warning: old key"], "1 warning"],
    ["a bad file and others", ["port 7870 is taken by x", "/my units/a.unit.json:1:1: error: a", "the disk is full"], "1 unit file could not be loaded, 2 warnings"], // prettier-ignore
  ])("%s", (_, notes, summary) => expect(summaryOf(notes)).toBe(summary));
});

describe("colours of a terminal", () => {
  for (const [name, given, spans] of [
    ["none", "plain", [["plain", ""]]],
    ["an empty line", "", []],
    [
      "one colour and back",
      "\x1b[31mred\x1b[0m on",
      [
        ["red", "fg-red"],
        [" on", ""],
      ],
    ],
    ["several at once", "\x1b[1;4;92mX", [["X", "fg-green sgr-bold sgr-underline"]]],
    [
      "a short reset",
      "\x1b[1mA\x1b[mB",
      [
        ["A", "sgr-bold"],
        ["B", ""],
      ],
    ],
    ["a ground", "\x1b[30;43mwarn", [["warn", "fg-black bg-yellow"]]],
    [
      "of 256",
      "\x1b[38;5;196mred\x1b[48;5;21mblue",
      [
        ["red", "fg-red"],
        ["blue", "fg-red bg-blue"],
      ],
    ],
    [
      "of 16 million",
      "\x1b[38;2;10;200;220mC\x1b[38;2;1;2;3mK",
      [
        ["C", "fg-cyan"],
        ["K", "fg-black"],
      ],
    ],
    ["reverse", "\x1b[7;31mX", [["X", "fg-black bg-red"]]],
    ["what is not known is left out", "\x1b[58;5;9;1mX\x1b[99m", [["X", "sgr-bold"]]],
    ["a style that does not change makes no new piece", "\x1b[32ma\x1b[32mb", [["ab", "fg-green"]]],
    ["an unfinished sequence is shown", "a\x1b[31", [["a\\x1b[31", ""]]],
    ["colours without an end are the same as their end", "\x1b[31;", [["\\x1b[31;", ""]]],
  ] as ReadonlyArray<readonly [string, string, ReadonlyArray<readonly [string, string]>]>)
    test(name, () => expect(spansOf(given).map(({ text, style }) => [text, style] as const)).toEqual([...spans]));

  for (const [name, given, shown] of [
    ["moving the cursor", "a\x1b[2J\x1b[10;10Hb", "ab"],
    ["a window title", "a\x1b]0;owned\x07b", "ab"],
    ["a link", "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"],
    ["a device string", "a\x1bPq#0;2;0;0;0\x1b\\b", "ab"],
    ["one-byte forms", "a\x9b31mb\x9d0;t\x9cc", "abc"],
    ["a reset of the terminal", "a\x1bcb", "ab"],
  ] as const)
    test(`${name} has no effect`, () => {
      expect(bare(given)).toBe(shown);
      expect(spansOf(given).map(({ text }) => text).join("")).toBe(shown); // prettier-ignore
    });

  test("whatever a service writes, no invisible character is left and class names are from the style sheet", () => {
    const pieces = fc.constantFrom("\x1b", "[", "]", "31", ";", "m", "38;5;", "\x07", "\x9b", "text", "<script>", "\u202e");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        for (const { text, style } of spansOf(parts.join(""))) {
          expect(text).not.toMatch(HIDDEN);
          expect(style).toMatch(/^(?:(?:fg|bg|sgr)-[a-z]+(?: |$))*$/);
        }
      }),
    );
  });
});

describe("lines of a log", () => {
  test("parts are joined to one line, separately per stream", () => {
    const joiner = new Joiner();
    const first = joiner.push({ ...aLine("ab"), full: false });
    expect(first).toMatchObject({ line: { text: "ab", open: true }, replaces: null });
    expect(joiner.push(aLine("other", "stderr"))).toMatchObject({ line: { text: "other", open: false }, replaces: null });
    const last = joiner.push(aLine("cd"));
    expect(last).toMatchObject({ line: { text: "abcd", open: false } });
    expect(last.replaces).toBe(first.line);
    expect(joiner.push(aLine("next")).replaces).toBeNull();
  });

  test("a line without an end does not grow without limit", () => {
    const joiner = new Joiner();
    const part = "x".repeat(1_000_000);
    const lengths = [1, 2, 3, 4].map(() => joiner.push({ ...aLine(part), full: false }).line.text.length);
    expect(lengths).toEqual([1_000_000, 2_000_000, 1_000_000, 2_000_000]);
  });

  for (const [search, text, found] of [
    ["error", "An ERROR and an error", ["ERROR", "error"]],
    ["a.b", "a.b axb", ["a.b"]],
    ["(1+1)", "is (1+1)", ["(1+1)"]],
    ["/err(or)?/", "err error", ["err", "error"]],
    ["[x]-{y}", "[x]-{y}", ["[x]-{y}"]],
    ["ß", "Straße", ["ß"]],
    ["", "all", []],
    ["/(/", "((", []],
    ["/(?:a|aa)(?:a|aa)(?:a|aa)(?:a|aa)(?:a|aa)(?:a|aa)(?:a|aa)b/", "aaaaaaaab", []], // could make the browser hang
    ["/a*a*b/", "aab", []],
  ] as const)
    test(`searching ${JSON.stringify(search)} marks ${JSON.stringify(found)}`, () =>
      expect(findAll(text, grepOf(search)).map(([from, to]) => text.slice(from, to))).toEqual([...found]));

  test("a download has the lines as stored in the file", () => {
    expect(criLine({ time: "2026-01-01T00:00:00.000000001Z", stream: "stderr", full: false, text: "x" })).toBe(
      "2026-01-01T00:00:00.000000001Z stderr P x\n",
    );
    expect(criLine({ ...aLine("as it came"), time: "" })).toBe("as it came\n");
  });
});

describe("a time that a user types", () => {
  const NOW_LOCAL = new Date(2026, 10, 28, 15, 40, 10).getTime();
  for (const [text, wanted] of [
    ["15:40", new Date(2026, 10, 28, 15, 40)],
    [" 9:05:07 ", new Date(2026, 10, 28, 9, 5, 7)],
    ["15:41", new Date(2026, 10, 27, 15, 41)],
    ["2026-01-31", new Date(2026, 0, 31)],
    ["2026-01-31 23:59:59", new Date(2026, 0, 31, 23, 59, 59)],
    ["2026-01-31T08:00", new Date(2026, 0, 31, 8)],
    ["2026-02-30 08:00", null],
    ["24:00", null],
    ["12:60", null],
    ["yesterday", null],
    ["", null],
  ] as const)
    test(JSON.stringify(text), () => expect(parseTime(text, NOW_LOCAL)).toEqual(wanted));
});
