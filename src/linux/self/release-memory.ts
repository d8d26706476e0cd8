import { fullGC } from "bun:jsc";
import { readFileSync, readlinkSync } from "node:fs";
import { libc } from "../ffi/libc.ts";

const MADV_DONTNEED = 4;

/**
 * Unmaps code that only the start needed, about 30 MB of the executable's text. The pages stay in the page cache, so code that
 * runs again is mapped again without reading the disk. Only the executable's own read-only code pages are released, because
 * they cannot have been modified. Returns the size of these mappings in bytes.
 */
export function releaseStartupCode(): number {
  const own = readlinkSync("/proc/self/exe").replace(/ \(deleted\)$/, "");
  let released = 0;
  for (const line of readFileSync("/proc/self/maps", "latin1").split("\n")) {
    const [, from, to, rights, path] = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)$/.exec(line) ?? [];
    if (from === undefined || rights !== "r-xp" || path?.replace(/ \(deleted\)$/, "") !== own) continue;
    const start = Number.parseInt(from, 16);
    const bytes = Number.parseInt(to!, 16) - start;
    if (libc.madvise(start, bytes, MADV_DONTNEED) === 0) released += bytes;
  }
  return released;
}

/** Runs a full garbage collection; the memory goes back to the system shortly after. Returns how long it took, in milliseconds. */
export function collectGarbage(): number {
  const began = performance.now();
  fullGC();
  return performance.now() - began;
}
