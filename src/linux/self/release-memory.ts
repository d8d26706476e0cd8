import { fullGC } from "bun:jsc";
import { closeSync, openSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { libc } from "../ffi/libc.ts";
import { mapOnlyUsedPages } from "./fault-around.ts";

const MADV_DONTNEED = 4;
const PAGE_BYTES = 4096;

/**
 * Gives back memory that only the start needed: garbage, and pages of the executable. Compiled code stays, because without it
 * (`Bun.shrink`) the daemon uses twice the CPU time in the first minute at rest.
 */
export function releaseStartupMemory(): void {
  fullGC();
  releaseFilePages();
}

/** Runs a full garbage collection; the memory goes back to the system shortly after. Returns how long it took, in milliseconds. */
export function collectGarbage(): number {
  const began = performance.now();
  fullGC();
  return performance.now() - began;
}

/**
 * Unmaps the pages of the executable that are in memory, up to 45 MB: code of the runtime, its constants, and the embedded
 * JavaScript. Most of them are needed only at the start. The pages stay in the page cache, so a page that is used again is mapped
 * again without reading the disk. Only pages that this process has not modified are unmapped.
 */
function releaseFilePages(): void {
  const program = embeddedProgram();
  const ranges = ownMappings().flatMap((mapping) => cleanRanges(mapping, program));
  mapOnlyUsedPages(ranges);
  for (const [from, to] of ranges) libc.madvise(from, to - from, MADV_DONTNEED);
}

/** A mapping of the executable (proc_pid_smaps(5)). `end` is exclusive, and `at` is the position in the file. */
interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly at: number;
  readonly isWritable: boolean;
  /** Number of bytes in pages that this process has modified. */
  readonly modifiedBytes: number;
}

type Range = readonly [from: number, to: number];

/** Returns the parts of a mapping that nothing in this process modifies. */
function cleanRanges(mapping: Mapping, program: Range | null): Range[] {
  // Pages of a read-only mapping were modified if the loader has relocated addresses in them.
  if (!mapping.isWritable) return mapping.modifiedBytes === 0 ? [[mapping.start, mapping.end]] : [];
  if (program === null) return [];
  // The embedded JavaScript is at the end of the writable data.
  const from = mapping.start + roundUp(Math.max(0, program[0] - mapping.at));
  const to = Math.min(mapping.end, mapping.start + program[1] - mapping.at);
  return from < to && isUnmodified(from, to) ? [[from, to - (to % PAGE_BYTES)]] : [];
}

const roundUp = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

/** Returns true if no page in the range is present as a modified copy (proc_pid_pagemap(5)). */
function isUnmodified(from: number, to: number): boolean {
  const [IS_PRESENT, IS_OF_FILE] = [0x80, 0x20]; // in the highest byte of the 8 bytes of a page
  const first = Math.floor(from / PAGE_BYTES);
  const entries = readPart("/proc/self/pagemap", first * 8, (Math.ceil(to / PAGE_BYTES) - first) * 8);
  for (let at = 7; at < entries.length; at += 8) if ((entries[at]! & (IS_PRESENT | IS_OF_FILE)) === IS_PRESENT) return false;
  return entries.length > 0;
}

/** Returns the range in the executable's file that contains the embedded JavaScript, which is an ELF section (elf(5)). */
function embeddedProgram(): Range | null {
  const header = readPart("/proc/self/exe", 0, 64);
  if (header.readUInt32BE(0) !== 0x7f454c46) return null;
  const [entryBytes, count, namesIndex] = [header.readUInt16LE(58), header.readUInt16LE(60), header.readUInt16LE(62)];
  const table = readPart("/proc/self/exe", Number(header.readBigUInt64LE(40)), entryBytes * count);
  const rangeOf = (index: number): Range => {
    const at = Number(table.readBigUInt64LE(index * entryBytes + 24));
    return [at, at + Number(table.readBigUInt64LE(index * entryBytes + 32))];
  };
  const names = rangeOf(namesIndex);
  const text = readPart("/proc/self/exe", names[0], names[1] - names[0]);
  for (let index = 0; index < count; index++) {
    const name = table.readUInt32LE(index * entryBytes);
    if (text.toString("latin1", name, text.indexOf(0, name)) === ".bun") return rangeOf(index);
  }
  return null;
}

function readPart(path: string, position: number, bytes: number): Buffer {
  const fd = openSync(path, "r");
  try {
    const part = Buffer.alloc(bytes);
    return part.subarray(0, readSync(fd, part, 0, bytes, position));
  } finally {
    closeSync(fd);
  }
}

function ownMappings(): Mapping[] {
  const own = readlinkSync("/proc/self/exe").replace(/ \(deleted\)$/, "");
  const found: Mapping[] = [];
  let mapping: Omit<Mapping, "modifiedBytes"> | null = null;
  for (const line of readFileSync("/proc/self/smaps", "latin1").split("\n")) {
    const [, from, to, rights, at, path] = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+\s*(.*)$/.exec(line) ?? [];
    if (from !== undefined) {
      const isOwn = rights![3] === "p" && path!.replace(/ \(deleted\)$/, "") === own;
      const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to!, 16)];
      mapping = isOwn ? { start, end, at: Number.parseInt(at!, 16), isWritable: rights![1] === "w" } : null;
    } else if (mapping !== null && line.startsWith("Anonymous:")) {
      found.push({ ...mapping, modifiedBytes: Number.parseInt(line.slice(10), 10) * 1024 });
    }
  }
  return found;
}
