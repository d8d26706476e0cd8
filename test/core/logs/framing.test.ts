import { expect, test } from "bun:test";
import fc from "fast-check";
import { characterEnd, type Framing, frameLines, PART_BYTES, parseLine, PREFIX_BYTES } from "../../../src/core/logs/framing.ts";

const HEAD = "2026-11-22T20:01:02.123456789Z stdout ";
const CRI: Framing = { full: Buffer.from(`${HEAD}F `), part: Buffer.from(`${HEAD}P `), endParts: true };
const RAW: Framing = { full: Buffer.alloc(0), part: Buffer.alloc(0), endParts: false };

/** Feeds chunks like a capture; returns the records and the unfinished line. */
function feed(chunks: readonly Buffer[], framing: Framing, outputBytes = 1 << 20): { out: Buffer; rest: Buffer; records: number } {
  const output = Buffer.alloc(outputBytes);
  const made: Buffer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let records = 0;
  for (const chunk of chunks) {
    const input = Buffer.concat([rest, chunk, Buffer.from("\nnever looked at\n")]);
    const length = rest.length + chunk.length;
    for (let at = 0; ;) {
      const framed = frameLines(input, at, length, output, framing);
      made.push(Buffer.from(output.subarray(0, framed.made)));
      records += framed.records;
      at += framed.taken;
      if (framed.more) continue;
      rest = Buffer.from(input.subarray(at, length));
      break;
    }
  }
  return { out: Buffer.concat(made), rest, records };
}

const frame = (text: string): string => {
  const { out, rest } = feed([Buffer.from(text)], CRI);
  return `${out.toString("latin1").replaceAll(HEAD, "")}|${rest.toString("latin1")}`;
};

test("every line becomes a record, and a line without a newline stays in the input", () => {
  expect(frame("")).toBe("|");
  expect(frame("a\n\nb\nc")).toBe("F a\nF \nF b\n|c");
});

test("a line of exactly 16 KiB is whole; one byte more makes a part", () => {
  const line = "x".repeat(PART_BYTES);
  expect(frame(`${line}\n`)).toBe(`F ${line}\n|`);
  expect(frame(`${line}y\n`)).toBe(`P ${line}\nF y\n|`);
  expect(frame(line)).toBe(`|${line}`);
  expect(frame(`${line}y`)).toBe(`P ${line}\n|y`);
});

test.each([
  ["two bytes", "\u{e9}"],
  ["three bytes", "\u{20ac}"],
  ["four bytes", "\u{1f600}"],
])("a part never ends within a character of %s", (_, character) => {
  for (let before = 0; before < 4; before++) {
    const line = "x".repeat(before) + character.repeat(PART_BYTES);
    const { out } = feed([Buffer.from(`${line}\n`)], CRI);
    const parts = out
      .toString("utf8")
      .trimEnd()
      .split("\n")
      .map((record) => record.slice(PREFIX_BYTES));
    expect(parts.join("")).toBe(line);
    for (const part of parts.slice(0, -1)) expect(Buffer.byteLength(part)).toBeGreaterThan(PART_BYTES - 4);
  }
});

test("bytes that are not UTF-8 are cut at exactly 16 KiB", () => {
  for (const byte of [0x80, 0xbf, 0xc3, 0xff]) {
    const { out } = feed([Buffer.concat([Buffer.alloc(PART_BYTES + 5, byte), Buffer.from("\n")])], CRI);
    expect(out.indexOf(10)).toBe(PREFIX_BYTES + PART_BYTES);
  }
});

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .record({ fill: fc.constantFrom(0, 9, 13, 65, 0x80, 0xc3, 0xff), length: fc.integer({ min: 0, max: 100_000 }) })
    .map(({ fill, length }) => new Uint8Array(length).fill(fill)),
  fc.integer({ min: 0, max: 20_000 }).map((length) => new Uint8Array(Buffer.from("\u{e9}\u{20ac}\u{1f600}".repeat(length / 3)))),
);

test("for any bytes in any chunks: records rejoin to the lines, no part is too long, no byte changes", () => {
  const property = fc.property(
    fc.array(bytes, { maxLength: 6 }),
    fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }),
    (lines, cuts) => {
      const text = Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
      const chunks: Buffer[] = [];
      for (let at = 0, i = 0; at < text.length; i++) chunks.push(text.subarray(at, (at += cuts[i % cuts.length]!)));
      const { out, rest, records } = feed(chunks, CRI, PREFIX_BYTES + PART_BYTES + 1 + 5000);
      expect(rest.length).toBe(0);
      const { text: back, count } = unframe(out);
      expect(back.equals(text)).toBe(true);
      expect(records).toBe(count);
      expect(feed(chunks, RAW, PREFIX_BYTES + PART_BYTES + 1).out.equals(text)).toBe(true);
    },
  );
  fc.assert(property, { numRuns: 60 });
});

function unframe(out: Buffer): { text: Buffer; count: number } {
  const pieces: Buffer[] = [];
  let count = 0;
  for (let at = 0; at < out.length; count++) {
    const end = out.indexOf(10, at);
    const head = out.toString("latin1", at, at + PREFIX_BYTES);
    expect(head === `${HEAD}F ` || head === `${HEAD}P `).toBe(true);
    expect(end - at - PREFIX_BYTES).toBeLessThanOrEqual(PART_BYTES);
    pieces.push(out.subarray(at + PREFIX_BYTES, head[38] === "F" ? end + 1 : end));
    at = end + 1;
  }
  return { text: Buffer.concat(pieces), count };
}

test("parseLine parses a record and returns null for anything else", () => {
  expect(parseLine(`${HEAD}F a b`)).toEqual({ time: "2026-11-22T20:01:02.123456789Z", stream: "stdout", full: true, text: "a b" });
  expect(parseLine("2026-11-22T20:01:02.5Z stderr P ")).toEqual({
    time: "2026-11-22T20:01:02.5Z",
    stream: "stderr",
    full: false,
    text: "",
  });
  expect(parseLine("2026-11-22T20:01:02Z stderr F:x t")).toMatchObject({ full: true, text: "t" });
  for (const none of ["", "hello", "2026-11-22T20:01:02Z stdin F x", "2026-11-22T20:01:02Z stdout X x", "22:01 stdout F x"]) {
    expect(parseLine(none)).toBeNull();
  }
});

test("records that do not end their line are counted", () => {
  const input = Buffer.from(`${"x".repeat(2 * PART_BYTES + 1)}\nshort\n`);
  const output = Buffer.alloc(1 << 20);
  expect(frameLines(input, 0, input.length, output, CRI)).toMatchObject({ records: 4, parts: 2, taken: input.length, more: false });
});

test("a cut moves to the beginning of the character that it would split, and stays where the bytes are not valid UTF-8", () => {
  const text = Buffer.from("aé€😀");
  expect(Array.from({ length: text.length + 1 }, (_, cut) => characterEnd(text, cut))).toEqual([0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10]);
  expect(characterEnd(Buffer.of(0x41, 0x80), 1)).toBe(1);
  expect(characterEnd(Buffer.of(0xc3, 0xa9, 0x80), 2)).toBe(2);
  expect(characterEnd(Buffer.of(0x80, 0x80, 0x80, 0x80, 0x80), 4)).toBe(4);
});
