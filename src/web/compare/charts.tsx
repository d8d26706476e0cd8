import { useEffect, useMemo, useState } from "preact/hooks";
import type { MetricPoint } from "../../api/contract/shapes.ts";
import { Chart } from "../charts/chart.tsx";
import { useMarks } from "../charts/data.ts";
import { MEMORY_AXIS } from "../charts/memory-axis.ts";
import type { Drawing } from "../charts/plot.ts";
import { seriesOf } from "../charts/series.ts";
import { mebibytes, milliseconds, percent } from "../format.ts";
import { request } from "../state/api.ts";
import type { Range, Ranges } from "./ranges.ts";

const MOST_POINTS = 20_000;

const CHARTS = [
  { title: "Memory", colour: "--chart-memory", format: mebibytes, pick: (point: MetricPoint) => point.memory_mb },
  { title: "CPU", colour: "--chart-cpu", format: percent, pick: (point: MetricPoint) => point.cpu_percent },
  { title: "Response time", colour: "--chart-response", format: milliseconds, pick: (point: MetricPoint) => point.response_time_ms },
] as const;

interface Props {
  readonly id: string;
  readonly ranges: Ranges;
  readonly onZoom: (side: keyof Ranges, range: Range) => void;
}

/** Shows the usage in both ranges side by side. Both charts of a figure have the same scale. */
export function CompareCharts({ id, ranges, onZoom }: Props) {
  const before = usePoints(id, ranges.before);
  const after = usePoints(id, ranges.after);
  const marks = useMarks(id, Date.now() - Math.min(ranges.before.from, ranges.after.from));
  const drawings = useMemo(
    () =>
      CHARTS.map(({ pick }) => {
        const least = [...before, ...after].reduce((most, point) => Math.max(most, pick(point) ?? 0), 0);
        const make = (points: readonly MetricPoint[], { from, to }: Range): Drawing => {
          const axis = { from: from / 1000, to: to / 1000, least };
          return { ...seriesOf(points, pick), limit: null, warnAt: null, band: null, marks, ...axis };
        };
        return { before: make(before, ranges.before), after: make(after, ranges.after) };
      }),
    [before, after, marks, ranges],
  );
  const hasResponse = [...before, ...after].some((point) => point.response_time_ms !== null);
  return (
    <div class="compare-charts charts">
      {CHARTS.slice(0, hasResponse ? 3 : 2).map(({ title, colour, format }, index) =>
        (["before", "after"] as const).map((side) => (
          <Chart
            key={`${title} ${side}`}
            title={`${title} ${side}`}
            colour={colour}
            format={format}
            {...(format === mebibytes && { axis: MEMORY_AXIS })}
            height={130}
            sync={side}
            down={null}
            drawing={drawings[index]![side]}
            onZoom={(from, to) => onZoom(side, { from: from * 1000, to: to * 1000 })}
            onReset={() => {}}
          />
        )),
      )}
    </div>
  );
}

function usePoints(id: string, { from, to }: Range): readonly MetricPoint[] {
  const [points, setPoints] = useState<readonly MetricPoint[]>([]);
  useEffect(() => {
    let gone = false;
    const range = { since: new Date(from).toISOString(), until: new Date(to).toISOString() };
    void request("serviceMetrics", { id, ...range, limit: MOST_POINTS }).then((answer) => {
      if (!gone && answer.ok) setPoints(answer.value);
    });
    return () => void (gone = true);
  }, [id, from, to]);
  return points;
}
