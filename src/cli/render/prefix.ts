import type { LogLine } from "../../ports/logs.ts";
import { lineText } from "./lines.ts";
import type { Colour, Paint } from "./paint.ts";
import { safe } from "./safe.ts";

/** Merges the output of several units: each line starts with its unit's name, aligned, in the unit's colour. */
export interface Prefixer {
  /** Reserves space and a colour for these names, in this order. A longer name that comes later widens the column from then on. */
  expect(units: readonly string[]): void;
  line(unit: string, line: Pick<LogLine, "text" | "stream" | "full">): string;
  /** Prefixes a text that is already safe and coloured. */
  with(unit: string, text: string): string;
  /** A message of sup itself about a unit, or about all of them (null). */
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
