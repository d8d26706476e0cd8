/** A key that was pressed: a printable character, or a name. */
export type Key = string;

/** The escape sequences of keys, without `ESC [` or `ESC O` (xterm, vt220, linux). */
const SEQUENCES: Readonly<Record<string, Key>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  "1~": "home",
  "4~": "end",
  "5~": "pageup",
  "6~": "pagedown",
  "7~": "home",
  "8~": "end",
};
const CONTROLS: Readonly<Record<string, Key>> = {
  "\x03": "ctrl-c",
  "\x08": "backspace",
  "\t": "tab",
  "\r": "enter",
  "\n": "enter",
  "\x1b": "escape",
  "\x7f": "backspace",
};

// A whole sequence, or a lone Escape, or any other character.
const KEY = /\x1b[[O]([0-9;]*[A-Za-z~])|\x1b|[^\x1b]/gu;

/** Splits what a terminal has sent into keys. Leaves out keys without a name, and modifiers. */
export function keysOf(text: string): Key[] {
  return [...text.matchAll(KEY)].flatMap(([all, sequence]) => {
    if (sequence !== undefined) return SEQUENCES[sequence.replace(/^1;\d+/, "")] ?? [];
    const key = CONTROLS[all] ?? (all >= " " ? all : undefined);
    return key ?? [];
  });
}
