/**
 * Lines of a service's output as they stand in its log file. The format is that of the Kubernetes container runtimes
 * (CRI, kubelet's `ParseCRILog`), so that log shippers read it as it is:
 *
 *     2026-11-22T20:01:02.123456789Z stdout F text
 *
 * `P` in place of `F` is a part of a line that goes on in the next record. The bytes of the text are never changed.
 */

/** A line longer than this is cut into parts; the runtimes use the same size. */
export const PART_BYTES = 16 * 1024;

/** Length of `2026-11-22T20:01:02.123456789Z stdout F `; `stderr` is as long. */
export const PREFIX_BYTES = 40;

/** Where the tag (`F` or `P`) stands in the prefix. */
export const TAG_AT = 38;

const NEWLINE = 10;

/** How records are made: the prefixes of whole lines and of parts. */
export interface Framing {
  readonly full: Uint8Array;
  readonly part: Uint8Array;
  /** False: a part is not ended by a newline of ours (`raw`: the bytes stay as they came). */
  readonly endParts: boolean;
}

export interface Framed {
  /** Input taken, from `from`: what follows is the beginning of a line. */
  readonly taken: number;
  /** Output made, in bytes and in records. */
  readonly made: number;
  readonly records: number;
  /** Records that do not end their line. */
  readonly parts: number;
  /** The output was full before the input was done: call again with what is left. */
  readonly more: boolean;
}

/**
 * Frames `input[from, to)` into `output`, from its start: every whole line becomes a record, every PART_BYTES of a line
 * that is longer a part. An unfinished line of at most PART_BYTES is left in the input. `output` must hold at least one
 * record (PREFIX_BYTES + PART_BYTES + 1).
 */
export function frameLines(input: Buffer, from: number, to: number, output: Buffer, framing: Framing): Framed {
  const { full, part, endParts } = framing;
  const view = to < input.length ? input.subarray(0, to) : input;
  let at = from;
  let made = 0;
  let records = 0;
  let parts = 0;
  const fits = (length: number): boolean => made + PREFIX_BYTES + length + 1 <= output.length;
  while (at < to) {
    const newline = view.indexOf(NEWLINE, at);
    const end = newline < 0 ? to : newline;
    while (end - at > PART_BYTES) {
      if (!fits(PART_BYTES)) return { taken: at - from, made, records, parts, more: true };
      output.set(part, made);
      made += part.length;
      made += input.copy(output, made, at, at + PART_BYTES);
      if (endParts) output[made++] = NEWLINE;
      at += PART_BYTES;
      records++;
      parts++;
    }
    if (newline < 0) break;
    if (!fits(end - at)) return { taken: at - from, made, records, parts, more: true };
    output.set(full, made);
    made += full.length;
    made += input.copy(output, made, at, newline + 1);
    at = newline + 1;
    records++;
  }
  return { taken: at - from, made, records, parts, more: false };
}

export interface ParsedLine {
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly full: boolean;
  readonly text: string;
}

const HEAD = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z) (stdout|stderr) ([FP])(?::\S*)? /;

/** A line of a log file, without its newline. Null: no CRI record (a `raw` log, or a torn line). */
export function parseLine(line: string): ParsedLine | null {
  const head = HEAD.exec(line);
  if (!head) return null;
  return { time: head[1]!, stream: head[2] as "stdout" | "stderr", full: head[3] === "F", text: line.slice(head[0].length) };
}
