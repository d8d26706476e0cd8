import { expect, test } from "bun:test";
import fc from "fast-check";
import { LINE_BYTES, LineCollector, LineJoiner, recordOf } from "../../../src/core/logs/whole-lines.ts";

const raw = (second: number, stream: string, tag: string, text: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`2026-11-22T20:00:${String(second).padStart(2, "0")}Z ${stream} ${tag} `), Buffer.from(text)]);

const shown = ({ time, stream, full, text }: ReturnType<typeof recordOf>["line"]): string =>
  `${time.slice(17, 19)} ${stream} ${full ? "F" : "P"} ${text}`;

function forwards(records: readonly Buffer[]): string[] {
  const joiner = new LineJoiner();
  return records.flatMap((record, i) => {
    const joined = joiner.push(recordOf(record), i);
    return joined === null ? [] : [shown(joined.line)];
  });
}

function backwards(records: readonly Buffer[]): string[] {
  const collector = new LineCollector<number>();
  const lines = records.toReversed().flatMap((record) => collector.push(recordOf(record), 0));
  return [...lines, ...collector.end()].map(({ line }) => shown(line)).reverse();
}

const INTERLEAVED = [
  raw(1, "stdout", "F", "before"),
  raw(2, "stdout", "P", "a"),
  raw(3, "stderr", "P", "x"),
  raw(4, "stdout", "P", "b"),
  raw(5, "stderr", "F", "y"),
  Buffer.from("a raw line"),
  raw(6, "stdout", "F", "c"),
  raw(7, "stderr", "F", "after"),
];

test("parts of a line are joined in both directions, also when the other stream writes between them", () => {
  const lines = ["01 stdout F before", "05 stderr F xy", " stdout F a raw line", "06 stdout F abc", "07 stderr F after"];
  expect(forwards(INTERLEAVED)).toEqual(lines);
  expect(backwards(INTERLEAVED)).toEqual(lines);
});

test("a character that two parts divide becomes whole", () => {
  const euro = Buffer.from("\u{20ac}");
  const records = [raw(1, "stdout", "P", euro.subarray(0, 1)), raw(1, "stdout", "F", euro.subarray(1))];
  expect(forwards(records)).toEqual(["01 stdout F \u{20ac}"]);
  expect(backwards(records)).toEqual(["01 stdout F \u{20ac}"]);
});

test("a line over 1 MiB comes in pieces, and only the last is full", () => {
  const part = "x".repeat(LINE_BYTES / 4);
  const records = [...Array(9).fill(raw(1, "stdout", "P", part)), raw(1, "stdout", "F", "end")] as Buffer[];
  const ends = (lines: string[]): string[] => lines.map((line) => `${line.slice(10, 11)} ${line.length - 12}`);
  expect(ends(forwards(records))).toEqual([`P ${LINE_BYTES}`, `P ${LINE_BYTES}`, `F ${LINE_BYTES / 4 + 3}`]);
  expect(ends(backwards(records)).map((line) => line.slice(0, 1))).toEqual(["P", "P", "F"]);
  expect(backwards(records).map((line) => line.slice(12)).join("")).toBe(`${part.repeat(9)}end`); // prettier-ignore
});

test("a line that is being written is shown as far as it is there", () => {
  const records = [raw(1, "stdout", "F", "before"), raw(2, "stdout", "P", "a"), raw(3, "stdout", "P", "b")];
  expect(backwards(records)).toEqual(["01 stdout F before", "03 stdout P ab"]);
  expect(forwards(records)).toEqual(["01 stdout F before"]);
});

test("the last lines of a log are found without reading much of it", () => {
  const collector = new LineCollector<number>();
  let read = 0;
  const found: string[] = [];
  collector.push(recordOf(raw(9, "stderr", "F", "the only line of stderr")), 0);
  while (found.length === 0) {
    read++;
    found.push(...collector.push(recordOf(raw(8, "stdout", "F", "x".repeat(1000))), 0).map(({ line }) => shown(line)));
  }
  expect(found[0]).toBe("09 stderr F the only line of stderr");
  expect(read).toBeLessThan(1100);
});

test("the joiner says where the first unfinished line begins", () => {
  const joiner = new LineJoiner();
  const begins = INTERLEAVED.map((record, i) => (joiner.push(recordOf(record), i), joiner.begin));
  expect(begins).toEqual([null, 1, 1, 1, 1, 1, null, null]);
});

test("both directions find the same lines, whatever the records", () => {
  const record = fc
    .record({ stream: fc.constantFrom("stdout", "stderr"), tag: fc.constantFrom("F", "P", "P"), text: fc.string({ maxLength: 5 }) })
    .map(({ stream, tag, text }) => raw(1, stream, tag, text.replaceAll("\n", "")));
  const property = fc.property(fc.array(record, { maxLength: 30 }), (records) => {
    const ended = [...records, raw(2, "stdout", "F", ""), raw(2, "stderr", "F", "")];
    expect(backwards(ended)).toEqual(forwards(ended));
  });
  fc.assert(property, { numRuns: 300 });
});
