import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Framed, frameLines, type Framing, PART_BYTES } from "../../../../src/core/logs/framing.ts";
import { nativeFrameLines } from "../../../../src/linux/io/framing.ts";

const HEAD = "2026-11-22T20:01:02.123456789Z stdout ";
const FRAMINGS: readonly Framing[] = [
  { full: Buffer.from(`${HEAD}F `), part: Buffer.from(`${HEAD}P `), endParts: true },
  { full: Buffer.alloc(0), part: Buffer.alloc(0), endParts: false },
];

const native = nativeFrameLines();

const piece = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .record({ fill: fc.constantFrom(0, 10, 65, 0xff), length: fc.integer({ min: 0, max: 70_000 }) })
    .map(({ fill, length }) => new Uint8Array(fill === 10 ? length % 50 : length).fill(fill)),
  fc.constantFrom(PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES).map((length) => new Uint8Array(length).fill(66)),
  fc.constant(Uint8Array.of(10)),
  fc
    .record({ length: fc.nat(9000), from: fc.nat(3) })
    .map(({ length, from }) => Buffer.from("\u{e9}\u{20ac}\u{1f600}".repeat(length)).subarray(from)),
);

test("C can be compiled on this machine", () => expect(native).not.toBe(frameLines));

test("the C function returns the same as the TypeScript function for any bytes, bounds and output size", () => {
  const framing = fc.constantFrom(...FRAMINGS);
  const room = fc.constantFrom(PART_BYTES + 41, 40_000, 1 << 20);
  const property = fc.property(fc.array(piece, { maxLength: 9 }), framing, room, fc.nat(200), (pieces, one, bytes, skipped) => {
    const input = Buffer.concat([...pieces, Buffer.from("\nnever looked at\n")]);
    const to = input.length - 17;
    const from = Math.min(skipped, to);
    const run = (frame: typeof frameLines): { framed: Framed; output: Buffer } => {
      const output = Buffer.alloc(bytes);
      return { framed: frame(input, from, to, output, one), output };
    };
    const [expected, actual] = [run(frameLines), run(native)];
    expect(actual.framed).toEqual(expected.framed);
    expect(actual.output.equals(expected.output)).toBe(true);
  });
  fc.assert(property, { numRuns: 300, includeErrorInReport: true });
});

test("integers that the JIT stores as doubles are passed on correctly", () => {
  const input = Buffer.from("ab\ncd\n");
  const output = Buffer.alloc(20_000);
  const bounds = new Float64Array([3, 6]);
  for (let i = 0; i < 20_000; i++) {
    const { taken } = native(input, bounds[0]!, bounds[1]!, output, FRAMINGS[1]!);
    if (taken !== 3) throw new Error(`it took ${taken}`);
  }
});

test("bounds outside of the buffer are refused", () => {
  expect(() => native(Buffer.alloc(10), 0, 11, Buffer.alloc(70_000), FRAMINGS[0]!)).toThrow("outside the buffer");
});
