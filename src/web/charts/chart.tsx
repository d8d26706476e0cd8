import { useEffect, useRef, useState } from "preact/hooks";
import { fullTime } from "../format.ts";
import { makePlot, type Axis, type Drawing, type Plot } from "./plot.ts";

interface Props {
  readonly title: string;
  readonly height: number;
  readonly colour: string;
  readonly format: (value: number) => string;
  readonly axis?: Axis;
  readonly drawing: Drawing;
  /** A sentence that is shown under the title, for example a forecast. */
  readonly note?: string;
  /**
   * Words that say that the unit is down, or null. While it is down, the chart shows them instead of the newest value, which
   * is outdated.
   */
  readonly down: string | null;
  /** Charts with the same name share the pointer. */
  readonly sync?: string;
  readonly onZoom: (from: number, to: number) => void;
  readonly onReset: () => void;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export function Chart({ title, height, colour, format, axis, drawing, note, down, sync = "unit", onZoom, onReset }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [point, setPoint] = useState<number | null>(null);
  const calls = useRef({ onZoom, onReset });
  calls.current = { onZoom, onReset };
  useEffect(() => {
    const made = makePlot(box.current!, {
      height,
      colour,
      format,
      axis,
      sync,
      onZoom: (from, to) => calls.current.onZoom(from, to),
      onReset: () => calls.current.onReset(),
      onPoint: setPoint,
    });
    plot.current = made;
    made.draw(drawing);
    dark.addEventListener("change", made.repaint);
    return () => {
      dark.removeEventListener("change", made.repaint);
      made.destroy();
    };
  }, [height, colour]);
  useEffect(() => plot.current?.draw(drawing), [drawing]);
  const line = drawing.lines[0] ?? [];
  const index = point ?? line.length - 1;
  const isDown = point === null && down !== null;
  const value = isDown ? null : (line[index] ?? null);
  const time = drawing.times[index];
  return (
    <figure class="chart">
      <figcaption>
        <h2>{title}</h2>
        <span class="chart-value num">{isDown ? down : value === null ? "–" : format(value)}</span>
        <span class="quiet-text num">{point !== null && time !== undefined ? fullTime(new Date(time * 1000).toISOString()) : ""}</span>
        {drawing.limit !== null && <span class="chart-limit">limit {format(drawing.limit)}</span>}
        {note && (
          <span class="chart-note quiet-text" title={note}>
            {note}
          </span>
        )}
      </figcaption>
      <div
        ref={box}
        class="chart-box"
        role="img"
        aria-label={`${title} over time; now ${isDown ? down : value === null ? "no value" : format(value)}`}
        style={{ height: `${height}px` }}
      />
    </figure>
  );
}
