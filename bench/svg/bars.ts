import { line, round, short, svg, text, ticksTo, WIDTH } from "./theme.ts";

export interface Bar {
  readonly name: string;
  /** The value, or null if it was not measured. `why` then has the reason. */
  readonly value: number | null;
  readonly why?: string;
  readonly style: "own" | "peer" | "base";
}

export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

const LEFT = 120;
const RIGHT = WIDTH - 130;
const TOP = 44;
const ROW = 26;
/** If the largest value is this many times the smallest, the axis is logarithmic, because otherwise short bars would not be visible. */
const LOGARITHMIC_FROM = 20;

/** Draws one horizontal bar per row, with its value at the end. */
export function barChart({ title, unit, bars }: BarChart): string {
  const values = bars.flatMap(({ value }) => (value !== null && value > 0 ? [value] : []));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isLogarithmic = values.length > 0 && most / least > LOGARITHMIC_FROM;
  const axis = isLogarithmic ? logarithmic(least, most) : linear(values.length > 0 ? most : 1);
  const bottom = TOP + bars.length * ROW;
  const ticks = axis.ticks.flatMap((tick) => [
    line(axis.at(tick), TOP, axis.at(tick), bottom),
    text(axis.at(tick), bottom + 16, "quiet", short(tick), "middle"),
  ]);
  const rows = bars.flatMap((bar, n) => drawRow(bar, TOP + n * ROW, unit, axis));
  const note = `${unit}${isLogarithmic ? ", logarithmic axis" : ""}`;
  return svg(title, bottom + 40, [...ticks, ...rows, text(WIDTH - 16, 26, "quiet", note, "end")]);
}

function drawRow({ name, value, why, style }: Bar, top: number, unit: string, axis: Axis): string[] {
  const label = text(LEFT - 8, top + 17, "text", name, "end");
  if (value === null) return [label, text(LEFT + 6, top + 17, "quiet", why ?? "not measured")];
  const end = Math.max(LEFT + 1, axis.at(value));
  const bar = `<rect class="${style}" x="${LEFT}" y="${top + 4}" width="${round(end - LEFT)}" height="${ROW - 8}" rx="2"/>`;
  return [label, bar, text(end + 6, top + 17, "text", `${short(value)} ${unit}`)];
}

interface Axis {
  readonly ticks: readonly number[];
  at(value: number): number;
}

function linear(most: number): Axis {
  const ticks = ticksTo(most);
  return { ticks, at: (value) => LEFT + (value / ticks.at(-1)!) * (RIGHT - LEFT) };
}

/** The axis begins at the power of ten below the smallest value. A value of 0 is drawn at its beginning. */
function logarithmic(least: number, most: number): Axis {
  const from = Math.floor(Math.log10(least) - 1e-9);
  const to = Math.log10(most);
  return {
    ticks: Array.from({ length: Math.floor(to - from) + 1 }, (_, n) => 10 ** (from + n)),
    at: (value) => LEFT + (value <= 0 ? 0 : (Math.log10(value) - from) / (to - from)) * (RIGHT - LEFT),
  };
}
