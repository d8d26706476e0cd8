import type { Random } from "../sim/random.ts";

export const MEGABYTE = 1_000_000;

/** What a service may write: ordinary lines, lines of all lengths, binary bytes, lines longer than a record. */
export type Kind = "lines" | "mixed" | "bytes" | "long";

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 =:./-_[]";
const NEWLINE = 10;

/** Returns exactly `size` bytes that end with a newline. */
export function textOf(kind: Kind, random: Random, size: number): Buffer {
  const text = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const end = Math.min(size, at + lengthOf(kind, random) + 1) - 1;
    for (; at < end; at++) text[at] = kind === "bytes" ? byteOf(random) : LETTERS.charCodeAt(random.below(LETTERS.length));
    text[at++] = NEWLINE;
  }
  return text;
}

function lengthOf(kind: Kind, random: Random): number {
  if (kind === "lines") return 99;
  if (kind === "long") return 20_000 + random.below(300_000);
  if (random.chance(0.001)) return random.below(64_000);
  return random.below(random.chance(0.1) ? 1500 : 250);
}

/** Any byte except a newline, including invalid UTF-8, NUL and control characters. */
const byteOf = (random: Random): number => {
  const byte = random.below(256);
  return byte === NEWLINE ? 0xff : byte;
};
