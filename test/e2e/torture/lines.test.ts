import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../harness/temp.ts";
import { checkCounted, checkLines } from "../../torture/lines.ts";

const line = (text: string): string => `2026-11-22T20:00:00.000000000Z stdout F ${text}\n`;

function check(...texts: string[]): ReturnType<typeof checkLines> {
  using temp = tempDir();
  writeFileSync(join(temp.path, "web.log"), texts.map(line).join(""));
  return checkLines(temp.path, "web");
}

test("lines in order have no fault, also when the last one is only begun", () => {
  expect(check("line 1", "line 2")).toEqual({ count: 2, faults: [] });
  const many = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`);
  expect(check(...many, "line 1")).toEqual({ count: 12, faults: [] });
  expect(check(...many, "li")).toEqual({ count: 12, faults: [] });
});

test("a line that is lost, there twice, or torn in the middle is a fault", () => {
  expect(check("line 1", "line 3").faults).toEqual(['after line 1 comes "line 3"']);
  expect(check("line 1", "line 1").faults).toEqual(['after line 1 comes "line 1"']);
  expect(check("line 1", "li", "line 2").faults).toEqual(['after line 1 comes "li"']);
  expect(check("line 1", "li", "ne 2").faults.length).toBe(2);
});

test("of a limited log what is there and what is counted must make up all lines", () => {
  const counted = (total: number, ...texts: string[]): ReturnType<typeof checkCounted> => {
    using temp = tempDir();
    writeFileSync(join(temp.path, "web.log"), texts.map(line).join(""));
    return checkCounted(temp.path, "web", total);
  };
  const dropped = (lines: number): string => `[sup] ${lines} lines (9 bytes) of stdout were dropped by log.rate_limit`;
  expect(counted(7, "line 1", dropped(3), "line 5", "line 6", dropped(1))).toEqual({ dropped: 4, faults: [] });
  expect(counted(7, "line 1", dropped(3), "line 5", "line 6").faults).toEqual(["web wrote 7 lines: 3 are there, and 3 are counted as dropped"]); // prettier-ignore
  expect(counted(2, "line 1", "line 1").faults).toEqual(['in the log of web, after line 1, comes "line 1"']);
  expect(counted(1, "ine 1").faults.length).toBe(1);
});
