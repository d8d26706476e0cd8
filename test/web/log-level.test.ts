import { describe, expect, test } from "bun:test";
import { grepOfLevel, isShown, levelOf, LevelReader, LEVELS, type Level } from "../../src/web/log-level.ts";

const LINES: ReadonlyArray<readonly [line: string, level: Level | null]> = [
  // JSON
  ['{"level":"error","msg":"x"}', "error"],
  ['{"level":30,"time":1,"msg":"pino"}', "info"],
  ['{"level":50,"msg":"pino"}', "error"],
  ['{"ts":1,"severity":"WARNING","message":"cloud"}', "warning"],
  ['{"@timestamp":"x","log.level":"debug"}', "debug"],
  ['{"log":{"level":"error"}}', "error"],
  ['{"msg":"said {\\"level\\":\\"error\\"}"}', null],
  ['{"msg":"ERROR in the text"}', null],
  // logfmt
  ["time=2026-01-01T00:00:00Z level=warn msg=x", "warning"],
  ['ts=1 lvl="info" msg="error"', "info"],
  // text
  ["2026-01-01 00:00:00,123 ERROR [main] x", "error"],
  ["2026-01-01T00:00:00Z WARN x", "warning"],
  ["[2026-01-01 00:00:00] production.ERROR: x", null],
  ["ERROR:root:x", "error"],
  ["INFO:     Started server", "info"],
  ["DEBUG x", "debug"],
  ["2026/01/01 00:00:00 [error] 7#7: *1 open() failed", "error"],
  ["2026/01/01 00:00:00 [notice] 7#7: start", "info"],
  ["2026-01-01 00:00:00 UTC [7] LOG:  checkpoint", "info"],
  ["2026-01-01 00:00:00 UTC [7] FATAL:  no such role", "error"],
  ["E0102 15:04:05.000000 1 main.go:1] x", "error"],
  ["I0102 15:04:05.000000 1 main.go:1] no error", "info"],
  ["<4>slow", "warning"],
  ["<3>broken", "error"],
  ["npm ERR! code 1", "error"],
  ["error: x", "error"],
  ["Error: BILLING_KEY missing", "error"],
  ["error[E0308]: mismatched types", "error"],
  ["main.c:3: warning: unused", null],
  ["gcc: fatal: no input", "error"],
  ["panic: runtime error", "error"],
  ["TypeError: x is not a function", "error"],
  ["java.lang.IllegalStateException: x", "error"],
  ["Traceback (most recent call last):", "error"],
  ["\x1b[31mERROR\x1b[0m x", "error"],
  ["[\x1b[33mWARN\x1b[0m] x", "warning"],
  // nothing
  ["listening on 8080", null],
  ["0 errors, 0 warnings", null],
  ["the error was fixed", null],
  ["LOG rotated", null],
  ["constructor: x", null],
  ["", null],
];

describe("the level of a log line", () => {
  for (const [line, level] of LINES) test(`${JSON.stringify(line)}: ${level}`, () => expect(levelOf(line)).toBe(level));

  test("the daemon's search for a level finds all lines of this level, and is short enough for the API", () => {
    for (const min of ["error", "warning"] as const) {
      const grep = grepOfLevel(min);
      expect(grep.length).toBeLessThanOrEqual(500);
      for (const [line, level] of LINES)
        if (level !== null && isShown(level, min)) expect([line, new RegExp(grep).test(line)]).toEqual([line, true]);
    }
    expect(grepOfLevel("info")).toBe("");
  });

  test("a long line takes no time", () => {
    const before = performance.now();
    for (const start of ["{", "a", "<", "[", " "]) levelOf(start.repeat(2_000_000));
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

test("an indented line has the level of the line above it in the same stream", () => {
  const reader = new LevelReader();
  const read = (text: string, stream = "stderr"): Level | null => reader.read({ stream, text });
  expect(read("TypeError: x")).toBe("error");
  expect(read("    at main (a.js:1)")).toBe("error");
  expect(read("  progress", "stdout")).toBeNull();
  expect(read("    at run (a.js:2)")).toBe("error");
  expect(read("ready")).toBeNull();
  expect(read("    details")).toBeNull();
});

test("a filter shows lines of at least its level; lines without a level only if information is shown", () => {
  const shown = (min: Parameters<typeof isShown>[1]): readonly unknown[] => [...LEVELS, null].filter((level) => isShown(level, min));
  expect(shown("")).toEqual(["error", "warning", "info", "debug", null]);
  expect(shown("info")).toEqual(["error", "warning", "info", null]);
  expect(shown("warning")).toEqual(["error", "warning"]);
  expect(shown("error")).toEqual(["error"]);
});
