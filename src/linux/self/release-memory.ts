import { fullGC } from "bun:jsc";
import { readFileSync, readlinkSync } from "node:fs";
import { libc } from "../ffi/libc.ts";

const MADV_DONTNEED = 4;

/**
 * Gives the code that only the start needed back to the page cache: some 30 MB of the executable's text. What is needed
 * again is mapped again, without reading the disk. Only pages that nothing can have written to are let go: the
 * executable's own, mapped to be executed. Returns the bytes that were mapped so.
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

/** Collects all garbage of the JavaScript heap; the memory goes back to the system within the next moments. Returns milliseconds. */
export function collectGarbage(): number {
  const began = performance.now();
  fullGC();
  return performance.now() - began;
}
