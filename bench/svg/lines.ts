import { line, round, short, svg, text, ticksTo, WIDTH } from "./theme.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LineChart {
  readonly title: string;
  readonly unit: string;
  readonly xTitle: string;
  readonly points: readonly Point[];
}

const LEFT = 70;
const RIGHT = WIDTH - 60;
const TOP = 48;
const BOTTOM = 250;

/** Draws one line, with the value at each point. Both axes begin at 0. */
export function lineChart({ title, unit, xTitle, points }: LineChart): string {
  const mostX = Math.max(...points.map(({ x }) => x));
  const heights = ticksTo(Math.max(...points.map(({ y }) => y)) * 1.1);
  const atX = (x: number): number => LEFT + (x / mostX) * (RIGHT - LEFT);
  const atY = (y: number): number => BOTTOM - (y / heights.at(-1)!) * (BOTTOM - TOP);
  const path = points.map(({ x, y }, n) => `${n === 0 ? "M" : "L"}${round(atX(x))} ${round(atY(y))}`).join(" ");
  return svg(title, BOTTOM + 52, [
    ...heights.flatMap((y) => [line(LEFT, atY(y), RIGHT, atY(y)), text(LEFT - 8, atY(y) + 4, "quiet", short(y), "end")]),
    ...points.map(({ x }) => text(atX(x), BOTTOM + 18, "quiet", short(x), "middle")),
    text((LEFT + RIGHT) / 2, BOTTOM + 38, "quiet", xTitle, "middle"),
    text(WIDTH - 16, 26, "quiet", unit, "end"),
    `<path class="own line" d="${path}"/>`,
    ...points.flatMap(({ x, y }) => [
      `<circle class="own" cx="${round(atX(x))}" cy="${round(atY(y))}" r="3.5"/>`,
      text(atX(x), atY(y) - 9, "text", short(y), "middle"),
    ]),
  ]);
}
