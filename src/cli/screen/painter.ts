/** The alternate screen, with a hidden cursor and without line wrap, so that each line takes one row. */
export const [ENTER, LEAVE] = ["\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"];
/** A synchronised update: terminals that know it show a frame at once, others ignore it. */
const [BEGIN, END] = ["\x1b[?2026h", "\x1b[?2026l"];

/** Draws frames of the full screen. Sends only the rows that differ from the last frame, so that a slow line is enough. */
export class Painter {
  readonly #write: (text: string) => void;
  #rows: readonly string[] = [];

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  enter(): void {
    this.#write(ENTER);
  }

  /** Draws lines from the top of the screen, and clears the rows below the last one. */
  draw(rows: readonly string[]): void {
    let text = "";
    for (let y = 0; y < Math.max(rows.length, this.#rows.length); y++) {
      const row = rows[y] ?? "";
      // The row is cleared first, because after a row of the full width the cursor is on its last column.
      if (row !== this.#rows[y]) text += `\x1b[${y + 1};1H\x1b[K${row}`;
    }
    this.#rows = rows;
    if (text !== "") this.#write(`${BEGIN}${text}${END}`);
  }

  /** Clears the screen. The next frame is drawn as a whole. Called when the size of the terminal has changed. */
  clear(): void {
    this.#rows = [];
    this.#write("\x1b[H\x1b[2J");
  }

  leave(): void {
    this.#write(LEAVE);
  }
}
