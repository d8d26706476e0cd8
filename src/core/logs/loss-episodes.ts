import { type Count, plus } from "./loss-gate.ts";

/** Output that did not get into a log, from the first line to the last before it was calm again. */
export interface LossEpisode extends Count {
  /** UTC ISO 8601. */
  readonly since: string;
  readonly cause: string;
  /** It is calm again; the figures are final. */
  readonly over: boolean;
}

/** What goes and comes is told no more often than this. */
const TELL_EVERY_MS = 60_000;

/**
 * Makes a few events of a loss that may be in a thousand pieces: one when it begins, one a minute while it goes on, and one when it
 * is over. Every line is in the figures of one episode. Of one that begins soon after another the beginning is not told.
 */
export class LossEpisodes {
  #now: (Omit<LossEpisode, "over"> & { lastMs: number; told: boolean }) | null = null;
  #toldMs = -Infinity;
  readonly #calmMs: number;
  readonly #tell: (episode: LossEpisode) => void;

  /** It is over when nothing was lost for `calmMs`. */
  constructor(calmMs: number, tell: (episode: LossEpisode) => void) {
    this.#calmMs = calmMs;
    this.#tell = tell;
  }

  get current(): Omit<LossEpisode, "over"> | null {
    return this.#now;
  }

  add(count: Count, nowMs: number, since: string, cause: string): void {
    const sum = plus(this.#now ?? { lines: 0, bytes: 0 }, count);
    this.#now = { ...sum, since: this.#now?.since ?? since, cause, lastMs: nowMs, told: this.#now?.told ?? false };
    if (nowMs - this.#toldMs < TELL_EVERY_MS) return;
    this.#now.told = true;
    this.#say(nowMs, false);
  }

  /** Now and then. `ends` false: what causes it holds on, whether or not there is anything to lose. */
  look(nowMs: number, ends = true): void {
    if (this.#now === null || !ends || nowMs - this.#now.lastMs < this.#calmMs) return;
    if (!this.#now.told && nowMs - this.#toldMs < TELL_EVERY_MS) return;
    this.#say(nowMs, true);
    this.#now = null;
  }

  #say(nowMs: number, over: boolean): void {
    const { lines, bytes, since, cause } = this.#now!;
    this.#toldMs = nowMs;
    this.#tell({ lines, bytes, since, cause, over });
  }
}
