import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LossGate, type GateState, lineEnding } from "../../../core/logs/loss-gate.ts";
import { frameLines, type Framing } from "../../../core/logs/framing.ts";
import { findRotated, rotatedName } from "../../../core/logs/rotation.ts";
import { openOwnFile } from "../../../linux/io/regular-files.ts";
import type { Stream } from "../../../ports/logs.ts";
import { OUTPUT_BYTES } from "./capture.ts";
import { NOWHERE } from "../files/log-file.ts";
import { CaptureJournal, type InFlight, type Where } from "./capture-journal.ts";
import type { Stamper } from "./stamp.ts";

const NEWLINE = 10;

/** Opens the journal and completes the step in which the last daemon was killed. Without a journal, output may be lost in a crash. */
export function openJournal(
  {
    runtimeDir,
    logDir,
    onProblem,
  }: { readonly runtimeDir: string; readonly logDir: string; readonly onProblem?: (message: string) => void },
  stamper: Stamper,
): CaptureJournal | null {
  try {
    const journal = new CaptureJournal(runtimeDir);
    recover(journal, logDir, stamper);
    return journal;
  } catch (error) {
    onProblem?.(`cannot protect output against a crash of sup: ${(error as Error).message}`);
    return null;
  }
}

/**
 * Completes the step in which the last daemon was killed. It builds the records of the step again. The new records have other
 * timestamps than in the first attempt, but the same lengths. Therefore the length of the log shows which records are written
 * already, and only the others are added. The rate limit drops the same records as before, and records that the disk refuses now
 * count as lost. This function may be interrupted at any point and repeated.
 */
export function recover(journal: CaptureJournal, logDir: string, stamper: Stamper): void {
  const step = journal.inFlight();
  if (step === null) return;
  const key = journal.keyOf(step.slot);
  if (key === undefined) return journal.cancel();
  const [unit, stream] = key.split("\0") as [string, Stream];
  const path = join(logDir, `${unit}.log`);
  const written = step.refused ? 0 : writtenSince(step.where, logDir, `${unit}.log`);
  if (step.doing === "note") {
    if (written > 0) removeLast(path, written);
    return journal.cancel(); // the notice is still due, and a later step writes it
  }
  const framing = stamper.stamp(stream, step.raw ? "raw" : "cri");
  const log = step.refused ? null : new Resumed(path, { written, prefixBytes: framing.full.length });
  const { gate, rest } = replay(
    { step, line: journal.line(step.slot), bytes: journal.taken(step), gate: journal.gate(step.slot) },
    framing,
    log,
  );
  log?.close();
  journal.commit(step.slot, rest, gate, 0);
}

interface Replayed {
  readonly step: InFlight;
  readonly line: Buffer;
  readonly bytes: Buffer;
  readonly gate: GateState;
}

/**
 * Builds the records of a step again and writes them to `log`, which is null if the disk had refused the whole step. Returns the
 * new state of the gate, and the new unfinished line.
 */
function replay({ step, line, bytes, gate: before }: Replayed, framing: Framing, log: Resumed | null): { gate: GateState; rest: Buffer } {
  const gate = new LossGate({
    write: ({ buffer }, from, to) => log?.write(buffer, from, to) ?? 0,
    endLine: () => log !== null && log.write(lineEnding(framing.full), 0, framing.full.length + 1) > 0,
    missed: () => {},
  });
  gate.state = before;
  gate.begin(step.allowance);
  const { raw } = step;
  if (step.doing !== "chunk") {
    if (line.length === 0) return { gate: before, rest: line };
    const unended = step.doing === "end";
    const end = Buffer.alloc(framing.endParts ? 1 : 0, "\n");
    const buffer = Buffer.concat([unended ? framing.full : framing.part, line, end]);
    gate.take({ buffer, length: buffer.length, count: 1, parts: unended ? 0 : 1, raw, unended });
    return { gate: gate.state, rest: Buffer.alloc(0) };
  }
  const input = Buffer.concat([line, bytes]);
  const buffer = Buffer.alloc(OUTPUT_BYTES); // same size as in the first attempt, because it limits the records of an endless `raw` line
  let at = 0;
  for (let more = true; more;) {
    const framed = frameLines(input, at, input.length, buffer, framing);
    const { made: length, records: count, parts } = framed;
    if (count > 0) gate.take({ buffer, length, count, parts, raw, unended: false });
    at += framed.taken;
    more = framed.more;
  }
  return { gate: gate.state, rest: Buffer.from(input.subarray(at)) };
}

/** A log that already contains the first `written` bytes of the records that are written to it. */
class Resumed {
  #skip: number;
  #fd = -1;
  #refused = false;
  readonly #path: string;
  /** Length of the prefix with the timestamp at the beginning of each record. 0 for `raw` logs. */
  readonly #prefixBytes: number;

  constructor(path: string, { written, prefixBytes }: { readonly written: number; readonly prefixBytes: number }) {
    this.#path = path;
    this.#skip = written;
    this.#prefixBytes = prefixBytes;
  }

  /**
   * Writes the records that the log does not contain yet. Returns how many of the bytes are in the log now, always a whole number
   * of records.
   */
  write(buffer: Buffer, from: number, to: number): number {
    const there = Math.min(this.#skip, to - from);
    this.#skip -= there;
    let at = from + there;
    if (this.#refused) return 0;
    try {
      if (there > 0 && at < to) this.#replacePrefix(buffer, from, at);
      if (at < to && this.#fd < 0) this.#fd = openOwnFile(this.#path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
      while (at < to) at += writeSync(this.#fd, buffer, at, to - at);
      return to - from;
    } catch {
      this.#refused = true; // the caller counts the rest as lost
      const newline = at > from ? buffer.lastIndexOf(NEWLINE, at - 1) : -1;
      const whole = newline >= from ? newline + 1 : from;
      this.#cut(at - whole);
      return whole - from;
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
  }

  /**
   * If the log ends within the prefix of a record, replaces the beginning of that prefix. Otherwise its timestamp would consist of
   * digits of the first attempt and of this one, and could be earlier than the one before it.
   */
  #replacePrefix(buffer: Buffer, from: number, at: number): void {
    const start = Math.max(from, buffer.lastIndexOf(NEWLINE, at - 1) + 1);
    const length = at - start;
    if (length === 0 || length >= this.#prefixBytes) return;
    const fd = openOwnFile(this.#path, constants.O_WRONLY); // without O_APPEND, which would ignore the position
    try {
      writeSync(fd, buffer, start, length, fstatSync(fd).size - length);
    } finally {
      closeSync(fd);
    }
  }

  /** Removes an incomplete record of this length from the end of the log. */
  #cut(bytes: number): void {
    if (bytes > 0 && this.#fd >= 0) ftruncateSync(this.#fd, Math.max(0, fstatSync(this.#fd).size - bytes));
  }
}

/** Removes a record of this length from the end of the log. */
function removeLast(path: string, bytes: number): void {
  try {
    const fd = openOwnFile(path, constants.O_RDWR);
    const { size } = fstatSync(fd);
    if (bytes <= size) ftruncateSync(fd, size - bytes);
    closeSync(fd);
  } catch {
    // Another program removed the log.
  }
}

/**
 * Returns how many bytes were appended to the log since the step began, across rotations. If the number is unknown, returns
 * MAX_SAFE_INTEGER, so that nothing is written twice.
 */
function writtenSince({ inode, size }: Where, logDir: string, name: string): number {
  const rotated = findRotated(name, names(logDir)).files.map((file) => rotatedName(name, file));
  // The log had no file when the step began. So this step created the current file and all rotated files that are new since then.
  // There may be several, because timestamps make short lines many times longer.
  if (inode === NOWHERE.inode) rotated.length = Math.max(0, rotated.length - size);
  let total = 0;
  for (const file of [name, ...rotated]) {
    const found = lstatSync(join(logDir, file), { throwIfNoEntry: false });
    if (found === undefined) continue;
    // Another program truncated the file meanwhile, so it is unknown how far the step came.
    if (found.ino === inode) return found.size < size ? Number.MAX_SAFE_INTEGER : total + found.size - size;
    total += found.size;
  }
  if (inode === NOWHERE.inode) return total;
  // Another program removed the file, so it is unknown what the file contained.
  return Number.MAX_SAFE_INTEGER;
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
