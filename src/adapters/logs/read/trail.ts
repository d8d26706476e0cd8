import type { LogLine, LogQuery, LogTrail } from "../../../ports/logs.ts";
import type { Cursor } from "./cursor.ts";
import { type Matcher, matcherOf } from "./match.ts";

/** The lines from a cursor that match a query. */
export class Trail implements LogTrail {
  readonly watch: LogTrail["watch"];
  readonly #cursor: Cursor;
  readonly #matcher: Matcher;

  constructor(cursor: Cursor, query: LogQuery, watch: LogTrail["watch"]) {
    this.#cursor = cursor;
    this.#matcher = matcherOf(query);
    this.watch = watch;
  }

  seek(): void {
    this.#cursor.seek(this.#matcher.since);
  }

  resume(place: string): boolean {
    return this.#cursor.resume(place);
  }

  place(): string | null {
    return this.#cursor.place();
  }

  next(): { readonly lines: readonly LogLine[]; readonly gap: boolean } | null {
    const read = this.#cursor.next();
    if (read === null) return null;
    const lines = read.lines.map((raw) => this.#matcher.match(raw)).filter((line) => line !== null && line !== "older");
    return { lines, gap: read.gap };
  }

  close(): void {
    this.#cursor.close();
  }
}
