import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdtempSync,
  readdirSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFifo } from "../../../../src/linux/io/fifo.ts";
import { makeStdinFifo, openStdinFifo, type StdinFifo } from "../../../../src/linux/io/stdin-fifo.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "sup-stdin-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const NAME = "0".repeat(32);
const pathOf = (name: string): string => join(directory, `stdin-${name}`);

function made(): StdinFifo {
  const fifo = makeStdinFifo(directory);
  if (!fifo.ok || fifo.value === null) throw new Error("no FIFO");
  return fifo.value;
}

function opened(name: string): number {
  const fd = openStdinFifo(directory, name);
  if (!fd.ok) throw new Error(fd.error);
  return fd.value;
}

test("bytes and the end go from one side to the other, and no file is left", () => {
  const fifo = made();
  const reader = opened(fifo.name);
  expect(readdirSync(directory)).toEqual([]);
  fifo.opened();
  writeSync(fifo.writer, "hello");
  closeSync(fifo.writer);
  const buffer = Buffer.alloc(16);
  expect(readSync(reader, buffer)).toBe(5);
  expect(readSync(reader, buffer)).toBe(0);
  closeSync(reader);
});

test("a write fails once the other side has closed its end, and only after that side had opened it", () => {
  const fifo = made();
  writeSync(fifo.writer, "early");
  closeSync(opened(fifo.name));
  fifo.opened();
  expect(() => writeSync(fifo.writer, "late")).toThrow("EPIPE");
  closeSync(fifo.writer);
});

test("without a runtime directory there is no FIFO, and an unused FIFO is removed", () => {
  expect(makeStdinFifo(join(directory, "missing"))).toEqual({ ok: true, value: null });
  const fifo = made();
  expect(readdirSync(directory)).toEqual([`stdin-${fifo.name}`]);
  fifo.opened();
  fifo.remove();
  fifo.remove();
  expect(readdirSync(directory)).toEqual([]);
  closeSync(fifo.writer);
});

test("the daemon opens nothing but a private FIFO, and opening one without a writer does not block", () => {
  const refusal = (): unknown => {
    const fd = openStdinFifo(directory, NAME);
    return fd.ok ? closeSync(fd.value) : fd.error;
  };
  expect(refusal()).toContain("ENOENT");
  writeFileSync(pathOf(NAME), "text");
  expect(refusal()).toEndWith("is not a FIFO");
  rmSync(pathOf(NAME));
  makeFifo(join(directory, "other"), 0o600);
  symlinkSync(join(directory, "other"), pathOf(NAME));
  expect(refusal()).toContain("ELOOP");
  rmSync(pathOf(NAME));
  makeFifo(pathOf(NAME), 0o622);
  expect(refusal()).toEndWith("is open to other users");
  chmodSync(pathOf(NAME), 0o600);
  expect(refusal()).toBeUndefined();
});

test.if(process.getuid!() === 0)("the daemon refuses a FIFO of another user, and root's FIFO belongs to the owner of the directory", () => {
  makeFifo(pathOf(NAME), 0o600);
  chownSync(pathOf(NAME), 54321, 54321);
  expect(openStdinFifo(directory, NAME)).toEqual({ ok: false, error: `${pathOf(NAME)} belongs to user 54321` });
  chownSync(directory, 54321, 54321);
  const fifo = made();
  expect(openStdinFifo(directory, fifo.name)).toMatchObject({ ok: false, error: expect.stringContaining("belongs to user 54321") });
  fifo.opened();
  fifo.remove();
  closeSync(fifo.writer);
});
