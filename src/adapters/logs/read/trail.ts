import type { ParsedLine } from "../../../core/logs/framing.ts";
import { LineJoiner, recordOf } from "../../../core/logs/whole-lines.ts";
import type { LogLine, LogQuery, LogTrail } from "../../../ports/logs.ts";
import type { OpenFile } from "../files/directory.ts";
import type { Cursor } from "./cursor.ts";
import { type Matcher, matcherOf } from "./match.ts";
import { locateLast, type Searches } from "./search.ts";

/** A call of `next` returns after about this many milliseconds, even without a line. */
const SLICE_MS = 5;
/** Maximum number of bytes that `resume` reads again for the beginning of an unfinished line. */
const HEAD_BYTES = 4 << 20;

/** Reads the lines that match a query from a cursor. */
export class Trail implements LogTrail {
  readonly watch: LogTrail["watch"];
  readonly #cursor: Cursor;
  readonly #query: LogQuery;
  readonly #searches: Searches;
  /** So many of the next records may complete lines that do not belong to the result. */
  #skip = 0;
  readonly #matcher: Matcher;
  readonly #joiner = new LineJoiner();
  /** Records that were read. Those from index `#at` on were not examined yet. */
  #records: readonly Buffer[] = [];
  #at = 0;
  /** Number of bytes of all records that were examined so far. The beginning of a line is remembered as a value of this count. */
  #bytes = 0;
  /** The line that the next record completes, while an expression is being matched against it. Otherwise null. */
  #matching: { readonly line: ParsedLine; readonly begin: number; readonly search: ReturnType<Matcher["match"]> } | null = null;

  constructor(cursor: Cursor, query: LogQuery, { watch, searches }: { readonly watch: LogTrail["watch"]; readonly searches: Searches }) {
    this.#cursor = cursor;
    this.#query = query;
    this.#searches = searches;
    this.#matcher = matcherOf(query);
    this.watch = watch;
  }

  seek(): void {
    this.#cursor.seek(this.#matcher.since);
  }

  async back(): Promise<number> {
    const { files, jump } = this.#cursor.files();
    let entered: OpenFile | undefined;
    try {
      const located = await locateLast(files, this.#query, this.#searches);
      if (located === null) return 0;
      entered = jump(located.spot);
      this.#skip = located.skip;
      return located.count;
    } finally {
      files.close(entered);
    }
  }

  resume(place: string): boolean {
    const [, , , head] = place.split(":");
    if (!this.#cursor.resume(place)) return false;
    const length = Number(head ?? 0);
    if (!(length > 0 && length <= HEAD_BYTES)) return true;
    let begin = -length;
    for (const raw of this.#cursor.before(length)) {
      this.#joiner.push(recordOf(raw), begin);
      begin += raw.length + 1;
    }
    return true;
  }

  /**
   * Returns the position of the cursor. If a line has begun but not ended before it, the number of bytes since that beginning is
   * appended.
   */
  place(): string | null {
    if (this.#skip > 0) return null;
    let unread = 0;
    for (let i = this.#at; i < this.#records.length; i++) unread += this.#records[i]!.length + 1;
    const place = this.#cursor.place(unread);
    const begins = [this.#joiner.begin, this.#matching?.begin ?? null].filter((begin) => begin !== null);
    const head = begins.length > 0 ? this.#bytes - Math.min(...begins) : 0;
    // A beginning in an earlier file could not be read again.
    return place === null || head === 0 || head > Math.min(HEAD_BYTES, offsetOf(place)) ? place : `${place}:${head}`;
  }

  next(): { readonly lines: readonly LogLine[]; readonly gap: boolean } | null {
    let gap = false;
    if (this.#at === this.#records.length) {
      const read = this.#cursor.next();
      if (read === null) return null;
      this.#records = read.lines;
      this.#at = 0;
      ({ gap } = read);
      if (gap) this.#joiner.clear();
    }
    return { lines: this.#matches(), gap };
  }

  close(): void {
    this.#cursor.close();
  }

  #matches(): LogLine[] {
    const lines: LogLine[] = [];
    const begun = performance.now();
    while (this.#at < this.#records.length) {
      const raw = this.#records[this.#at]!;
      if (this.#matching === null) {
        const joined = this.#joiner.push(recordOf(raw), this.#bytes);
        const isSkipped = this.#skip > 0 && this.#skip-- > 0;
        this.#matching = joined === null || isSkipped ? null : { ...joined, search: this.#matcher.match(joined.line) };
      }
      if (this.#matching !== null) {
        const step = this.#matching.search.next();
        if (step.done !== true) {
          if (performance.now() - begun >= SLICE_MS) break;
          continue;
        }
        if (step.value === true) lines.push(this.#matching.line);
        this.#matching = null;
      }
      this.#bytes += raw.length + 1;
      this.#at++;
    }
    return lines;
  }
}

const offsetOf = (place: string): number => Number(place.split(":")[1]);
