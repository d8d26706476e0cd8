import { expect, test } from "bun:test";
import { neededMemory } from "../../../../src/linux/ffi/bare-process.ts";

/** The map of a daemon with musl on arm64, shortened; the vvar_vclock line as in Linux 6.13 and later. */
const MAPS = `00200000-0631b000 r-xp 00000000 103:00 31                           /usr/local/bin/sup
25e80000-25e82000 rw-p 00000000 00:00 0                                  [heap]
31e51e18000-31e51e19000 rwxp 00000000 00:00 0
31e51e19000-31e51e1b000 rw-p 00000000 00:00 0
ffff829d2000-ffff82a7f000 r-xp 00000000 103:00 23                        /lib/ld-musl-aarch64.so.1
ffff82a81000-ffff82a88000 rw-p 00000000 00:00 0
ffff82a88000-ffff82a8c000 r--p 00000000 00:00 0                          [vvar]
ffff82a8c000-ffff82a8e000 r--p 00000000 00:00 0                          [vvar_vclock]
ffff82a8e000-ffff82a90000 r-xp 00000000 00:00 0                          [vdso]
ffffc77b7000-ffffc77d8000 rw-p 00000000 00:00 0                          [stack]
`;
const CODE = 0x31e51e18040n;
const DATA = 0x31e51e1a010n;
const THREAD = 0xffff82a82100n;

const pairsOf = (flat: readonly bigint[]): Array<readonly [bigint, bigint]> =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[i * 2]!, flat[i * 2 + 1]!]);
const pairs = pairsOf(neededMemory([CODE, DATA, THREAD], MAPS));
const isKept = (address: bigint): boolean => pairs.some(([from, to]) => from <= address && address < to);

test.each([
  ["its code", CODE, true],
  ["its data", DATA, true],
  ["the data of its thread, and 200 KB above it, where the kernel writes (rseq)", THREAD + 200_000n, true],
  ["the whole stack", 0xffffc77d7fffn, true],
  ["the kernel's pages, which newer kernels refuse to unmap", 0xffff82a8d000n, true],
  ["the vdso", 0xffff82a8efffn, true],
  ["not the program's code", 0x00300000n, false],
  ["not the heap", 0x25e80000n, false],
] as const)("the keeper keeps %s", (_, address, kept) => expect(isKept(address)).toBe(kept));

test("the ranges it keeps are in rising order and do not touch, so the memory in between can be unmapped", () => {
  const flat = pairs.flat();
  expect(flat.every((address, i) => i === 0 || address > flat[i - 1]!)).toBe(true);
  expect(pairs).toHaveLength(3);
});
