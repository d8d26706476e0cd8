import type { LogLine } from "../../ports/logs.ts";
import { lineText } from "./lines.ts";
import type { Colour, Paint } from "./paint.ts";
import { safe } from "./safe.ts";

/** Formats the output of several units as one stream. Each line starts with the unit's name, aligned, in the unit's colour. */
export interface Prefixer {
  /**
   * Reserves space and a colour for these names, in this order. A longer name that is first used later widens the column from
   * then on.
   */
  expect(units: readonly string[]): void;
  line(unit: string, line: Pick<LogLine, "text" | "stream" | "full">): string;
  /** Puts the unit's name in front of a text that is already safe and coloured. */
  with(unit: string, text: string): string;
  /** Formats a message that sup itself prints about a unit, or about all units if `unit` is null. */
  remark(unit: string | null, text: string): string;
}

const COLOURS: readonly Colour[] = ["cyan", "magenta", "green", "blue", "yellow"];
const SELF = "sup";

export function prefixer(paint: Paint): Prefixer {
  const colours = new Map<string, Colour>([[SELF, "dim"]]);
  let width = SELF.length;
  const expect = (units: readonly string[]): void => {
    for (const unit of units) {
      if (colours.has(unit)) continue;
      colours.set(unit, COLOURS[(colours.size - 1) % COLOURS.length]!);
      width = Math.max(width, unit.length);
    }
  };
  const prefix = (unit: string): string => {
    expect([unit]);
    return paint(colours.get(unit)!, `${safe(unit).padEnd(width)} |`);
  };
  return {
    expect,
    with: (unit, text) => `${prefix(unit)} ${text}`,
    line: (unit, line) => `${prefix(unit)} ${lineText(line, paint)}`,
    remark: (unit, text) => `${prefix(SELF)} ${unit === null ? "" : `${paint("bold", safe(unit))}: `}${safe(text)}`,
  };
}
