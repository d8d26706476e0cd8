import { useEffect, useState } from "preact/hooks";
import type { Event, Forecast, MetricPoint } from "../../api/contract/shapes.ts";
import { request } from "../state/api.ts";
import { onChange } from "../state/live.ts";
import { useRequest } from "../state/use-request.ts";
import type { Mark } from "./plot.ts";
import { extend } from "./series.ts";

const MOST_POINTS = 20_000;

/**
 * Returns a unit's samples within the time range. Loads them from the store, and loads the newer ones whenever the stream reports
 * samples.
 */
export function usePoints(id: string, rangeMs: number): readonly MetricPoint[] {
  const [points, setPoints] = useState<readonly MetricPoint[]>([]);
  useEffect(() => {
    let gone = false;
    let known: readonly MetricPoint[] = [];
    let busy = false;
    const load = async (fromMs: number): Promise<void> => {
      if (busy) return;
      busy = true;
      const since = known.at(-1)?.timestamp ?? new Date(fromMs).toISOString();
      const answer = await request("serviceMetrics", { id, since, limit: MOST_POINTS });
      busy = false;
      if (gone || !answer.ok) return;
      setPoints((known = extend(known, answer.value, fromMs)));
    };
    setPoints([]);
    void load(Date.now() - rangeMs);
    const stop = onChange((change) => {
      if (change.kind === "snapshot" || change.kind === "metrics") void load(Date.now() - rangeMs);
    });
    return () => {
      gone = true;
      stop();
    };
  }, [id, rangeMs]);
  return points;
}

const MOST_MARKS = 2000;
const MARKED = ["started", "exited", "start-failed", "fatal"];

/** Returns a mark for each start and each failure of a unit within the time range. */
export function useMarks(id: string, rangeMs: number): readonly Mark[] {
  const [marks, setMarks] = useState<readonly Mark[]>([]);
  useEffect(() => {
    let gone = false;
    const load = async (): Promise<void> => {
      const since = new Date(Date.now() - rangeMs).toISOString();
      const answer = await request("events", { service: id, type: MARKED.join(","), since, limit: MOST_MARKS });
      if (!gone && answer.ok) setMarks(answer.value.flatMap(markOf));
    };
    void load();
    const stop = onChange((change) => {
      if (change.kind === "snapshot") void load();
      if (change.kind === "event" && change.data.service_id === id) setMarks((before) => [...before, ...markOf(change.data)]);
    });
    return () => {
      gone = true;
      stop();
    };
  }, [id, rangeMs]);
  return marks;
}

function markOf({ event_type, timestamp, details }: Event): Mark[] {
  const time = Date.parse(timestamp) / 1000;
  if (event_type === "started") return [{ time, bad: false }];
  if (event_type === "exited") return details.success === false && details.expected === false ? [{ time, bad: true }] : [];
  return event_type === "start-failed" || event_type === "fatal" ? [{ time, bad: true }] : [];
}

export interface Limits {
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly warnAt: number;
}

/** Returns the limits in the unit's effective `resource_limits`. */
export function useLimits(id: string): Limits {
  const { value } = useRequest(id, () => request("serviceFile", { id }));
  const limits = (value?.effective.resource_limits ?? {}) as Readonly<Record<string, unknown>>;
  const numberOf = (key: string): number | null => (typeof limits[key] === "number" ? limits[key] : null);
  const [cpu, memory, warnAt] = [numberOf("max_cpu_percent"), numberOf("max_memory_mb"), numberOf("warn_at") ?? 0.8];
  const [kept, keep] = useState<Limits>({ cpu: null, memory: null, warnAt: 0.8 });
  if (kept.cpu === cpu && kept.memory === memory && kept.warnAt === warnAt) return kept;
  const next = { cpu, memory, warnAt };
  keep(next);
  return next;
}

const FORECAST_MS = 60_000;

/** Returns the unit's forecast, or null until it is loaded. */
export function useForecast(id: string): Forecast | null {
  const [forecast, setForecast] = useState<Forecast | null>(null);
  useEffect(() => {
    let gone = false;
    const load = async (): Promise<void> => {
      const answer = await request("serviceForecast", { id });
      if (!gone && answer.ok) setForecast(answer.value);
    };
    void load();
    const timer = setInterval(() => document.hidden || void load(), FORECAST_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [id]);
  return forecast;
}
