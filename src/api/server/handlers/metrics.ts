import { stripSuffix } from "../../../base/names.ts";
import { err, ok } from "../../../base/result.ts";
import { MAX_REPORTED } from "../../contract/limits.ts";
import { textAnswer } from "../answer.ts";
import { prometheusText } from "../prometheus.ts";
import type { Handler } from "./handler.ts";
import { resolveIso } from "./when.ts";

export const serviceMetrics: Handler<"serviceMetrics"> = async ({ id, since, until, limit }, { supervisor, nowMs }) => {
  const from = resolveIso("since", since, nowMs);
  if (!from.ok) return from;
  const to = until === undefined ? ok(undefined) : resolveIso("until", until, nowMs);
  if (!to.ok) return to;
  const points = await supervisor.metrics(id, from.value, limit, to.value);
  return points.ok ? ok([...points.value]) : points;
};

export const serviceForecast: Handler<"serviceForecast"> = ({ id }, { supervisor }) => supervisor.forecast(id);

export const figures: Handler<"figures"> = async ({ id, since, until }, { supervisor, nowMs }) => {
  const from = resolveIso("since", since, nowMs);
  if (!from.ok) return from;
  const to = resolveIso("until", until ?? "0", nowMs);
  if (!to.ok) return to;
  if (from.value < to.value) return supervisor.figures(id, from.value, to.value);
  return err({ code: "invalid", message: "cannot accept the range of time: since is not before until" });
};

export const forecasts: Handler<"forecasts"> = async (_input, { supervisor }) => ok([...(await supervisor.forecasts())]);

export const prometheus: Handler<"prometheus"> = async (_input, { supervisor }) => {
  const { text, type } = await prometheusText(supervisor);
  return textAnswer(text, type);
};

/** Accepts the metrics that a unit reports. Their values are finite, because JSON has no other numbers. */
export const report: Handler<"report"> = async ({ service_id, metrics }, { supervisor }) => {
  const accepted = Object.keys(metrics).length;
  if (accepted > MAX_REPORTED) {
    const message = `cannot accept metrics: there are ${accepted} names, the limit is ${MAX_REPORTED}`;
    return { ok: false, error: { code: "invalid", message } };
  }
  const done = await supervisor.report({ service_id: stripSuffix(service_id), metrics });
  return done.ok ? { ok: true, value: { accepted } } : done;
};
