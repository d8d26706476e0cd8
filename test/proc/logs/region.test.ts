import { expect, test } from "bun:test";
import { closeSync, constants, openSync, readdirSync, readFileSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Region, type Seal } from "../../../src/adapters/logs/capture/region.ts";
import { makeFifo } from "../../../src/linux/io/fifo.ts";
import { memoryDir, type TempDir, tempDir } from "../../harness/temp.ts";

const SEAL: Seal = [0x12345678, -5];
const PAGE = 4096;

/** The region is filled with read(2) in memory, and with splice(2) on a disk. */
const PLACES: ReadonlyArray<readonly [string, () => TempDir]> = [
  ["on a disk", tempDir],
  ["in memory", memoryDir],
];

function withRegion(work: (region: Region, pipe: number) => void, makeDirectory: () => TempDir = tempDir): void {
  using temp = makeDirectory();
  const path = join(temp.path, "pipe");
  makeFifo(path, 0o600);
  const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const region = new Region(join(temp.path, "region"));
  try {
    work(region, pipe);
  } finally {
    region.close();
    closeSync(pipe);
  }
}

test.each(PLACES)("the seals show how many bytes arrived, and how many did not, %s", (_, makeDirectory) => {
  withRegion((region, pipe) => {
    for (const length of [8, 9, 4095, 4096, 4104, 4107, 8192, 40_000, 65_536].map((wanted) => region.fitting(wanted))) {
      const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(length)));
      region.seal(length, SEAL);
      expect(region.arrived(length, SEAL)).toBe(0);
      writeSync(pipe, bytes);
      expect(region.fill(pipe, length)).toBe(length);
      expect(region.arrived(length, SEAL)).toBe(length);
      expect(region.bytes.subarray(region.at, region.at + length).equals(bytes)).toBe(true);
    }
  }, makeDirectory);
});

test.skipIf(!canLock())("a region in memory is locked from the first step on, so that no store into it waits; one on a disk is not", () => {
  for (const [where, makeDirectory] of PLACES) {
    withRegion((region, pipe) => {
      const isInMemory = statfsSync(`/proc/self/fd/${pipe}`).type === TMPFS_MAGIC;
      const before = lockedKb();
      writeSync(pipe, "x".repeat(100));
      region.seal(100, SEAL);
      region.fill(pipe, 100);
      expect([where, lockedKb() - before]).toEqual([where, isInMemory ? region.bytes.length / 1024 : 0]);
    }, makeDirectory);
  }
});

test.each(PLACES)("a step that stopped between two pages is known to the exact page, %s", (_, makeDirectory) => {
  withRegion((region, pipe) => {
    const length = 10 * PAGE + 100;
    for (let pages = 1; pages <= 10; pages++) {
      region.seal(length, SEAL);
      writeSync(pipe, Buffer.alloc(pages * PAGE, 7));
      expect(region.fill(pipe, pages * PAGE)).toBe(pages * PAGE); // as if the kernel stopped there
      expect(region.arrived(length, SEAL)).toBe(pages * PAGE);
    }
  }, makeDirectory);
});

test("the last page always has room for its seal, and no step exceeds the region", () => {
  withRegion((region) => {
    for (const waiting of [4097, 4103, 8192 + 7]) expect(region.fitting(waiting) % PAGE).toBe(0);
    for (const waiting of [100, 4096, 4104, 50_000]) expect(region.fitting(waiting)).toBe(waiting);
    expect(region.fitting(5 << 20)).toBe(1 << 20);
  });
});

test("an existing region is reused unchanged: the last daemon's bytes may be in it", () => {
  using temp = tempDir();
  const path = join(temp.path, "region");
  const first = new Region(path);
  first.bytes.write("kept", first.at);
  first.close();
  const second = new Region(path);
  expect(second.bytes.toString("latin1", second.at, second.at + 4)).toBe("kept");
  second.close();
  expect(readdirSync(temp.path)).toEqual(["region"]);
});

const TMPFS_MAGIC = 0x01021994;

function lockedKb(): number {
  return Number(/^VmLck:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))![1]);
}

/** Returns false if RLIMIT_MEMLOCK of this machine is too low. Some containers set it to 64 KiB. */
function canLock(): boolean {
  const limit = /^Max locked memory\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"))![1]!;
  return limit === "unlimited" || Number(limit) >= 8 << 20;
}
