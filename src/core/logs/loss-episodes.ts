import { type Count, NOTHING, plus } from "./loss-gate.ts";

/**
 * A series of losses of output in one log. An episode begins with the first lost line, and ends when no more lines have been lost for
 * a quiet period.
 */
export interface LossEpisode extends Count {
  /** Time of the first loss, in UTC ISO 8601. */
  readonly since: string;
  readonly cause: string;
  /** True if the episode has ended, so that the figures are final. */
  readonly over: boolean;
}

/** Minimum interval between reports. */
const REPORT_EVERY_MS = 60_000;

/**
 * Combines many small losses into a few reports: one when an episode begins, one per minute while it continues, and one when
 * it ends. Every lost line is counted in exactly one episode. If an episode begins within a minute of the last report, its
 * beginning is not reported separately.
 */
export class LossEpisodes {
  #current: (Omit<LossEpisode, "over"> & { lastMs: number; reported: boolean }) | null = null;
  #reportedMs = -Infinity;
  readonly #calmMs: number;
  readonly #report: (episode: LossEpisode) => void;

  /** `calmMs` is the quiet period. An episode ends when there has been no loss for this time. */
  constructor(calmMs: number, report: (episode: LossEpisode) => void) {
    this.#calmMs = calmMs;
    this.#report = report;
  }

  get current(): Omit<LossEpisode, "over"> | null {
    return this.#current;
  }

  add(count: Count, nowMs: number, since: string, cause: string): void {
    const before = this.#current;
    const sum = plus(before ?? NOTHING, count);
    this.#current = { ...sum, since: before?.since ?? since, cause, lastMs: nowMs, reported: before?.reported ?? false };
    if (nowMs - this.#reportedMs < REPORT_EVERY_MS) return;
    this.#current.reported = true;
    this.#emit(nowMs, false);
  }

  /** Ends the episode if the quiet period has passed. Must be called regularly. `mayEnd` is false while the cause of the loss persists. */
  check(nowMs: number, mayEnd = true): void {
    if (this.#current === null || !mayEnd || nowMs - this.#current.lastMs < this.#calmMs) return;
    if (!this.#current.reported && nowMs - this.#reportedMs < REPORT_EVERY_MS) return;
    this.#emit(nowMs, true);
    this.#current = null;
  }

  #emit(nowMs: number, over: boolean): void {
    const { lines, bytes, since, cause } = this.#current!;
    this.#reportedMs = nowMs;
    this.#report({ lines, bytes, since, cause, over });
  }
}
