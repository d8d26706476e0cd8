import type { LimitSpec } from "../../spec/spec.ts";
import { enforcementWords } from "../metrics/enforcement.ts";
import { freshLimits, limitWords, LIMITS, sampleLimits, type LimitNews } from "../metrics/limits.ts";
import { record } from "../unit/outcome.ts";
import { isProbed } from "../unit/phase.ts";
import type { Apply, Entry, Measurement, Step } from "./types.ts";
import type { Units } from "./units.ts";

/**
 * Compares one sample of each running unit with the limits of the unit. If a unit exceeds a limit, the excess is reported
 * once. After that, the action in the unit's limits is taken.
 */
export function measure(samples: ReadonlyMap<string, Measurement>, units: Units, apply: Apply, step: Step): void {
  for (const [id, measurement] of samples) {
    const entry = units.get(id);
    if (entry?.spec.limits == null || entry.unit.run !== measurement.run || !isProbed(entry.unit)) continue;
    const { sustained = entry.spec.limits.sustained, sample, only = LIMITS } = measurement;
    const known = entry.limits?.run === measurement.run ? entry.limits : freshLimits(measurement.run);
    const { state, news } = sampleLimits(known, { ...entry.spec.limits, sustained }, sample, only);
    units.put({ ...entry, limits: state });
    for (const one of news) report(entry, entry.spec.limits, measurement, one, apply, step);
  }
}

function report(entry: Entry, spec: LimitSpec, measurement: Measurement, news: LimitNews, apply: Apply, step: Step): void {
  const { id } = entry.unit;
  const { run, unenforced } = measurement;
  const { limit, level, value, max } = news;
  const enforces = spec.action === "enforce" && limit === "memory" && unenforced(limit) !== null;
  const restarts = level === "over" && (spec.action === "restart" || enforces);
  const words = `${limitWords(news)}${restarts ? "; restarting the unit" : ""}`;
  const type = level === "over" ? "limit-exceeded" : level === "near" && news.was === "ok" ? "limit-near" : "limit-recovered";
  const enforcement = enforcementWords(spec, unenforced).join("; ");
  step.turn.effects.push({ id, ...record(type, words, { run, limit, value, max, action: spec.action, enforcement }) });
  step.turn.effects.push({ id, type: "note", text: words });
  step.turn.changed.add(id); // subscribers see which limits a unit exceeds
  if (restarts) apply(id, { type: "condemned", run, by: "resources", detail: limitWords(news) }, step);
}
