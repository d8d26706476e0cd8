import { errnoWords } from "../../base/errno.ts";
import type { Framing } from "../../core/lines.ts";
import type { Stream } from "../../ports/logs.ts";
import type { LogSpec } from "../../spec/spec.ts";
import type { Sink } from "./capture.ts";
import type { LogFile } from "./file.ts";
import type { Where } from "./journal.ts";
import type { Followers } from "./follow.ts";
import { RateLimit } from "./limit.ts";
import type { Stamper } from "./stamp.ts";
import { type Chunk, Tail } from "./tail.ts";

/** An episode in which the disk refused output. `over`: it takes output again; the figures are final. */
export interface Loss {
  readonly over: boolean;
  readonly bytes: number;
  readonly lines: number;
  /** UTC ISO 8601. */
  readonly since: string;
  readonly cause: string;
}

export interface UnitLogParts {
  readonly file: LogFile;
  readonly stamper: Stamper;
  readonly followers: () => Followers | undefined;
  readonly monotonicMs: () => number;
  readonly onLoss: (loss: Loss) => void;
}

/** The records of one unit on their way: rate limit, file, last lines, live subscribers. */
export class UnitLog implements Sink {
  readonly tail = new Tail();
  /** All that was lost to the disk since the log was opened. */
  lost = { bytes: 0, since: "" };
  private spec: LogSpec;
  private limit: RateLimit | null;
  private limited = { bytes: 0, lines: 0 };
  private episode: Omit<Loss, "over"> | null = null;
  private readonly parts: UnitLogParts;

  constructor(spec: LogSpec, parts: UnitLogParts) {
    this.spec = spec;
    this.parts = parts;
    this.limit = this.makeLimit();
  }

  change(spec: LogSpec): void {
    this.spec = spec;
    this.parts.file.spec = spec;
    if (spec.rateLimit?.bytesPerSecond !== this.limit?.bytesPerSecond) this.limit = this.makeLimit();
  }

  get raw(): boolean {
    return this.spec.format === "raw";
  }

  /** Records that a limit or a full disk may take away cannot be told from those that were written. */
  where(): Where | null {
    return this.limit !== null || this.episode !== null ? null : this.parts.file.where(this.parts.stamper.second);
  }

  framing(stream: Stream): Framing {
    return this.parts.stamper.stamp(stream, this.spec.format);
  }

  records(stream: Stream, buffer: Buffer, length: number, count: number): void {
    const allowed = this.limit ? this.allowed(this.limit, buffer, length) : length;
    const passing = allowed === length ? count : countLines(buffer, 0, allowed);
    if (passing < count) this.limited = { bytes: this.limited.bytes + length - allowed, lines: this.limited.lines + count - passing };
    if (allowed === 0) return;
    if (passing === count) this.tellLimited();
    this.put({ buffer, from: 0, to: allowed, count: passing, time: this.parts.stamper.time, stream, raw: this.spec.format === "raw" });
  }

  /** A line of the daemon's own. */
  note(text: string): void {
    const { full } = this.framing("stderr");
    const lines = text.trimEnd().split("\n");
    const buffer = Buffer.concat(lines.flatMap((line) => [full, Buffer.from(`[sup] ${line}\n`)]));
    const { time } = this.parts.stamper;
    this.put({ buffer, from: 0, to: buffer.length, count: lines.length, time, stream: "stderr", raw: full.length === 0 });
  }

  /** Says what the rate limit took, if it took anything. */
  tellLimited(): void {
    const { bytes, lines } = this.limited;
    if (bytes === 0) return;
    this.limited = { bytes: 0, lines: 0 };
    this.note(`${lines} lines (${bytes} bytes) were dropped by log.rate_limit`);
  }

  close(): void {
    this.tellLimited();
    this.parts.file.close();
  }

  private put(chunk: Chunk): void {
    this.tail.push(chunk);
    this.parts.followers()?.push(chunk);
    const { kept, cause } = this.parts.file.append(chunk.buffer, chunk.from, chunk.to, this.parts.stamper.second);
    if (cause) this.lose(chunk, chunk.from + kept, cause);
    else if (this.episode) this.recover(this.episode);
  }

  private lose(chunk: Chunk, from: number, cause: NodeJS.ErrnoException): void {
    const bytes = chunk.to - from;
    const since = `${chunk.time.slice(0, 23)}Z`;
    const first = this.episode === null;
    const { bytes: before, lines, since: began } = this.episode ?? { bytes: 0, lines: 0, since };
    const words = cause.errno === undefined ? cause.message : errnoWords(Math.abs(cause.errno));
    this.episode = { bytes: before + bytes, lines: lines + countLines(chunk.buffer, from, chunk.to), since: began, cause: words };
    this.lost = { bytes: this.lost.bytes + bytes, since: this.lost.since || since };
    if (first) this.parts.onLoss({ ...this.episode, over: false });
  }

  private recover(episode: Omit<Loss, "over">): void {
    this.episode = null;
    this.parts.onLoss({ ...episode, over: true });
    this.note(`${episode.lines} lines (${episode.bytes} bytes) were lost since ${episode.since}: ${episode.cause}`);
  }

  /** Bytes that may pass, at the end of a record. */
  private allowed(limit: RateLimit, buffer: Buffer, length: number): number {
    const allowance = limit.allowance(this.parts.monotonicMs());
    const passing = length <= allowance ? length : allowance > 0 ? buffer.lastIndexOf(10, allowance - 1) + 1 : 0;
    limit.spend(passing);
    return passing;
  }

  private makeLimit(): RateLimit | null {
    return this.spec.rateLimit ? new RateLimit(this.spec.rateLimit.bytesPerSecond, this.parts.monotonicMs()) : null;
  }
}

function countLines(buffer: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = buffer.indexOf(10, from); at >= 0 && at < to; at = buffer.indexOf(10, at + 1)) count++;
  return count;
}
