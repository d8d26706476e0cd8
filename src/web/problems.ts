import type { Alert, BrokenUnit, Service } from "../api/contract/shapes.ts";
import { alertText, causeOf, causeText, firstProblem } from "./cause.ts";
import { alertsOf, isCriticalTrouble, troubled, troubleOf, type Around } from "./trouble.ts";

/** One line of the list of problems: a unit in trouble, a unit with a broken file, or an alert that belongs to no unit. */
export interface Problem {
  /** The id of the unit, or null for an alert that belongs to no unit. */
  readonly unit: string | null;
  readonly tone: "bad" | "warning";
  readonly critical: boolean;
  readonly text: string;
  readonly evidence: string | null;
  /** The open alerts that nobody has acknowledged yet. */
  readonly alerts: readonly Alert[];
}

/** Returns all problems, the worst first. `loose` are the open alerts that belong to no unit. `now` is wall-clock milliseconds. */
export function problemsOf(
  services: readonly Service[],
  broken: readonly BrokenUnit[],
  loose: readonly Alert[],
  around: Around,
  now: number,
): readonly Problem[] {
  const units = troubled(services, around).map((service): Problem => {
    const cause = causeOf(service, around, now);
    return {
      unit: service.id,
      tone: troubleOf(service, around) === "bad" ? "bad" : "warning",
      critical: isCriticalTrouble(service, around),
      text: causeText(cause),
      evidence: cause.evidence,
      alerts: alertsOf(service, around).filter(isNew),
    };
  });
  const files = broken.map((unit): Problem => ({
    ...{ unit: unit.id, tone: "bad", critical: false, text: "broken file", evidence: firstProblem(unit), alerts: [] },
  }));
  const alerts = loose.filter(isNew).map((alert): Problem => {
    const critical = alert.severity === "critical";
    return { unit: null, tone: critical ? "bad" : "warning", critical, text: alertText(alert, undefined), evidence: null, alerts: [alert] };
  });
  const isBad = ({ tone }: Problem): boolean => tone === "bad";
  const all = [...alerts, ...units.filter(isBad), ...files, ...units.filter((unit) => !isBad(unit))];
  return all.toSorted((a, b) => Number(isBad(b)) - Number(isBad(a)) || Number(b.critical) - Number(a.critical));
}

const isNew = ({ acknowledged }: Alert): boolean => !acknowledged;
