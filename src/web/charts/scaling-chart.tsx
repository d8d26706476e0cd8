import type { MetricPoint, Service } from "../../api/contract/shapes.ts";
import { plain } from "../text.ts";
import { request } from "../state/api.ts";
import { now } from "../state/clock.ts";
import { useRequest } from "../state/use-request.ts";
import { meanOf, type Step, wantedSteps } from "./scaling.ts";
import { seriesOf, type Series } from "./series.ts";

interface Props {
  /** The totals of a service with automatic scaling. */
  readonly service: Service;
  readonly points: readonly MetricPoint[];
  readonly rangeMs: number;
}

const MOST_EVENTS = 1000;

/**
 * Shows the numbers of units that automatic scaling wanted and that ran, and a metric with its target, over the same time. There is one
 * chart per metric of the service.
 */
export function ScalingCharts({ service, points, rangeMs }: Props) {
  const { value } = useRequest(service.id, () =>
    request("events", { service: service.id, type: "scaled", since: new Date(Date.now() - rangeMs).toISOString(), limit: MOST_EVENTS }),
  );
  const toS = now.value / 1000;
  const wanted = wantedSteps(value ?? [], service.wanted ?? 0, toS - rangeMs / 1000, toS);
  return service.scaling?.metrics.map(({ metric, target }) => {
    const drawing = { metric, target, wanted, fromS: toS - rangeMs / 1000, toS, most: service.scaling!.max };
    return <ScalingChart key={metric} {...drawing} series={seriesOf(points, runningOf, (point) => meanOf(point, metric))} />;
  });
}

const runningOf = ({ units }: MetricPoint): number | null => units ?? null;

/** The lines are drawn in this square, which is then stretched. */
const SIZE = 1000;
const HEIGHT_PX = 160;

interface Drawing {
  readonly metric: string;
  readonly target: number;
  readonly wanted: readonly Step[];
  readonly fromS: number;
  readonly toS: number;
  /** The greatest number of units. */
  readonly most: number;
  /** The number of units that ran, and the mean of the metric. */
  readonly series: Series;
}

function ScalingChart({ metric, target, wanted, fromS, toS, most, series }: Drawing) {
  const [running = [], means = []] = series.lines;
  const top = Math.max(2 * target, ...means.map((mean) => mean ?? 0)) || 1;
  const x = (at: number): string => (((at - fromS) / (toS - fromS)) * SIZE).toFixed(1);
  const y = (value: number, full: number): string => ((1 - Math.min(value, full) / full) * SIZE).toFixed(1);
  const path = (values: ReadonlyArray<number | null>, full: number): string => {
    let isGap = true;
    return values
      .map((value, index) => {
        const command = isGap ? "M" : "L";
        isGap = value === null;
        return value === null ? "" : `${command}${x(series.times[index]!)} ${y(value, full)}`;
      })
      .join("");
  };
  const steps = wanted.map(({ at, count }, index) => `${index === 0 ? `M${x(at)} ` : `H${x(at)}V`}${y(count, most)}`).join("");
  const [isNow, mean] = [wanted.at(-1)!.count, means.findLast((value) => value !== null) ?? null];
  const words = `${isNow} wanted, ${running.at(-1) ?? 0} running; ${metric} ${mean === null ? "unknown" : round(mean)}, target ${target}`;
  return (
    <figure class="chart">
      <figcaption>
        <h2>Scaling by {plain(metric)}</h2>
        <span class="quiet-text num">{plain(words)}</span>
      </figcaption>
      <div class="scaling-plot" style={{ height: `${HEIGHT_PX}px` }}>
        <Axis values={[0, most]} full={most} />
        <svg
          viewBox={`0 0 ${SIZE} ${SIZE}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={plain(`Scaling by ${metric} over time; now ${words}`)}
        >
          <Line path={`M0 ${y(target, top)}H${SIZE}`} name="target" colour="--chart-other" dashes="2 4" />
          <Line path={path(means, top)} name="metric" colour="--chart-other" />
          <Line path={path(running, most)} name="running" colour="--chart-response" dashes="5 3" />
          <Line path={`${steps}H${SIZE}`} name="wanted" colour="--chart-cpu" />
        </svg>
        <Axis values={[target, top]} full={top} />
      </div>
      <p class="quiet-text">
        <Key colour="--chart-cpu" /> units wanted <Key colour="--chart-response" dashes="5 3" /> units running{" "}
        <Key colour="--chart-other" /> {plain(metric)} per unit <Key colour="--chart-other" dashes="2 4" /> target
      </p>
    </figure>
  );
}

interface LineProps {
  readonly path: string;
  readonly name: string;
  readonly colour: string;
  readonly dashes?: string;
}

const Line = ({ path, name, colour, dashes }: LineProps) => (
  <path
    class={`scaling-${name}`}
    d={path}
    fill="none"
    stroke={`var(${colour})`}
    stroke-width={name === "target" ? 1 : 2}
    stroke-dasharray={dashes}
    vector-effect="non-scaling-stroke"
  />
);

/** Labels beside the plot, each at the height of its value. */
const Axis = ({ values, full }: { readonly values: readonly number[]; readonly full: number }) => (
  <div class="scaling-axis quiet-text num">
    {values.map((value) => (
      <span key={value} style={{ bottom: `${(value / full) * 100}%` }}>
        {round(value)}
      </span>
    ))}
  </div>
);

const Key = ({ colour, dashes }: { readonly colour: string; readonly dashes?: string }) => (
  <svg width="22" height="8" aria-hidden="true">
    <path d="M0 4h22" stroke={`var(${colour})`} stroke-width="2" stroke-dasharray={dashes} />
  </svg>
);

const round = (value: number): number => Number(value.toPrecision(3));
