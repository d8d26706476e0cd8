import { stateOfService } from "../../base/service-state.ts";
import { type Health } from "../../base/words.ts";
import type { Service } from "./shapes.ts";

/** A service as it is displayed: one plain unit, or a service with `instances` and its units. */
export interface ServiceRow {
  /** The unit itself, or the totals of all units. */
  readonly service: Service;
  /** The units of a service with `instances`. Empty for a plain unit. */
  readonly units: readonly Service[];
}

/** Groups units by their services. Each service has the position of its first unit. */
export function serviceRows(units: readonly Service[]): ServiceRow[] {
  const groups = new Map<string, Service[]>();
  for (const unit of units) {
    const name = unit.service ?? unit.id;
    const group = groups.get(name);
    if (group) group.push(unit);
    else groups.set(name, [unit]);
  }
  return [...groups.values()].map((group) =>
    group[0]!.service === undefined ? { service: group[0]!, units: [] } : { service: totalsOf(group), units: group },
  );
}

/** The health values, those that need attention first. */
const HEALTH_ORDER: readonly Health[] = ["unhealthy", "degraded", "starting", "healthy", "unknown"];

/**
 * Returns a service with `instances` in the shape of a unit. Its state is that of the unit that most needs attention. Units
 * that are being removed count only for the resources that they use.
 */
export function totalsOf(all: readonly Service[]): Service {
  const staying = all.filter(({ leaving }) => leaving !== true);
  const units = staying.length > 0 ? staying : all;
  const first = units[0]!;
  const id = first.service ?? first.id;
  const state = stateOfService(units.map((unit) => unit.state));
  const decisive = units.find((unit) => unit.state === state)!;
  const ready = units.filter((unit) => unit.state === "running").length;
  const requested = Object.keys(first.requested_restarts) as Array<keyof Service["requested_restarts"]>;
  return {
    ...first,
    id,
    name: first.name === first.id ? id : first.name,
    state,
    sub_state: `${ready} of ${units.length} ready`,
    reason: decisive.reason,
    state_since: decisive.state_since,
    health: HEALTH_ORDER.find((health) => units.some((unit) => unit.health === health))!,
    pid: null,
    start_time: least(units.map(({ start_time }) => start_time)),
    uptime_seconds: Math.max(...units.map(({ uptime_seconds }) => uptime_seconds)),
    restart_count: sum(units.map(({ restart_count }) => restart_count))!,
    requested_restarts: Object.fromEntries(
      requested.map((by) => [by, sum(units.map(({ requested_restarts }) => requested_restarts[by]))]),
    ) as Service["requested_restarts"],
    last_restart: greatest(units.map(({ last_restart }) => last_restart)),
    cpu_percent: rounded(sum(all.map(({ cpu_percent }) => cpu_percent)), 1),
    memory_mb: rounded(sum(all.map(({ memory_mb }) => memory_mb)), 2),
    tasks: sum(all.map(({ tasks }) => tasks)),
    open_files: sum(all.map(({ open_files }) => open_files)),
    exit_code: decisive.exit_code,
    last_exit: decisive.last_exit,
    last_exit_status: decisive.last_exit_status ?? null,
    last_line: decisive.last_line ?? null,
    probe_failure: units.find(({ probe_failure }) => probe_failure != null)?.probe_failure ?? null,
    ...overLimits(units),
    status_text: null,
    invocation: null,
    waiting_for: [...new Set(units.flatMap(({ waiting_for }) => waiting_for))],
    obstacles: decisive.obstacles ?? [],
    changed_on_disk: units.some(({ changed_on_disk }) => changed_on_disk),
    file_removed: units.every(({ file_removed }) => file_removed === true),
    retries: decisive.retries,
    next_attempt: least(units.map(({ next_attempt }) => next_attempt)),
    units: all.map((unit) => unit.id),
    ready,
    wanted: units.length,
  };
}

function overLimits(units: readonly Service[]): Pick<Service, "over_limits"> {
  const over = units.flatMap(({ over_limits }) => over_limits ?? []);
  return over.length > 0 ? { over_limits: over } : {};
}

const sum = (values: ReadonlyArray<number | null>): number | null =>
  values.reduce((total, value) => (value === null ? total : (total ?? 0) + value), null);

const rounded = (value: number | null, digits: number): number | null => (value === null ? null : Number(value.toFixed(digits)));

const least = (times: ReadonlyArray<string | null>): string | null => times.filter((time) => time !== null).sort()[0] ?? null;
const greatest = (times: ReadonlyArray<string | null>): string | null =>
  times
    .filter((time) => time !== null)
    .sort()
    .at(-1) ?? null;
