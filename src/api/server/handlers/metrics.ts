import { stripSuffix } from "../../../base/names.ts";
import { MAX_REPORTED } from "../../contract/shapes.ts";
import { textAnswer } from "../answer.ts";
import { prometheusText } from "../prometheus.ts";
import type { Handler } from "./handler.ts";
import { resolveIso } from "./when.ts";

export const serviceMetrics: Handler<"serviceMetrics"> = ({ id, since, limit }, { supervisor, nowMs }) => {
  const from = resolveIso("since", since, nowMs);
  return from.ok ? supervisor.metrics(id, from.value, limit) : from;
};

export const serviceForecast: Handler<"serviceForecast"> = ({ id }, { supervisor }) => supervisor.forecast(id);

export const forecasts: Handler<"forecasts"> = (_input, { supervisor }) => ({ ok: true, value: [...supervisor.forecasts()] });

export const prometheus: Handler<"prometheus"> = async (_input, { supervisor }) => {
  const { text, type } = await prometheusText(supervisor);
  return textAnswer(text, type);
};

/** That the numbers are finite is the schema's to say: JSON has no other. */
export const report: Handler<"report"> = ({ service_id, metrics }, { supervisor }) => {
  const accepted = Object.keys(metrics).length;
  if (accepted > MAX_REPORTED) {
    const message = `cannot accept metrics: ${accepted} names, at most ${MAX_REPORTED} are kept`;
    return { ok: false, error: { code: "invalid", message } };
  }
  const done = supervisor.report({ service_id: stripSuffix(service_id), metrics });
  return done.ok ? { ok: true, value: { accepted } } : done;
};
