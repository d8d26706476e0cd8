import { useMemo, useState } from "preact/hooks";
import type { Forecast } from "../../api/contract/shapes.ts";
import { mebibytes, milliseconds, percent } from "../format.ts";
import { plain } from "../text.ts";
import { downWords } from "./down.ts";
import { view } from "../state/live.ts";
import { now } from "../state/clock.ts";
import { Chart } from "./chart.tsx";
import { MEMORY_AXIS } from "./memory-axis.ts";
import type { Drawing } from "./plot.ts";
import { bandOf, reportedNames, seriesOf, type Trend } from "./series.ts";
import { useForecast, useLimits, useMarks, usePoints } from "./data.ts";

const RANGES = [
  { title: "15 min", ms: 15 * 60_000 },
  { title: "1 h", ms: 3_600_000 },
  { title: "6 h", ms: 6 * 3_600_000 },
  { title: "24 h", ms: 24 * 3_600_000 },
  { title: "7 d", ms: 7 * 24 * 3_600_000 },
] as const;

const plainNumber = (value: number): string =>
  Math.abs(value) >= 1000 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toPrecision(3);

/** The time axis extends into the future by this fraction of the range if there is a forecast. */
const AHEAD = 0.25;

interface Zoom {
  readonly from: number;
  readonly to: number;
}

/** Shows the usage of a unit over time. All charts share one time axis, pointer and zoom. */
export function UnitCharts({ id, size }: { readonly id: string; readonly size: "small" | "full" }) {
  const [rangeMs, setRangeMs] = useState<number>(RANGES[0].ms);
  const [zoom, setZoom] = useState<Zoom | null>(null);
  const { points, forecast, cpu, memory, response, reported } = useDrawings(id, rangeMs, zoom, size === "full");
  const service = view.value.services.get(id);
  const shared = {
    down: service === undefined ? null : downWords(service, now.value),
    height: size === "full" ? 180 : 110,
    onZoom: (from: number, to: number) => setZoom({ from, to }),
    onReset: () => setZoom(null),
  };
  const hasResponse = points.some((point) => point.response_time_ms !== null);
  const isEmpty = shared.down !== null && points.every((point) => point.cpu_percent === null && point.memory_mb === null);
  const choose = (ms: number): void => {
    setRangeMs(ms);
    setZoom(null);
  };
  return (
    <div class={`charts charts-${size}`}>
      <RangeBar rangeMs={rangeMs} choose={choose} zoomed={zoom !== null} reset={() => setZoom(null)} />
      {isEmpty ? (
        <p class="quiet-text">No measurements in this time range, {shared.down}.</p>
      ) : (
        <>
          <Chart title="CPU" colour="--chart-cpu" format={percent} drawing={cpu} {...noteOf(forecast?.cpu)} {...shared} />
          <Chart
            title="Memory"
            colour="--chart-memory"
            format={mebibytes}
            axis={MEMORY_AXIS}
            drawing={memory}
            {...noteOf(forecast?.memory)}
            {...shared}
          />
        </>
      )}
      {hasResponse && <Chart title="Response time" colour="--chart-response" format={milliseconds} drawing={response} {...shared} />}
      {reported.map(({ name, drawing }) => (
        <Chart key={name} title={plain(name)} colour="--chart-other" format={plainNumber} drawing={drawing} {...shared} />
      ))}
    </div>
  );
}

type Pick = Parameters<typeof seriesOf>[1];

/** Returns the content of the charts. It is computed again for new samples, but not every second. */
function useDrawings(id: string, rangeMs: number, zoom: Zoom | null, withReported: boolean) {
  const points = usePoints(id, rangeMs);
  const marks = useMarks(id, rangeMs);
  const limits = useLimits(id);
  const forecast = useForecast(id);
  const drawings = useMemo(() => {
    const toS = now.peek() / 1000;
    const until = toS + AHEAD * (rangeMs / 1000);
    const ahead = (trend: Trend | undefined): Drawing["band"] => (zoom === null ? bandOf(trend ?? null, toS, until) : null);
    const bands = { cpu: ahead(forecast?.cpu), memory: ahead(forecast?.memory) };
    // If one chart has a forecast, extend the time axis of all charts, because they share it.
    const edges = zoom ?? { from: toS - rangeMs / 1000, to: (bands.cpu ?? bands.memory) ? until : toS };
    const make = (pick: Pick, peak: Pick | null, limit: number | null, band: Drawing["band"]): Drawing => {
      const series = seriesOf(points, pick, ...(peak ? [peak] : []));
      return { ...series, limit, warnAt: limit === null ? null : limit * limits.warnAt, band, marks, ...edges };
    };
    return {
      cpu: make(
        (point) => point.cpu_percent,
        (point) => point.cpu_max ?? null,
        limits.cpu,
        bands.cpu,
      ),
      memory: make(
        (point) => point.memory_mb,
        (point) => point.memory_max ?? null,
        limits.memory,
        bands.memory,
      ),
      response: make((point) => point.response_time_ms, null, null, null),
      reported: (withReported ? reportedNames(points) : []).map((name) => ({
        name,
        drawing: make((point) => point.reported?.[name] ?? null, null, null, null),
      })),
    };
  }, [points, marks, limits, forecast, zoom, rangeMs, withReported]);
  return { points, forecast, ...drawings };
}

interface RangeProps {
  readonly rangeMs: number;
  readonly choose: (ms: number) => void;
  readonly zoomed: boolean;
  readonly reset: () => void;
}

function RangeBar({ rangeMs, choose, zoomed, reset }: RangeProps) {
  return (
    <div class="chart-bar">
      <div class="ranges" role="group" aria-label="Time range">
        {RANGES.map(({ title, ms }) => (
          <button key={ms} type="button" class="chip" aria-pressed={ms === rangeMs} onClick={() => choose(ms)}>
            {title}
          </button>
        ))}
      </div>
      <button type="button" class="button quiet small" disabled={!zoomed} onClick={reset}>
        Reset zoom
      </button>
      <span class="quiet-text wide-only">▾ starts and failures; drag to zoom</span>
    </div>
  );
}

const noteOf = (trend: Forecast["cpu"] | undefined): { readonly note?: string } =>
  trend && (trend.verdict === "rising" || trend.verdict === "falling" || isOver(trend)) ? { note: trend.text } : {};

const isOver = ({ level, limit, of_machine }: Forecast["cpu"]): boolean => level !== null && limit !== null && !of_machine && level > limit;
