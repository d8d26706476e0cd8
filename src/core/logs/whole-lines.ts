/**
 * Joins the records of a log into the lines that the service wrote. A part (`P`) of a line continues in the next record of
 * the same stream. A joined line has the time of its last record, because the line was complete then.
 */
import { type ParsedLine, parseLine, PREFIX_BYTES } from "./framing.ts";

/**
 * Length at which a joined line is split into pieces, so that no reader must hold a line of unlimited length. Only the last
 * piece of a line has `full` set.
 */
export const LINE_BYTES = 1 << 20;

/** A record of a log, without its newline. A line of a `raw` log has no time (""), and counts as stdout. */
export interface Record {
  readonly line: ParsedLine;
  readonly raw: Buffer;
}

/** The same without the text, for a reader that only counts lines. */
export function headOf(raw: Buffer): Record {
  const line = parseLine(raw.toString("latin1", 0, PREFIX_BYTES));
  return { line: { ...(line ?? { time: "", stream: "stdout", full: true }), text: "" }, raw };
}

export function recordOf(raw: Buffer): Record {
  const text = raw.toString("utf8");
  return { line: parseLine(text) ?? { time: "", stream: "stdout", full: true, text }, raw };
}

interface Open {
  pieces: Buffer[];
  bytes: number;
  /** Where the first piece begins. The caller chooses the unit of this position. */
  readonly begin: number;
}

/** Joins records that are read forwards. */
export class LineJoiner {
  readonly #open: Partial<{ [Stream in ParsedLine["stream"]]: Open }> = {};

  /**
   * Adds a record. If it completes a line, returns that line and the position where it begins. Returns null if the line
   * continues in a later record.
   */
  push({ line, raw }: Record, begin: number): { readonly line: ParsedLine; readonly begin: number } | null {
    if (line.time === "") return { line, begin };
    const open = this.#open[line.stream];
    if (line.full && open === undefined) return { line, begin };
    const joined = open ?? { pieces: [], bytes: 0, begin };
    add(joined, { line, raw });
    if (!line.full && joined.bytes < LINE_BYTES) {
      this.#open[line.stream] = joined;
      return null;
    }
    delete this.#open[line.stream];
    return { line: { ...line, text: Buffer.concat(joined.pieces).toString("utf8") }, begin: joined.begin };
  }

  /** Returns the position where the first unfinished line begins, or null if there is none. */
  get begin(): number | null {
    const begins = Object.values(this.#open).map((open) => open.begin);
    return begins.length > 0 ? Math.min(...begins) : null;
  }

  clear(): void {
    delete this.#open.stdout;
    delete this.#open.stderr;
  }
}

/** Maximum number of bytes to read backwards in search of the first record of a line. */
const LOOK_BACK_BYTES = LINE_BYTES;

interface Waiting<Spot> extends Open {
  readonly last: ParsedLine;
  readonly end: Spot;
  first: Spot;
  isOpen: boolean;
}

/** A joined line, and where its first and its last record are. */
export interface Collected<Spot> {
  readonly line: ParsedLine;
  readonly first: Spot;
  readonly end: Spot;
}

/** Joins records that are read backwards. It takes records, newest first, and returns completed lines, newest first. */
export class LineCollector<Spot> {
  /** Lines that cannot be returned yet, newest first. */
  #waiting: Waiting<Spot>[] = [];
  readonly #open: Partial<{ [Stream in ParsedLine["stream"]]: Waiting<Spot> }> = {};
  #bytes = 0;

  push({ line, raw }: Record, spot: Spot): readonly Collected<Spot>[] {
    this.#bytes += raw.length;
    const open = line.time === "" ? undefined : this.#open[line.stream];
    if (!line.full && open !== undefined && open.bytes < LINE_BYTES) {
      add(open, { line, raw });
      open.first = spot;
    } else {
      if (open !== undefined) open.isOpen = false;
      const isOpen = line.time !== "";
      const waiting: Waiting<Spot> = { pieces: [], bytes: 0, begin: this.#bytes, last: line, end: spot, first: spot, isOpen };
      add(waiting, { line, raw });
      this.#waiting.push(waiting);
      if (waiting.isOpen) this.#open[line.stream] = waiting;
    }
    const first = this.#waiting[0];
    if (first?.isOpen === true && this.#bytes - first.begin > LOOK_BACK_BYTES) this.#close(first);
    return this.#complete();
  }

  /** Returns the remaining lines. Must be called when the reader has reached the beginning of the log. */
  end(): readonly Collected<Spot>[] {
    for (const waiting of this.#waiting) this.#close(waiting);
    return this.#complete();
  }

  #close(waiting: Waiting<Spot>): void {
    waiting.isOpen = false;
    if (this.#open[waiting.last.stream] === waiting) delete this.#open[waiting.last.stream];
  }

  #complete(): readonly Collected<Spot>[] {
    let count = this.#waiting.findIndex(({ isOpen }) => isOpen);
    if (count < 0) count = this.#waiting.length;
    return this.#waiting.splice(0, count).map(({ last, pieces, first, end }) => {
      const line = pieces.length === 1 ? last : { ...last, text: Buffer.concat(pieces.reverse()).toString("utf8") };
      return { line, first, end };
    });
  }
}

/** Adds the text of a record as bytes, because a character may be split between two records. */
function add(open: Open, { line, raw }: Record): void {
  const head = line.time === "" ? 0 : raw.indexOf(32, raw.indexOf(32, raw.indexOf(32) + 1) + 1) + 1;
  const text = raw.subarray(head);
  open.pieces.push(text);
  open.bytes += text.length;
}
