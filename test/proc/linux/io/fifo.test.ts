import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGAIN, makeFifo, openFifoReader, openFifoWriter, readFifo } from "../../../../src/linux/io/fifo.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "sup-fifo-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a FIFO gets exactly the requested mode, whatever the umask, and can be created twice", () => {
  const path = join(directory, "a");
  const before = process.umask(0o077);
  expect(makeFifo(path, 0o622).ok).toBe(true);
  process.umask(before);
  expect(statSync(path).mode & 0o777).toBe(0o622);
  expect(makeFifo(path, 0o600).ok).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a file or a symbolic link in place of a FIFO is refused, not followed", () => {
  const file = join(directory, "file");
  const link = join(directory, "link");
  writeFileSync(file, "");
  symlinkSync(file, link);
  expect(makeFifo(file, 0o600)).toEqual({ ok: false, error: 17 });
  expect(makeFifo(link, 0o600)).toEqual({ ok: false, error: 17 });
  expect(openFifoReader(link)).toEqual({ ok: false, error: 40 });
});

test("data written without a reader stays in the pipe; a read returns bytes or AGAIN, also when no service is left", () => {
  const path = join(directory, "b");
  makeFifo(path, 0o600);
  const writer = openFifoWriter(path);
  if (!writer.ok) throw new Error(`errno ${writer.error}`);
  writeSync(writer.value, "hello");
  const reader = openFifoReader(path);
  if (!reader.ok) throw new Error(`errno ${reader.error}`);
  const buffer = Buffer.alloc(16);
  expect(readFifo(reader.value, buffer, 2, 14)).toBe(5);
  expect(buffer.toString("latin1", 2, 7)).toBe("hello");
  expect(readFifo(reader.value, buffer, 0, 16)).toBe(AGAIN);
  closeSync(writer.value);
  expect(readFifo(reader.value, buffer, 0, 16)).toBe(AGAIN);
  expect(() => readFifo(reader.value, buffer, 10, 7)).toThrow(RangeError);
  closeSync(reader.value);
  expect(readFifo(reader.value, buffer, 0, 16)).toBe(-9);
});
