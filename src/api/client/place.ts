import type { LogLineShape } from "../contract/shapes.ts";

/** How far the log has been read. The first of an answer says whether it goes on where that was asked, and what run it is about. */
export interface PlaceMessage {
  readonly place: string | null;
  readonly resumed?: boolean;
  readonly invocation?: string;
}

/**
 * How far a follower has come, so that it can go on at another daemon. The daemon names places now and then; lines since
 * then are counted. When a place is lost (its file was compressed meanwhile) the times of the lines serve, as well as
 * they can: lines that were read in one go share a stamp, so those of the last one are counted too.
 */
export class Place {
  #place: string | null = null;
  #since = 0;
  #time = "";
  #ofTime = 0;
  #invocation: string | null = null;
  /** Lines that come again. */
  #had: (line: LogLineShape) => boolean = () => false;
  #asked = false;

  /** True for the first of all. */
  take({ place, resumed, invocation }: PlaceMessage): boolean {
    const first = this.#invocation === null;
    this.#invocation ??= invocation ?? "";
    if (resumed && this.#asked) {
      let left = this.#since;
      this.#had = () => left-- > 0;
      return false;
    }
    if (place !== null) {
      this.#place = place;
      this.#since = 0;
    }
    return first;
  }

  isNew(line: LogLineShape): boolean {
    if (this.#had(line)) return false;
    this.#since++;
    this.#ofTime = line.time === this.#time ? this.#ofTime + 1 : 1;
    this.#time = line.time;
    return true;
  }

  /** What to ask for instead of `input`, to go on. */
  again(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    if (this.#place === null && this.#time === "") return input;
    this.#asked = true;
    this.#had = this.#byTime();
    const { lines: _, since: _since, ...rest } = input;
    return {
      ...rest,
      ...(this.#place !== null && { after: this.#place }),
      ...(this.#time !== "" && { since: this.#time }),
      ...(this.#invocation && { invocation: this.#invocation }),
    };
  }

  /** `since` is inclusive, and cut to milliseconds. */
  #byTime(): (line: LogLineShape) => boolean {
    const last = this.#time;
    let left = this.#ofTime;
    let within = last !== "";
    return ({ time }) => {
      if (within && time < last) return true;
      if (within && time === last && left-- > 0) return true;
      within = false;
      return false;
    };
  }
}
