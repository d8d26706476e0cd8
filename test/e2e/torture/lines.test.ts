import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../harness/temp.ts";
import { checkLines } from "../../torture/lines.ts";

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
