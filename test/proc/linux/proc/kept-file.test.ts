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
  const file = new KeptFile("/proc/self/schedstat");
  const cpuNs = (): number => Number.parseInt(file.read()!.toString(), 10);
  const before = cpuNs();
  for (const end = performance.now() + 20; performance.now() < end;);
  expect(cpuNs()).toBeGreaterThan(before);
});
