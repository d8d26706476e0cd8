import type { Host } from "../host.ts";

/**
 * Colours text with SGR codes. The library kleur does the same, but uses `process.stdout` when it is loaded. This costs at least
 * 10 ms, which is too much for `sup is-active`. Only `sup help` uses kleur, where the time does not matter.
 */
export type Colour = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "dim" | "bold";
export type Paint = (colour: Colour, text: string) => string;

const CODES: Record<Colour, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
};

export const plain: Paint = (_, text) => text;

export const coloured: Paint = (colour, text) => (text === "" ? "" : `\x1b[${CODES[colour][0]}m${text}\x1b[${CODES[colour][1]}m`);

/**
 * Returns true if the output should be coloured. `--no-color` and NO_COLOR (no-color.org) disable colours, and FORCE_COLOR
 * enables them. Otherwise the output is coloured if it is a terminal that is not dumb.
 */
export function wantsColour(host: Pick<Host, "env" | "isTerminal">, option: boolean | undefined): boolean {
  if (option === false || host.env.NO_COLOR) return false;
  const forced = host.env.FORCE_COLOR;
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  return host.env.TERM !== "dumb" && host.isTerminal(1);
}
