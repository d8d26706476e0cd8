import uPlot from "uplot";
import { axisTime } from "../format.ts";
import type { bandOf } from "./series.ts";

/** The content of one chart. Marks and limits are drawn above the lines in the colours of the page's theme. */
export interface Drawing {
  readonly times: readonly number[];
  readonly lines: ReadonlyArray<ReadonlyArray<number | null>>;
  readonly limit: number | null;
  readonly warnAt: number | null;
  readonly band: ReturnType<typeof bandOf>;
  readonly marks: readonly Mark[];
  /** The ends of the time axis, in seconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** The least value at the top of the y axis, so that several charts have the same scale. */
  readonly least?: number;
}

export interface Mark {
  readonly time: number;
  readonly bad: boolean;
}

/** The labels of the y axis, if they differ from the format of single values. */
export interface Axis {
  readonly steps: readonly number[];
  /** Formats a label. `top` is the highest label. */
  readonly format: (value: number, top: number) => string;
}

export interface PlotOptions {
  readonly height: number;
  /** The name of the CSS property that contains the colour, such as `--chart-cpu`. */
  readonly colour: string;
  readonly format: (value: number) => string;
  readonly axis?: Axis | undefined;
  /** Charts with the same name share the pointer. */
  readonly sync: string;
  readonly onZoom: (from: number, to: number) => void;
  readonly onReset: () => void;
  /** Called with the index in `times` under the pointer, or with null if the pointer leaves the chart. */
  readonly onPoint: (index: number | null) => void;
}

export interface Plot {
  draw(drawing: Drawing): void;
  /** Redraws the chart after the theme has changed. */
  repaint(): void;
  destroy(): void;
}

/** The minimum value at the top of the y axis. */
const LEAST = 1;

/** The space to the right of the time axis. The label at its end is centred there, and needs half of its width. */
const RIGHT_PX = 28;

export function makePlot(box: HTMLElement, options: PlotOptions): Plot {
  const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let drawing: Drawing | null = null;
  const axis = {
    stroke: () => colour("--muted"),
    grid: { stroke: () => colour("--grid"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  const plot = new uPlot(
    {
      width: Math.max(200, box.clientWidth),
      height: options.height,
      legend: { show: false },
      padding: [8, RIGHT_PX, 0, 0],
      scales: { x: { time: true, range: () => [drawing?.from ?? 0, drawing?.to ?? 1] }, y: { range: () => [0, topOf(drawing)] } },
      axes: [
        {
          ...axis,
          size: 26,
          space: 90,
          values: (_, splits) => splits.map((at) => axisTime(at, (drawing?.to ?? 0) - (drawing?.from ?? 0))),
        },
        { ...axis, size: 62, space: 34, ...labelsOf(options) },
      ],
      series: [
        {},
        { stroke: () => colour(options.colour), width: 1.5, fill: () => `${colour(options.colour)}22`, points: { show: false } },
        { stroke: () => `${colour(options.colour)}77`, width: 1, points: { show: false } },
      ],
      cursor: cursorOf(options),
      hooks: {
        drawClear: [(self) => drawing && drawBand(self, drawing, colour(options.colour))],
        draw: [(self) => drawing && drawOver(self, drawing, colour)],
        setCursor: [(self) => options.onPoint(self.cursor.idx ?? null)],
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (width < 4) return;
            options.onZoom(self.posToVal(left, "x"), self.posToVal(left + width, "x"));
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    [[], [], []],
    box,
  );
  plot.over.addEventListener("dblclick", options.onReset);
  const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(200, box.clientWidth), height: options.height }));
  observer.observe(box);
  return {
    draw(next) {
      drawing = next;
      const [first = [], second = first.map(() => null)] = next.lines;
      plot.setData([next.times, first, second] as unknown as uPlot.AlignedData);
    },
    repaint: () => plot.redraw(),
    destroy() {
      observer.disconnect();
      plot.destroy();
    },
  };
}

const cursorOf = ({ sync }: PlotOptions): uPlot.Cursor => ({
  y: false,
  drag: { x: true, y: false, setScale: false },
  sync: { key: sync, setSeries: false },
  points: { size: 6 },
});

const labelsOf = ({ axis, format }: PlotOptions): Pick<uPlot.Axis, "values" | "incrs"> =>
  axis === undefined
    ? { values: (_, splits) => splits.map(format) }
    : { values: (_, splits) => splits.map((at) => axis.format(at, splits.at(-1)!)), incrs: [...axis.steps] };

/**
 * Returns the value at the top of the y axis. The axis includes the lines, and enough of the forecast to show its direction.
 * It also includes the limit, unless the limit is much higher.
 */
function topOf(drawing: Drawing | null): number {
  if (drawing === null) return LEAST;
  let top = Math.max(LEAST, drawing.least ?? 0);
  for (const line of drawing.lines) {
    for (const [index, value] of line.entries()) {
      const time = drawing.times[index]!;
      if (value !== null && value > top && time >= drawing.from && time <= drawing.to) top = value;
    }
  }
  const ahead = Math.min(drawing.band?.middle[1] ?? 0, top * 3);
  if (drawing.limit !== null && drawing.limit < top * 6) top = Math.max(top, drawing.limit);
  return Math.max(top, ahead) * 1.1;
}

type Colour = (name: string) => string;

function drawBand(self: uPlot, { band }: Drawing, colour: string): void {
  if (band === null) return;
  const { ctx, bbox } = self;
  const [x0, x1] = band.times.map((time) => self.valToPos(time, "x", true)) as [number, number];
  const y = (value: number): number => self.valToPos(value, "y", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = `${colour}33`;
  ctx.beginPath();
  ctx.moveTo(x0, y(band.low[0]));
  ctx.lineTo(x1, y(band.low[1]));
  ctx.lineTo(x1, y(band.high[1]));
  ctx.lineTo(x0, y(band.high[0]));
  ctx.fill();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(x0, y(band.middle[0]));
  ctx.lineTo(x1, y(band.middle[1]));
  ctx.stroke();
  ctx.restore();
}

function drawOver(self: uPlot, { limit, warnAt, marks, from, to }: Drawing, colour: Colour): void {
  const { ctx, bbox } = self;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const level = (value: number, stroke: string): void => {
    const at = Math.round(self.valToPos(value, "y", true));
    ctx.strokeStyle = stroke;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, at);
    ctx.lineTo(bbox.left + bbox.width, at);
    ctx.stroke();
  };
  if (limit !== null) level(limit, colour("--bad"));
  if (warnAt !== null) level(warnAt, colour("--warning"));
  ctx.setLineDash([]);
  for (const mark of marks) {
    if (mark.time < from || mark.time > to) continue;
    const at = Math.round(self.valToPos(mark.time, "x", true));
    ctx.strokeStyle = ctx.fillStyle = colour(mark.bad ? "--bad" : "--busy");
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    const size = 4 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(at - size, bbox.top);
    ctx.lineTo(at + size, bbox.top);
    ctx.lineTo(at, bbox.top + 1.6 * size);
    ctx.fill();
  }
  ctx.restore();
}
