/**
 * Formats the lines of a service's output for its log file. The format is that of the Kubernetes container runtimes (CRI,
 * kubelet's `ParseCRILog`), so that log shippers can read it unchanged:
 *
 *     2026-11-22T20:01:02.123456789Z stdout F text
 *
 * `P` instead of `F` marks a part of a line that continues in the next record. The bytes of the text are never changed.
 */

/** Maximum length of a part in bytes. Longer lines are split into parts. The container runtimes use the same length. */
export const PART_BYTES = 16 * 1024;

/** Length of the prefix `2026-11-22T20:01:02.123456789Z stdout F `. The prefix with `stderr` has the same length. */
export const PREFIX_BYTES = 40;

/** Position of the tag (`F` or `P`) in the prefix. */
export const TAG_AT = 38;

const NEWLINE = 10;

/** The prefixes of records: `full` for whole lines, and `part` for parts of lines. */
export interface Framing {
  readonly full: Uint8Array;
  readonly part: Uint8Array;
  /** If false, no newline is added after a part. This is for logs in `raw` format, whose bytes stay unchanged. */
  readonly endParts: boolean;
}

export interface Framed {
  /** Number of input bytes that were consumed, counted from `from`. The remaining input is the beginning of a line. */
  readonly taken: number;
  /** Number of bytes written to the output, and number of records in it. */
  readonly made: number;
  readonly records: number;
  /** Number of records that do not end their line. */
  readonly parts: number;
  /** True if the output is full. The caller must call again with the rest of the input. */
  readonly more: boolean;
}

/**
 * Frames `input[from, to)` into `output` from its start. Every complete line becomes a record; a line longer than
 * PART_BYTES becomes several parts. An unfinished line of at most PART_BYTES stays in the input. `output` must hold at
 * least one record (PREFIX_BYTES + PART_BYTES + 1).
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
      const cut = characterEnd(input, at + PART_BYTES);
      output.set(part, made);
      made += part.length;
      made += input.copy(output, made, at, cut);
      if (endParts) output[made++] = NEWLINE;
      at = cut;
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

/**
 * Returns the last offset at or before `cut` that does not split a UTF-8 character. If the bytes around `cut` are not valid
 * UTF-8, returns `cut` itself.
 */
export function characterEnd(bytes: Uint8Array, cut: number): number {
  if (cut >= bytes.length || !continues(bytes[cut]!)) return cut;
  for (let back = 1; back <= 3 && back <= cut; back++) {
    const byte = bytes[cut - back]!;
    if (continues(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? cut - back : cut;
  }
  return cut;
}

const continues = (byte: number): boolean => (byte & 0xc0) === 0x80;

export interface ParsedLine {
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly full: boolean;
  readonly text: string;
}

const HEAD = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z) (stdout|stderr) ([FP])(?::\S*)? /;

/**
 * Parses a line of a log file, given without its newline. Returns null if it is not a CRI record, but a line of a `raw` log
 * or a line that was written incompletely.
 */
export function parseLine(line: string): ParsedLine | null {
  const head = HEAD.exec(line);
  if (!head) return null;
  return { time: head[1]!, stream: head[2] as "stdout" | "stderr", full: head[3] === "F", text: line.slice(head[0].length) };
}
