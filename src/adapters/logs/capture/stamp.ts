import { type Framing, PREFIX_BYTES, TAG_AT } from "../../../core/logs/framing.ts";
import type { Stream } from "../../../ports/logs.ts";

const TIME_BYTES = 30;
/** The smallest difference that a double can represent with certainty if it contains milliseconds since 1970. */
const MARK_MS = 0.001;
const NONE = new Uint8Array(0);
const RAW: Framing = { full: NONE, part: NONE, endParts: false };

/**
 * Makes the timestamps of all logs. All records of one read get the same timestamp. Timestamps never go back, even if the clock
 * does, so that a binary search within a file works.
 */
export class Stamper {
  /** The last timestamp, in UTC, in RFC 3339 format with nanoseconds. */
  time = "";
  /** Unix time in seconds of the last timestamp. */
  second = -1;
  #lastMs = 0;
  #date = "";
  readonly #wallMs: () => number;
  readonly #framings: Record<Stream, Framing> = { stdout: framingOf("stdout"), stderr: framingOf("stderr") };

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** Reads the clock and returns the prefixes of records for that time. They are valid until the next call. */
  stamp(stream: Stream, format: "cri" | "raw"): Framing {
    this.#tick();
    if (format === "raw") return RAW;
    const framing = this.#framings[stream];
    (framing.full as Buffer).write(this.time, 0, "latin1");
    (framing.part as Buffer).write(this.time, 0, "latin1");
    return framing;
  }

  /** Returns a timestamp that is later than all earlier ones, and not later than any future one. */
  mark(): string {
    const lastMs = this.#lastMs;
    this.#tick();
    if (this.#lastMs === lastMs) this.#set(lastMs + MARK_MS);
    return this.time;
  }

  #tick(): void {
    const now = this.#wallMs();
    if (now > this.#lastMs) this.#set(now);
  }

  #set(now: number): void {
    this.#lastMs = now;
    const second = Math.floor(now / 1000);
    if (second !== this.second) {
      this.second = second;
      this.#date = new Date(second * 1000).toISOString().slice(0, 20);
    }
    const nanos = Math.min(999_999_999, Math.round((now - second * 1000) * 1e6));
    this.time = `${this.#date}${String(nanos).padStart(9, "0")}Z`;
  }
}

function framingOf(stream: Stream): Framing {
  const full = Buffer.from(`${" ".repeat(TIME_BYTES)} ${stream} F `);
  const part = Buffer.from(full);
  part[TAG_AT] = "P".charCodeAt(0);
  if (full.length !== PREFIX_BYTES) throw new Error("a CRI prefix has an unexpected length");
  return { full, part, endParts: true };
}
