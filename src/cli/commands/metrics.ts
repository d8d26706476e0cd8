import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { MetricPoint } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import { stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { layOut, type Column } from "../render/columns.ts";
import { safeCell } from "../render/safe.ts";
import { memory, percent } from "../render/state.ts";
import { tableOptions } from "../render/status-table.ts";
import { shortTime } from "../render/time.ts";
import { parseTime } from "../parse/time.ts";
import { WHEN_HINT } from "./logs.ts";
import { styleOf } from "./status.ts";

/** The default number of table rows. If there are more points, the table shows this many evenly spaced points. */
const ROWS = 20;
const SPARK = "▁▂▃▄▅▆▇█";
const SPARK_WIDTH = 60;

export const run: Run = async (context) => {
  const since = sinceOf(context);
  if (!since.ok) return context.fail(since.error);
  const id = stripSuffix(context.args[0]!);
  const answer = await context.client.call("serviceMetrics", { id, since: since.value, limit: 100_000 });
  if (!answer.ok) return context.fail(answer.error);
  const points = answer.value;
  if (context.options.json) context.json(context.options.lines === undefined ? points : points.slice(-context.options.lines));
  else if (points.length === 0) context.out(`No metrics for ${id} since ${context.options.since ?? "1h ago"}.`);
  else context.out([...sparks(points, context), "", ...table(points, context)].join("\n"));
  return EXIT.done;
};

function sinceOf({ options, host }: Context): Result<string, ApiError> {
  if (options.since === undefined) return ok("1h");
  const ms = parseTime(options.since, host.now());
  if (ms === undefined) return err({ code: "bad-request", message: `cannot read --since ${options.since} as a time`, hint: WHEN_HINT });
  return ok(new Date(ms).toISOString());
}

/** Returns one line each for CPU, memory and response time, with a sparkline, the range and the mean. */
function sparks(points: readonly MetricPoint[], { paint }: Context): string[] {
  const line = (name: string, values: readonly number[], show: (value: number) => string): string[] => {
    if (values.length === 0) return [];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const figures = `${show(Math.min(...values))} … ${show(Math.max(...values))}, mean ${show(mean)}`;
    return [`${name.padEnd(7)} ${paint("cyan", spark(values))}  ${figures}`];
  };
  const known = (pick: (point: MetricPoint) => number | null | undefined): number[] => points.map(pick).filter((value) => value != null);
  return [
    ...line(
      "CPU",
      known(({ cpu_percent }) => cpu_percent),
      percent,
    ),
    ...line(
      "Memory",
      known(({ memory_mb }) => memory_mb),
      memory,
    ),
    ...line(
      "Latency",
      known(({ response_time_ms }) => response_time_ms),
      formatDuration,
    ),
  ];
}

/** Draws a sparkline. Each character shows the maximum of its interval, so that peaks stay visible. */
function spark(values: readonly number[]): string {
  const width = Math.min(SPARK_WIDTH, values.length);
  const high = Math.max(...values);
  const low = Math.min(...values);
  let text = "";
  for (let i = 0; i < width; i++) {
    const interval = values.slice(Math.floor((i * values.length) / width), Math.max(1, Math.floor(((i + 1) * values.length) / width)));
    const level = high === low ? 0 : (Math.max(...interval) - low) / (high - low);
    text += SPARK[Math.round(level * (SPARK.length - 1))];
  }
  return text;
}

function table(points: readonly MetricPoint[], context: Context): string[] {
  const style = styleOf(context);
  const rows = context.options.lines ?? ROWS;
  const shown = points.length <= rows || rows === 0 ? points.slice(points.length - Math.min(rows, points.length)) : thin(points, rows);
  const names = [...new Set(shown.flatMap(({ reported }) => Object.keys(reported ?? {})))].slice(0, 6);
  const columns: Column[] = [
    { title: "TIME" },
    { title: "CPU", align: "right" },
    { title: "MEMORY", align: "right" },
    { title: "TASKS", align: "right" },
    { title: "FILES", align: "right" },
    { title: "RESTARTS", align: "right" },
    { title: "LATENCY", align: "right" },
    { title: "HEALTH" },
    ...names.map((name): Column => ({ title: safeCell(name).toUpperCase(), align: "right" })),
  ];
  const cells = shown.map((point) => [
    { text: shortTime(point.timestamp, style.now) },
    { text: percent(point.cpu_percent) },
    { text: memory(point.memory_mb) },
    { text: String(point.tasks ?? "") },
    { text: String(point.open_files ?? "") },
    { text: point.restarts ? String(point.restarts) : "" },
    { text: point.response_time_ms === null ? "" : formatDuration(point.response_time_ms) },
    { text: point.health_status === "unknown" ? "" : point.health_status },
    ...names.map((name) => ({ text: point.reported?.[name] === undefined ? "" : String(point.reported[name]) })),
  ]);
  return cells.length === 0 ? [] : layOut(columns, cells, tableOptions(style));
}

/** Returns `count` evenly spaced points, including the newest. */
const thin = (points: readonly MetricPoint[], count: number): MetricPoint[] =>
  Array.from({ length: count }, (_, i) => points[Math.round(((i + 1) * points.length) / count) - 1]!);
