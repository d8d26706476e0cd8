import type { Host } from "../host.ts";

/**
 * Colours as plain SGR codes. kleur does the same, but uses `process.stdout` when it is loaded, which costs 10 ms and more:
 * too much for `sup is-active`. `sup help`, where that does not matter, uses kleur.
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

/** `--no-color` and NO_COLOR (no-color.org) disable colours, FORCE_COLOR enables them; otherwise a terminal that is not dumb gets them. */
export function wantsColour(host: Pick<Host, "env" | "isTerminal">, option: boolean | undefined): boolean {
  if (option === false || host.env.NO_COLOR) return false;
  const forced = host.env.FORCE_COLOR;
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  return host.env.TERM !== "dumb" && host.isTerminal(1);
}
