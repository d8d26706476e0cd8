/**
 * Follows the modes of the terminal that a program has set (ECMA-48 and xterm's private modes), so that they can be undone when the
 * program is left while it runs.
 */
export class ScreenModes {
  readonly #changed = new Set<string>();
  /** The beginning of an escape sequence at the end of the last output. */
  #rest = "";

  feed(bytes: Uint8Array): void {
    const text = this.#rest + Buffer.from(bytes).toString("latin1");
    for (const [, modes, letter] of text.matchAll(PRIVATE_MODE)) {
      for (const mode of modes!.split(";")) {
        if (!FOLLOWED.has(mode)) continue;
        if ((letter === "h") === ON_BY_DEFAULT.has(mode)) this.#changed.delete(mode);
        else this.#changed.add(mode);
      }
    }
    const start = text.lastIndexOf("\x1b");
    this.#rest = start >= 0 && text.length - start < MAX_SEQUENCE ? text.slice(start) : "";
  }

  /** Returns what restores the default modes, attributes and keypad. Leaves the alternate screen last. */
  undo(): string {
    const order = [...this.#changed].sort((a, b) => Number(ALTERNATE.has(a)) - Number(ALTERNATE.has(b)));
    const modes = order.map((mode) => `\x1b[?${mode}${ON_BY_DEFAULT.has(mode) ? "h" : "l"}`);
    return `\x1b[0m\x1b>${modes.join("")}`;
  }
}

const PRIVATE_MODE = /\x1b\[\?([\d;]+)([hl])/g;
const MAX_SEQUENCE = 32;

/** Line wrap and a visible cursor. */
const ON_BY_DEFAULT = new Set(["7", "25"]);
const ALTERNATE = new Set(["47", "1047", "1049"]);
/** Also: cursor keys of applications, the mouse (9, 1000 to 1015), focus events, bracketed paste. */
const FOLLOWED = new Set([
  ...ON_BY_DEFAULT,
  ...ALTERNATE,
  "1",
  "9",
  "1000",
  "1001",
  "1002",
  "1003",
  "1004",
  "1005",
  "1006",
  "1015",
  "2004",
]);
