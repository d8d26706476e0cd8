import { compileTextPattern, type Pattern } from "../../../base/pattern.ts";
import { requiredLiterals } from "../../../base/pattern-literals.ts";
import { PART_BYTES, PREFIX_BYTES, TAG_AT } from "../../../core/logs/framing.ts";
import type { Batch } from "../../../core/logs/loss-gate.ts";
import type { LineTest, Stream } from "../../../ports/logs.ts";

interface Waiting extends LineTest {
  /** Every line that matches contains one of these; null if that is unknown. */
  readonly needles: readonly Buffer[] | null;
  readonly compiled: Pattern;
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const PART = "P".charCodeAt(0);

/** Finds the lines that a unit waits for in its records. A part that continues a line is not compared. */
export class LineMatcher {
  #waiting: readonly Waiting[] = [];
  #found: Array<() => void> = [];
  /** True if the last record of the stream is a part of a line whose rest has not arrived yet. */
  readonly #within: Record<Stream, boolean>;

  constructor(within: Record<Stream, boolean>) {
    this.#within = within;
  }

  set tests(tests: readonly LineTest[]) {
    this.#waiting = tests.flatMap((test) => {
      const compiled = compileTextPattern(test.pattern);
      const { kind, text } = test.pattern;
      const literals = kind === "text" ? [text] : requiredLiterals(text);
      const needles = literals?.map((literal) => Buffer.from(literal)) ?? null;
      return compiled.ok ? [{ ...test, needles, compiled: compiled.value }] : [];
    });
  }

  take(stream: Stream, { buffer, length, parts, raw, unended }: Batch): void {
    if (parts === 0 && !this.#within[stream] && !this.#mayMatch(buffer.subarray(0, length))) return;
    for (let from = 0; from < length;) {
      const newline = buffer.indexOf(NEWLINE, from);
      const isCut = newline < 0 || newline >= length;
      const end = isCut ? length : newline;
      const begins = !this.#within[stream];
      this.#within[stream] = raw ? isCut && !unended : buffer[from + TAG_AT] === PART;
      if (begins && this.#waiting.length > 0) this.#test(buffer, raw ? from : from + PREFIX_BYTES, end);
      from = end + 1;
    }
  }

  /** Reports the matches that were found. Must not be called while records are being written. */
  deliver(): void {
    for (const report of this.#found.splice(0)) report();
  }

  /** Finding strings in a whole batch takes much less time than dividing it into lines. */
  #mayMatch(batch: Buffer): boolean {
    return this.#waiting.some(({ needles }) => needles === null || needles.some((needle) => batch.includes(needle)));
  }

  #test(buffer: Buffer, from: number, lineEnd: number): void {
    const cut = Math.min(lineEnd, from + PART_BYTES);
    const end = cut > from && buffer[cut - 1] === CARRIAGE_RETURN ? cut - 1 : cut;
    const bytes = buffer.subarray(from, end);
    let text: string | undefined;
    for (const one of this.#waiting) {
      if (one.needles !== null && !one.needles.some((needle) => bytes.includes(needle))) continue;
      const line = (text ??= bytes.toString("utf8"));
      if (!one.compiled.test(line)) continue;
      this.#waiting = this.#waiting.filter((other) => other !== one);
      if (this.#found.push(() => one.onMatch(line)) === 1) queueMicrotask(() => this.deliver());
    }
  }
}
