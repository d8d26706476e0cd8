import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { KeptFile } from "../../../../src/linux/proc/kept-file.ts";
import { tempDir } from "../../../harness/temp.ts";

test("each read returns the whole present content, however long, and null as long as there is no file", () => {
  using dir = tempDir();
  const path = join(dir.path, "file");
  const file = new KeptFile(path);
  expect(file.read()).toBeNull();
  for (const length of [10, 100_000, 3]) {
    writeFileSync(path, "x".repeat(length));
    expect(file.read()?.toString()).toBe("x".repeat(length));
  }
});

test("a file of /proc is read anew each time", () => {
  const file = new KeptFile("/proc/self/stat");
  const fields = (): string[] => file.read()!.toString().split(" ");
  expect(fields()[0]).toBe(String(process.pid));
  const before = Number(fields()[13]);
  for (const end = performance.now() + 100; performance.now() < end;);
  expect(Number(fields()[13])).toBeGreaterThan(before);
});
