import type * as shape from "../../api/contract/shapes.ts";
import { compareHealths, healthOfService, totalsOf } from "../../api/contract/service-rows.ts";
import { compareStates, stateOfService } from "../../base/service-state.ts";
import { scalingWords } from "../../core/explain/scaling.ts";
import { tellStory } from "../../core/explain/story.ts";
import type { ScalingOutlook } from "../../core/world/scalings.ts";
import type { EventHistory } from "../../ports/store/events.ts";

/**
 * Answers for a service with `instances`, made from the answers for its units. `units` has those of the units, the ones that most
 * need attention first.
 */

/** The events of the service itself that its story covers. They are rollouts and changes of the number of units. */
const STORY_EVENTS = 100;

export function whyOfService(
  service: string,
  units: readonly shape.UnitWhy[],
  { store, outlook, rollout }: { store: EventHistory; outlook: ScalingOutlook | null; rollout: shape.RolloutStatus | null },
): shape.Why {
  const sorted = byNeed(units, ({ service: unit }) => unit);
  const scaling = outlook === null ? [] : scalingWords(outlook).slice(-1);
  const rolling = rollout?.active
    ? [`Rollout ${rollout.generation} is ${rollout.state}: ${rollout.restarted} of ${rollout.total} units restarted.`]
    : [];
  return {
    service: totalsOf(units.map((unit) => unit.service)),
    story: tellStory(store.events({ limit: STORY_EVENTS, serviceIds: [service] })).map(({ at, text, lines }) => ({
      time: at,
      text,
      lines: [...lines],
    })),
    policy: sorted[0]!.policy,
    next: [...rolling, ...scaling].map((text) => ({ text, time: null })),
    change: sorted.find(({ change }) => change != null)?.change ?? null,
    units: sorted,
  };
}

/** All units have the same settings, so the explanation of the first one applies to the service. Each wave has all units. */
export function explanationOfService(service: string, units: readonly shape.Explanation[]): shape.Explanation {
  const depth = Math.max(...units.map(({ waves }) => waves.length));
  const waves = Array.from({ length: depth }, (_, index) => [...new Set(units.flatMap((unit) => unit.waves[index] ?? []))]);
  const neededBy = [...new Set(units.flatMap(({ needed_by }) => needed_by))];
  return { ...units[0]!, id: service, waves, needed_by: neededBy };
}

export function healthOfUnits(service: string, units: readonly shape.UnitHealth[]): shape.ServiceHealth {
  const sorted = byNeed(units, (unit) => unit);
  const probes = units.flatMap(({ next_probe }) => next_probe ?? []).toSorted();
  return {
    ...sorted[0]!,
    id: service,
    health: healthOfService(units.map(({ health }) => health)),
    state: stateOfService(units.map(({ state }) => state)),
    consecutive_failures: Math.max(...units.map(({ consecutive_failures }) => consecutive_failures)),
    next_probe: probes[0] ?? null,
    units: sorted,
  };
}

/** For each resource, the forecast of a service is that of the unit that reaches its limit first, or else grows fastest. */
export function forecastOfService(service: string, units: readonly shape.UnitForecast[]): shape.Forecast {
  const urgent = (a: shape.Trend, b: shape.Trend): number =>
    (a.limit_in_seconds ?? Infinity) - (b.limit_in_seconds ?? Infinity) || b.per_hour - a.per_hour || 0;
  const trendOf = (resource: "memory" | "cpu"): shape.Trend => {
    const running = units.filter((unit) => unit[resource].verdict !== "not-running");
    const unit = (running.length > 0 ? running : units).toSorted((a, b) => urgent(a[resource], b[resource]))[0]!;
    return running.length === 0 ? unit[resource] : { ...unit[resource], text: `${unit.id}: ${unit[resource].text}` };
  };
  const since = units.flatMap(({ run_since }) => run_since ?? []).toSorted();
  const sorted = units.toSorted((a, b) => urgent(a.memory, b.memory));
  return { id: service, run_since: since[0] ?? null, memory: trendOf("memory"), cpu: trendOf("cpu"), units: sorted };
}

interface Condition {
  readonly state: shape.Service["state"];
  readonly health: shape.Service["health"];
}

/** Sorts the units by state, and then by health: those that most need attention come first. */
export const byNeed = <Unit>(units: readonly Unit[], conditionOf: (unit: Unit) => Condition): Unit[] =>
  units.toSorted((one, two) => {
    const [a, b] = [conditionOf(one), conditionOf(two)];
    return compareStates(a.state, b.state) || compareHealths(a.health, b.health);
  });
