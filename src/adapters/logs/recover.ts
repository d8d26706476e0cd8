import { closeSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { frameLines, type Framing, PART_BYTES } from "../../core/lines.ts";
import { findRotated, rotatedName } from "../../core/rotate.ts";
import type { Stream } from "../../ports/logs.ts";
import { NOWHERE } from "./file.ts";
import type { CaptureJournal, InFlight, Where } from "./journal.ts";
import type { Stamper } from "./stamp.ts";

/**
 * Finishes the step that the last daemon was in the middle of. The records of the step are made again: they differ from
 * those of the first attempt in their stamps alone, so what is in the log already is known by its length, and only the
 * rest is written. Can be interrupted and repeated at any point.
 */
export function recover(journal: CaptureJournal, logDir: string, stamper: Stamper): void {
  const step = journal.inFlight();
  if (step === null) return;
  const key = journal.keyOf(step.slot);
  if (key === undefined) return journal.cancel();
  const [unit, stream] = key.split("\0") as [string, Stream];
  const { records, rest } = remake(step, journal.line(step.slot), journal.taken(step), stamper.stamp(stream, step.raw ? "raw" : "cri"));
  const written = writtenSince(step.where, logDir, `${unit}.log`);
  if (written < records.length) append(join(logDir, `${unit}.log`), records.subarray(written));
  journal.commit(step.slot, rest, 0);
}

function remake(step: InFlight, line: Buffer, bytes: Buffer, framing: Framing): { readonly records: Buffer; readonly rest: Buffer } {
  const nothing = Buffer.alloc(0);
  if (step.doing !== "chunk") {
    if (line.length === 0) return { records: nothing, rest: nothing };
    const end = framing.endParts ? [Buffer.from("\n")] : [];
    return { records: Buffer.concat([step.doing === "end" ? framing.full : framing.part, line, ...end]), rest: nothing };
  }
  const input = Buffer.concat([line, bytes]);
  const output = Buffer.alloc(Math.max(64 * 1024, 4 * PART_BYTES));
  const made: Buffer[] = [];
  let at = 0;
  for (let more = true; more;) {
    const framed = frameLines(input, at, input.length, output, framing);
    made.push(Buffer.from(output.subarray(0, framed.made)));
    at += framed.taken;
    more = framed.more;
  }
  return { records: Buffer.concat(made), rest: Buffer.from(input.subarray(at)) };
}

/** How much was appended to the log since it was there, over the rotations that came meanwhile. */
function writtenSince({ inode, size }: Where, logDir: string, name: string): number {
  const rotated = findRotated(name, readdirSync(logDir)).files.map((file) => rotatedName(name, file));
  // It was made by this step, and so was what it has been rotated to since: short lines grow many times their size by their stamps.
  if (inode === NOWHERE.inode) rotated.length = Math.max(0, rotated.length - size);
  let total = 0;
  for (const file of [name, ...rotated]) {
    const found = statSync(join(logDir, file), { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (found.ino === inode) return total + found.size - size;
    total += found.size;
  }
  if (inode === NOWHERE.inode) return total;
  // Somebody took the file away: what was in it is gone with it, and cannot be told from what was not.
  return Number.MAX_SAFE_INTEGER;
}

function append(path: string, bytes: Buffer): void {
  const fd = openSync(path, "a", 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  } finally {
    closeSync(fd);
  }
}
