import { errnoWords } from "../../base/errno.ts";
import { LossEpisodes } from "../../core/logs/loss-episodes.ts";
import { type Batch, type Count, LossGate, lineEnding, NOTHING, plus, type Why } from "../../core/logs/loss-gate.ts";
import type { Framing } from "../../core/logs/framing.ts";
import type { LineTest, LogLoss, Stream } from "../../ports/logs.ts";
import type { LogSpec } from "../../spec/spec.ts";
import type { Moment, Notice, Sink } from "./capture/capture.ts";
import { type LogFile, NOWHERE } from "./files/log-file.ts";
import type { InFlight } from "./capture/capture-journal.ts";
import type { Followers } from "./read/follow.ts";
import { LineMatcher } from "./capture/line-matcher.ts";
import { RateLimit } from "./capture/rate-limit.ts";
import type { Stamper } from "./capture/stamp.ts";
import { type Chunk, Tail } from "./capture/tail.ts";

export interface UnitLogParts {
  readonly file: LogFile;
  readonly stamper: Stamper;
  readonly followers: () => Followers | undefined;
  readonly monotonicMs: () => number;
  readonly onLoss: (loss: LogLoss) => void;
}

/**
 * Milliseconds without further losses after which a loss ends. A loss that the disk caused ends only once the notice about it is in
 * the log. The success of another write proves nothing, because a single short line may fit on a full disk.
 */
const QUIET_MS: Readonly<Record<Why, number>> = { limit: 10_000, disk: 0 };
/** Minimum number of milliseconds between two notices about lost output in the log itself. */
const NOTICE_INTERVAL_MS: Readonly<Record<Why, number>> = { limit: 10_000, disk: 1000 };
const NO_LOSSES: readonly LogLoss[] = [];
const WHYS: readonly Why[] = ["disk", "limit"];

/** Passes the records of one unit through the rate limit to the file, to the last lines and to the live subscribers. */
export class UnitLog implements Sink {
  readonly tail = new Tail();
  /**
   * A timestamp between the lines of the previous run and those of the current one. It is null if no run has begun since this object
   * was created.
   */
  runMark: string | null = null;
  tap: Sink["tap"] = null;
  #spec: LogSpec;
  #limit: RateLimit | null;
  /** Null for most units: nobody waits for a line of their output. */
  #matcher: LineMatcher | null = null;
  /** Why the last write failed, or null if it succeeded. */
  #refusal: NodeJS.ErrnoException | null = null;
  #refusalWords = "the disk refused it";
  readonly #gates: Readonly<Record<Stream, LossGate>>;
  readonly #episodes: Readonly<Record<Why, LossEpisodes>>;
  readonly #totals: Record<Why, Count & { readonly since: string }> = {
    limit: { ...NOTHING, since: "" },
    disk: { ...NOTHING, since: "" },
  };
  readonly #noticeMs: Record<Why, number> = { limit: -Infinity, disk: -Infinity };
  readonly #parts: UnitLogParts;

  constructor(spec: LogSpec, parts: UnitLogParts) {
    this.#spec = spec;
    this.#parts = parts;
    this.#limit = this.#makeLimit();
    this.#gates = { stdout: this.#makeGate("stdout"), stderr: this.#makeGate("stderr") };
    const episodes = (why: Why): LossEpisodes => new LossEpisodes(QUIET_MS[why], (episode) => parts.onLoss({ ...episode, why }));
    this.#episodes = { limit: episodes("limit"), disk: episodes("disk") };
  }

  markRun(mark: string): void {
    this.tail.clear();
    this.runMark = mark;
  }

  change(spec: LogSpec): void {
    this.#spec = spec;
    this.#parts.file.spec = spec;
    if (spec.rateLimit?.bytesPerSecond !== this.#limit?.bytesPerSecond) this.#limit = this.#makeLimit();
  }

  /** Replaces the tests of lines. */
  matchLines(tests: readonly LineTest[]): void {
    if (this.#matcher === null && tests.length === 0) return;
    const { stdout, stderr } = this.#gates;
    this.#matcher ??= new LineMatcher({ stdout: stdout.isOpen, stderr: stderr.isOpen });
    this.#matcher.tests = tests;
    if (tests.length === 0) this.#matcher = null;
  }

  deliverMatches(): void {
    this.#matcher?.deliver();
  }

  get raw(): boolean {
    return this.#spec.format === "raw";
  }

  /** True if output was lost since the log was opened, or if the last daemon lost some that the log does not mention yet. */
  get hasLost(): boolean {
    return this.#totals.limit.bytes > 0 || this.#totals.disk.bytes > 0;
  }

  /** Output lost since the log was opened. */
  get losses(): readonly LogLoss[] {
    if (!this.hasLost) return NO_LOSSES;
    return WHYS.filter((why) => this.#totals[why].bytes > 0).map((why) => {
      const { lines, bytes, since } = this.#totals[why];
      return { why, lines, bytes, since, cause: this.#causeOf(why), over: this.#episodes[why].current === null };
    });
  }

  framing(stream: Stream): Framing {
    return this.#parts.stamper.stamp(stream, this.#spec.format);
  }

  gate(stream: Stream): LossGate {
    return this.#gates[stream];
  }

  begin(stream: Stream): Pick<InFlight, "where" | "allowance" | "refused"> {
    const where = this.#parts.file.where(this.#parts.stamper.second);
    this.#refusal = where instanceof Error ? where : null;
    const allowance = this.#limit ? this.#limit.allowance(this.#parts.monotonicMs()) : Infinity;
    this.#gates[stream].begin(allowance);
    return { where: where instanceof Error ? NOWHERE : where, allowance, refused: where instanceof Error };
  }

  records(stream: Stream, batch: Batch): void {
    const gate = this.#gates[stream];
    this.#matcher?.take(stream, batch);
    const before = gate.spent;
    gate.take(batch);
    this.#limit?.spend(gate.spent - before);
  }

  due(stream: Stream, moment: Moment): Notice | null {
    const gate = this.#gates[stream];
    if (this.#refusal === null && this.#episodes.disk.current !== null) this.checkEpisodes();
    for (const why of WHYS) {
      const missing = gate.missing(why);
      if (missing.bytes === 0 || (moment === "step" && this.#refusal !== null)) continue;
      const now = this.#parts.monotonicMs();
      if (moment !== "end" && (now - this.#noticeMs[why] < NOTICE_INTERVAL_MS[why] || this.#noteStream() === null)) continue;
      return { write: () => this.#writeNotice(stream, why, now) };
    }
    return null;
  }

  /** Adds lines that the daemon itself writes. */
  note(text: string): void {
    this.#refusal = null;
    for (const line of text.trimEnd().split("\n")) this.#put(this.#noteChunk(line));
  }

  /** Ends episodes of loss whose quiet period is over. It must be called from time to time. */
  checkEpisodes(): void {
    const now = this.#parts.monotonicMs();
    this.#episodes.limit.check(now);
    const isReported = Object.values(this.#gates).every((gate) => gate.missing("disk").bytes === 0);
    this.#episodes.disk.check(now, isReported && this.#refusal === null);
  }

  /** Counts the losses that the last daemon had not mentioned in the log yet. */
  takeOver(): void {
    this.framing("stderr"); // updates the time of the stamper
    for (const gate of Object.values(this.#gates))
      for (const why of WHYS) if (gate.missing(why).bytes > 0) this.#missed(why, gate.missing(why));
  }

  #writeNotice(stream: Stream, why: Why, now: number): boolean {
    const { lines, bytes } = this.#gates[stream].missing(why);
    const cause = why === "limit" ? "dropped by log.rate_limit" : `lost: ${this.#causeOf(why)}`;
    const chunk = this.#noteChunk(`${lines} lines (${bytes} bytes) of ${stream} were ${cause}`);
    if (this.#append(chunk.buffer, chunk.from, chunk.to) === 0) return false;
    this.#show(chunk);
    this.#gates[stream].reported(why);
    this.#noticeMs[why] = now;
    return true;
  }

  #noteChunk(line: string): Chunk {
    const stream = this.#noteStream() ?? "stderr";
    const { full } = this.framing(stream);
    const buffer = Buffer.concat([full, Buffer.from(`[sup] ${line}\n`)]);
    const { time } = this.#parts.stamper;
    return { buffer, from: 0, to: buffer.length, count: 1, time, stream, raw: this.raw, hasParts: false, continues: false };
  }

  /**
   * Returns the stream to which a notice can be written, or null if both streams are in the middle of a line. Readers join a part
   * with the next record of its stream, so that a notice must not come between the two.
   */
  #noteStream(): Stream | null {
    const { stdout, stderr } = this.#gates;
    return !stderr.isOpen ? "stderr" : !stdout.isOpen ? "stdout" : null;
  }

  /** Passes a chunk to the last lines, the subscribers and the file. Returns how many of its bytes reached the file. */
  #put(chunk: Chunk): number {
    this.#show(chunk);
    return this.#append(chunk.buffer, chunk.from, chunk.to);
  }

  #show(chunk: Chunk): void {
    this.tail.push(chunk);
    this.#parts.followers()?.push(chunk);
  }

  #append(buffer: Buffer, from: number, to: number): number {
    if (this.#refusal !== null) return 0;
    const { kept, cause } = this.#parts.file.append(buffer, from, to, this.#parts.stamper.second);
    this.#refusal = cause;
    return kept;
  }

  #makeGate(stream: Stream): LossGate {
    return new LossGate({
      write: ({ buffer, raw, parts }, from, to, count) => {
        const { time } = this.#parts.stamper;
        const continues = this.#gates[stream].isOpen;
        return this.#put({ buffer, from, to, count, time, stream, raw, hasParts: parts > 0 && !raw, continues });
      },
      endLine: (raw) => {
        const end = lineEnding(raw ? Buffer.alloc(0) : this.framing(stream).full);
        return this.#append(end, 0, end.length) === end.length;
      },
      missed: (why, count) => this.#missed(why, count),
    });
  }

  #missed(why: Why, count: Count): void {
    const since = `${this.#parts.stamper.time.slice(0, 23)}Z`;
    this.#totals[why] = { ...plus(this.#totals[why], count), since: this.#totals[why].since || since };
    this.#episodes[why].add(count, this.#parts.monotonicMs(), since, this.#causeOf(why));
  }

  #causeOf(why: Why): string {
    if (why === "limit") return `log.rate_limit is ${this.#spec.rateLimit?.bytesPerSecond ?? 0} bytes a second`;
    const { errno, message } = this.#refusal ?? {};
    if (message !== undefined) this.#refusalWords = errno === undefined ? message : errnoWords(Math.abs(errno));
    return this.#refusalWords;
  }

  #makeLimit(): RateLimit | null {
    return this.#spec.rateLimit ? new RateLimit(this.#spec.rateLimit.bytesPerSecond, this.#parts.monotonicMs()) : null;
  }
}
