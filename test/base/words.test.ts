import { describe, expect, test } from "bun:test";
import { formatDuration, parseDuration } from "../../src/base/duration.ts";
import { errnoName, errnoWords } from "../../src/base/errno.ts";
import { decodeWaitStatus, describeExit, exitNumber, type Exit } from "../../src/base/exit.ts";
import {
  closest,
  compareIds,
  fileNameOf,
  globMatcher,
  instanceOf,
  isGlob,
  isTemplate,
  isUnitId,
  numberedUnit,
  stripSuffix,
} from "../../src/base/names.ts";
import { SIGNALS, signalName, signalNumber } from "../../src/base/signals.ts";

describe("durations", () => {
  test.each([
    ["90", 90_000],
    ["1.5s", 1500],
    ["250ms", 250],
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["1h 30m", 5_400_000],
    ["2D", 172_800_000],
    ["1w", 604_800_000],
    ["0", 0],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "x", "1x", "-5", "1h30", "m", "1..5s", "1e3"])("%p is not a duration", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test.each([
    [0, "0ms"],
    [999.4, "999ms"],
    [1500, "1.5s"],
    [9949, "9.9s"],
    [12_000, "12s"],
    [59_499, "59s"],
    [59_999, "1m"],
    [185_000, "3m 5s"],
    [3_600_000, "1h"],
    [7_260_000, "2h 1m"],
    [356_400_000, "4d 3h"],
    [-1500, "-1.5s"],
  ])("%d ms is shown as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([999.6, 9960, 59_700, 3_599_900])("the string for %d ms parses to about the same duration", (ms) => {
    expect(Math.abs(parseDuration(formatDuration(ms))! - ms)).toBeLessThan(ms * 0.02);
    expect(formatDuration(ms)).not.toMatch(/^(1000ms|60s|60m)/);
  });
});

describe("signals", () => {
  test.each([
    ["SIGTERM", 15],
    ["TERM", 15],
    ["term", 15],
    ["9", 9],
    ["SIGRTMIN+3", 37],
    ["RTMIN+30", 64],
  ])("%s is %d", (text, number) => {
    expect(signalNumber(text)).toBe(number);
  });

  test.each(["", "0", "65", "-1", "SIGNOPE", "RTMIN+31", "constructor", "SIG"])("%p is not a signal", (text) => {
    expect(signalNumber(text)).toBeUndefined();
  });

  test("number to name and name to number are inverse", () => {
    for (const [name, number] of Object.entries(SIGNALS)) {
      expect(signalName(number)).toBe(name as keyof typeof SIGNALS);
      expect(signalNumber(name)).toBe(number);
    }
    for (let number = 34; number <= 64; number++) expect(signalNumber(signalName(number))).toBe(number);
  });
});

describe("exits", () => {
  const rows: ReadonlyArray<readonly [status: number, exit: Exit, number: number, words: string]> = [
    [0, { kind: "code", code: 0 }, 0, "exit code 0"],
    [0x0300, { kind: "code", code: 3 }, 3, "exit code 3"],
    [0xff00, { kind: "code", code: 255 }, 255, "exit code 255"],
    [9, { kind: "signal", signal: 9, core: false }, 137, "killed by SIGKILL"],
    [11 | 0x80, { kind: "signal", signal: 11, core: true }, 139, "killed by SIGSEGV (core dumped)"],
    [34, { kind: "signal", signal: 34, core: false }, 162, "killed by SIGRTMIN+0"],
  ];

  test.each(rows)("wait status %d", (status, exit, number, words) => {
    expect(decodeWaitStatus(status)).toEqual(exit);
    expect(exitNumber(exit)).toBe(number);
    expect(describeExit(exit)).toBe(words);
  });

  test("a lost exit has no number", () => {
    expect(exitNumber({ kind: "lost" })).toBeNull();
    expect(describeExit({ kind: "lost" })).toBe("exit status unknown");
  });

  test("error numbers have a name and a description", () => {
    expect(errnoName(2)).toBe("ENOENT");
    expect(errnoWords(2)).toBe("no such file or directory (ENOENT)");
    expect(errnoName(999)).toBe("errno 999");
    expect(errnoWords(999)).toBe("error 999");
  });
});

describe("names", () => {
  test.each(["web", "web@1", "a", "A.b_c-d", "x".repeat(64), `${"x".repeat(64)}@${"y".repeat(64)}`])("%s is a unit id", (id) => {
    expect(isUnitId(id)).toBeTrue();
  });

  test.each(["", "web@", "@1", ".web", "-web", "a/b", "../a", "a b", "a\n", "web@a@b", "x".repeat(65), "wéb"])(
    "%p is not a unit id",
    (id) => {
      expect(isUnitId(id)).toBeFalse();
    },
  );

  test("templates and instances", () => {
    expect(isTemplate("web@")).toBeTrue();
    for (const name of ["web", "@", "web@1"]) expect(isTemplate(name)).toBeFalse();
    expect(instanceOf("web@1")).toEqual({ template: "web@", instance: "1" });
    expect(instanceOf("web")).toBeNull();
    expect(instanceOf("web@")).toBeNull();
  });

  test("the suffix of unit files", () => {
    expect(stripSuffix("web.unit.json")).toBe("web");
    expect(stripSuffix("web")).toBe("web");
    expect(fileNameOf("web@1")).toBe("web@1.unit.json");
  });

  const globs: ReadonlyArray<readonly [glob: string, yes: readonly string[], no: readonly string[]]> = [
    ["web*", ["web", "web1", "web@2"], ["aweb", "we"]],
    ["w?b", ["web", "wab"], ["wb", "weeb"]],
    ["web[12]", ["web1", "web2"], ["web3", "web12"]],
    ["web[!1]", ["web2"], ["web1"]],
    ["a.b", ["a.b"], ["axb"]],
    ["a[b", ["a[b"], ["ab"]],
    ["a+(b)", ["a+(b)"], ["aab"]],
    ["[a-c]x", ["ax", "cx"], ["dx", "-x"]],
    ["a[]b", ["a[]b"], ["ab", "ax"]],
    ["a[]b]c", ["a]c", "abc"], ["axc"]],
    ["a[z-a]", [], ["az", "a"]],
    ["a[!z-a]", ["az"], ["a"]],
    ["a[\\d]", ["a\\", "ad"], ["a1"]],
    ["a[a^]", ["aa", "a^"], ["ab"]],
    ["a[b-]", ["ab", "a-"], ["ac"]],
    ["*", ["", "a"], []],
    ["a*b*c", ["abc", "aXbbYc", "abcbc"], ["acb", "abcb"]],
    ["?", ["a", "\u{1f600}"], ["", "ab"]],
  ];

  test.each(globs)("the glob %s matches %j and not %j", (glob, yes, no) => {
    expect([...yes, ...no].filter(globMatcher(glob))).toEqual([...yes]);
  });

  test("a glob with many stars takes no longer than others", () => {
    const name = `${"a".repeat(64)}@${"a".repeat(64)}`;
    expect(globMatcher(`${"*a".repeat(30)}b`)(name)).toBe(false); // a backtracking engine would not finish
    expect(globMatcher(`${"*a".repeat(30)}*`)(name)).toBe(true);
  });

  test("isGlob recognises *, ? and [ only", () => {
    expect(["a*", "a?", "[a]", "web", "web@1"].map(isGlob)).toEqual([true, true, true, false, false]);
  });

  test("the closest word, if it is close enough", () => {
    const keys = ["command", "args", "environment", "enabled"];
    expect(closest("comand", keys)).toBe("command");
    expect(closest("enviroment", keys)).toBe("environment");
    expect(closest("agrs", keys)).toBe("args");
    expect(closest("ENABLED", keys)).toBe("enabled");
    expect(closest("zzzzzz", keys)).toBeUndefined();
    expect(closest("x", [])).toBeUndefined();
  });
});

describe("units of a service", () => {
  test.each([
    ["web@1", { service: "web", number: 1 }],
    ["web@256", { service: "web", number: 256 }],
    ["web@257", null],
    ["web@0", null],
    ["web@01", null],
    ["web@1x", null],
    ["web@", null],
    ["web", null],
  ])("%s", (id, parts) => {
    expect(numberedUnit(id)).toEqual(parts);
  });

  test("are sorted by number; other ids by name", () => {
    const ids = ["web@10", "web@2", "web", "web@x", "web@1x", "we", "web@1", "api@3", "webs@1"];
    expect(ids.toSorted(compareIds)).toEqual(["api@3", "we", "web", "web@1", "web@2", "web@10", "web@1x", "web@x", "webs@1"]);
    expect(compareIds("web@1", "web@1")).toBe(0);
  });
});
