import { expect, test } from "bun:test";
import { closeSync, readSync } from "node:fs";
import { makePipe } from "../../../../src/linux/io/fifo.ts";
import { LossyOutput } from "../../../../src/linux/io/lossy-output.ts";
import { errno, libc } from "../../../../src/linux/ffi/libc.ts";
import { ptr } from "bun:ffi";
import { until } from "../support.ts";

const gap = (lines: number): string => `[${lines} lost]\n`;

function pipe(): { reader: number; writer: number } {
  const made = makePipe();
  if (!made.ok) throw new Error(`errno ${made.error}`);
  return made.value;
}

function socketPair(): { reader: number; writer: number } {
  const ends = new Int32Array(2);
  if (libc.socketpair(1, 1 | 0o4000, 0, ptr(ends)) !== 0) throw new Error(`errno ${errno()}`);
  return { reader: ends[0]!, writer: ends[1]! };
}

/** Reads what is there. */
function take(reader: number): string {
  const buffer = Buffer.alloc(1 << 20);
  let text = "";
  for (;;) {
    try {
      const bytes = readSync(reader, buffer);
      if (bytes === 0) return text;
      text += buffer.toString("latin1", 0, bytes);
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("EAGAIN");
      return text;
    }
  }
}

const line = (n: number): string => `${n} ${"x".repeat(200)}\n`;

test.each([
  ["a pipe", pipe],
  ["a socket", socketPair],
])(
  "%s that nobody reads never blocks; later its reader gets whole lines in order, and the number of those that are missing",
  async (_, open) => {
    const { reader, writer } = open();
    const flagsBefore = libc.fcntl(writer, 3, 0);
    const output = new LossyOutput(writer, gap);
    const count = 50_000;
    for (let n = 0; n < count; n++) output.write(line(n));
    let text = "";
    await until(() => (text += take(reader)).includes("lost]\n"), "the gap");
    const kept = text.split("\n").slice(0, -2);
    expect(kept).toEqual(kept.map((_, n) => line(n).trimEnd()));
    expect(text.length).toBeGreaterThan(4 << 20);
    expect(text.length).toBeLessThan(6 << 20);
    expect(text).toEndWith(`\n[${count - kept.length} lost]\n`);
    output.write("after\n");
    expect(take(reader)).toBe("after\n");
    expect(libc.fcntl(writer, 3, 0)).toBe(flagsBefore); // others may share the open file
    closeSync(reader);
    output.write("nobody\n");
    output.write("nobody\n");
    closeSync(writer);
  },
);

test("at the end a slow reader gets the rest, and one that does not read is not waited for", async () => {
  const { reader, writer } = pipe();
  const output = new LossyOutput(writer, gap);
  const total = 5000;
  for (let n = 0; n < total; n++) output.write(line(n));
  let text = take(reader);
  expect(text.split("\n").length).toBeLessThan(total);
  const reading = setInterval(() => (text += take(reader)), 5);
  await output.finish(1000);
  clearInterval(reading);
  text += take(reader);
  expect(text).toEndWith(line(total - 1));
  expect(text.split("\n").length).toBe(total + 1);

  const stalled = new LossyOutput(writer, gap);
  for (let n = 0; n < total; n++) stalled.write(line(n));
  await stalled.finish(100);
  stalled.write("too late\n");
  expect(take(reader)).not.toContain("too late");
  closeSync(reader);
  closeSync(writer);
});

test("a descriptor that is closed takes everything", async () => {
  const { reader, writer } = pipe();
  closeSync(reader);
  closeSync(writer);
  const output = new LossyOutput(writer, gap);
  output.write("nowhere\n");
  await output.finish(100);
});
