import type { LogLineShape } from "../contract/shapes.ts";

/**
 * A message that says how far the log was read. The first such message of an answer also says whether the answer resumed at the
 * requested place, and which run it covers.
 */
export interface PositionMessage {
  readonly place: string | null;
  readonly resumed?: boolean;
  readonly invocation?: string;
}

/**
 * Keeps track of how far a follower has read, so that it can resume at another daemon. The daemon sends a place now and then,
 * and this class counts the lines after it. If a place is lost because its file was compressed in the meantime, the
 * timestamps of the lines are used instead. Lines that the daemon read together have the same timestamp. Therefore the lines
 * with the last timestamp are counted, too.
 */
export class LogPosition {
  #place: string | null = null;
  #sincePlace = 0;
  #time = "";
  #withTime = 0;
  #invocation: string | null = null;
  /** Returns true if the line was already received before the reconnect. */
  #isRepeated: (line: LogLineShape) => boolean = () => false;
  #asked = false;

  /** Records a position. Returns true for the very first one. */
  take({ place, resumed, invocation }: PositionMessage): boolean {
    const first = this.#invocation === null;
    this.#invocation ??= invocation ?? "";
    if (resumed && this.#asked) {
      let left = this.#sincePlace;
      this.#isRepeated = () => left-- > 0;
      return false;
    }
    if (place !== null) {
      this.#place = place;
      this.#sincePlace = 0;
    }
    return first;
  }

  isNew(line: LogLineShape): boolean {
    if (this.#isRepeated(line)) return false;
    this.#sincePlace++;
    this.#withTime = line.time === this.#time ? this.#withTime + 1 : 1;
    this.#time = line.time;
    return true;
  }

  /** Returns the input of a request that resumes where the request with `input` left off. */
  resumeInput(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    if (this.#place === null && this.#time === "") return input;
    this.#asked = true;
    this.#isRepeated = this.#repeatedByTime();
    const { lines: _, since: _since, ...rest } = input;
    return {
      ...rest,
      ...(this.#place !== null && { after: this.#place }),
      ...(this.#time !== "" && { since: this.#time }),
      ...(this.#invocation && { invocation: this.#invocation }),
    };
  }

  /** `since` is inclusive, and the daemon truncates it to milliseconds. */
  #repeatedByTime(): (line: LogLineShape) => boolean {
    const last = this.#time;
    let left = this.#withTime;
    let repeating = last !== "";
    return ({ time }) => {
      if (repeating && time < last) return true;
      if (repeating && time === last && left-- > 0) return true;
      repeating = false;
      return false;
    };
  }
}
