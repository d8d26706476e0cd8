import type * as shape from "../../api/contract/shapes.ts";
import { describeExit, exitNumber } from "../../base/exit.ts";
import { stateOfService } from "../../base/service-state.ts";
import { conditionOf } from "../../core/world/dependencies.ts";
import { holdsStop, isDown, stateOf, subStateOf } from "../../core/unit/phase.ts";
import { limitWords, LIMITS, maxOf } from "../../core/metrics/limits.ts";
import type { Unit } from "../../core/unit/record.ts";
import type { Entry, World } from "../../core/world/world.ts";
import type { Timer } from "../../core/world/schedule.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ServiceRow } from "../../ports/store/turns.ts";
import type { Sample } from "../../ports/usage.ts";
import type { Containment, Health, State } from "../../base/words.ts";
import type { Display } from "../../spec/load/display.ts";
import { redactSettings } from "../../spec/redact.ts";
import type { ScheduleSpec, Spec } from "../../spec/spec.ts";

/** Sources of the description of a unit, in addition to its entry in the world. */
export interface Surroundings {
  readonly world: World;
  readonly clock: Clock;
  isEnabled(id: string): boolean;
  usage(id: string): Sample | undefined;
  containment(id: string, run: number): Containment;
  /** Returns the line of output that says most about why this run failed, or null. */
  lastOutput(id: string, run: number): string | null;
  invocationOf(id: string, run: number): string;
  /** Returns the timer of a scheduled unit, or undefined while its schedule is not active. */
  planOf(id: string): Timer | undefined;
  /** Returns whether the unit file changed or was removed since it was loaded, and the problems of the file. */
  onDisk(id: string): { readonly changed: boolean; readonly removed: boolean; readonly problems: readonly string[] };
  /** Returns a function that expands specifiers and variables in strings of the unit. */
  display(spec: Spec): Display;
}

export function describeService(id: string, entry: Entry, around: Surroundings): shape.Service {
  const { spec, unit } = entry;
  const { clock, world } = around;
  const usage = around.usage(id);
  const disk = around.onDisk(id);
  return {
    id,
    name: spec.name,
    description: around.display(spec)(spec.description),
    state: stateOf(unit),
    sub_state: subStateOf(unit),
    reason: unit.phase === "waiting" && world.waitingFor(id).length > 0 ? "dependency" : unit.reason,
    state_since: isoOf(unit.sinceMs, clock),
    health: healthOf(entry),
    pid: unit.process?.pid ?? null,
    containment: unit.process === null ? null : around.containment(id, unit.run),
    port: spec.port,
    start_time: isoOf(unit.execAtMs, clock, unit.process !== null || unit.phase === "exited"),
    uptime_seconds: uptimeSeconds(unit, clock),
    restart_count: unit.restarts,
    requested_restarts: { ...unit.requestedRestarts },
    last_restart: isoOf(unit.restartedAtMs, clock),
    priority: spec.priority,
    critical: spec.critical,
    auto_restart: spec.restart.autoRestart,
    enabled: around.isEnabled(id),
    groups: [...spec.groups],
    labels: redactSettings(spec.labels) as Record<string, string>,
    cpu_percent: usage?.cpuPercent == null ? null : round(usage.cpuPercent, 1),
    memory_mb: usage === undefined ? null : round(usage.memoryMb, 2),
    tasks: usage?.tasks ?? null,
    open_files: usage?.openFiles ?? null,
    exit_code: lastExitCode(unit),
    status_text: unit.statusText,
    last_exit: unit.last === null ? null : unit.last.detail,
    last_exit_status: unit.last?.exit == null ? null : describeExit(unit.last.exit),
    last_line: isDownByFailure(entry) ? around.lastOutput(id, unit.run) : null,
    probe_failure: probeFailureOf(entry),
    ...overLimits(entry),
    invocation: unit.run === 0 ? null : around.invocationOf(id, unit.run),
    waiting_for: world.waitingFor(id),
    obstacles: world.waitingFor(id).map((one) => ({ unit: one, state: obstacleState(world, one) })),
    changed_on_disk: disk.changed,
    ...revertOf(spec, world),
    file_removed: disk.removed,
    problems: [...disk.problems],
    retries: unit.ledger.retries,
    max_retries: spec.restart.maxRetries,
    next_attempt: unit.due !== null && (unit.due.why === "backoff" || unit.due.why === "fatal-retry") ? isoOf(unit.due.atMs, clock) : null,
    file: spec.file,
    type: spec.type,
    ...(spec.instance !== null && { service: spec.service, instance: spec.instance, leaving: entry.retired }),
    ...(spec.scaling !== null && { scaling: scalingShape(spec.scaling) }),
    schedule: spec.schedule === null ? null : describeSchedule(spec.schedule, around.planOf(id)),
    dependencies: spec.dependencies.map((dependency) => ({
      unit: dependency.unit,
      condition: conditionOf(dependency, targetSpec(world, dependency.unit)),
      required: dependency.required,
      restart: dependency.restart,
    })),
  };
}

/** Says why the file of the unit is not in force, if its last rollout brought back an earlier definition. */
function revertOf({ service, instance }: Spec, world: Pick<World, "recordOf">): Pick<shape.Service, "reverted"> {
  const reverted = instance === null ? null : world.recordOf(service)?.reverted;
  if (reverted == null) return {};
  return { reverted: { rollout: reverted.generation, time: new Date(reverted.atMs).toISOString(), cause: reverted.cause } };
}

const scalingShape = ({ min, max, metrics }: NonNullable<Spec["scaling"]>): NonNullable<shape.Service["scaling"]> => ({
  ...{ min, max },
  metrics: metrics.map(({ metric, target }) => ({ metric, target })),
});

/** Returns the spec of the unit that a dependency names. If it names a service, returns the spec of the service's first unit. */
export function targetSpec(world: Pick<World, "get" | "unitsOf">, name: string): Spec | undefined {
  const [first] = world.unitsOf(name);
  return first === undefined ? undefined : world.get(first)?.spec;
}

function obstacleState(world: World, name: string): State | null {
  const units = world.unitsOf(name);
  return units.length === 0 ? null : stateOfService(units.map((id) => stateOf(world.get(id)!.unit)));
}

function describeSchedule(schedule: ScheduleSpec, plan: Timer | undefined): NonNullable<shape.Service["schedule"]> {
  const iso = (ms: number | null | undefined): string | null => (ms == null ? null : new Date(ms).toISOString());
  return {
    cron: schedule.cron,
    timezone: schedule.timezone,
    every_seconds: schedule.everyMs === null ? null : schedule.everyMs / 1000,
    catch_up: schedule.catchUp,
    overlap: schedule.overlap,
    active: plan !== undefined,
    next_run: iso(plan?.nextMs),
    last_run: iso(plan?.lastMs),
    queued: plan?.queued ?? false,
  };
}

export function serviceRow(id: string, entry: Entry, clock: Clock): ServiceRow {
  const { spec, unit } = entry;
  return {
    id,
    name: spec.name,
    description: spec.description,
    state: stateOf(unit),
    pid: unit.process?.pid ?? null,
    port: spec.port,
    startTime: isoOf(unit.execAtMs, clock, unit.process !== null),
    uptimeSeconds: uptimeSeconds(unit, clock),
    restartCount: unit.restarts,
    lastRestart: isoOf(unit.restartedAtMs, clock),
    priority: spec.priority,
    critical: spec.critical,
    autoRestart: spec.restart.autoRestart,
  };
}

/** Returns the health of a unit. It is `unknown` without a health check, and while the unit does not run. */
export function healthOf({ unit, check }: Pick<Entry, "unit" | "check">): Health {
  if (check === null || isDown(unit.phase) || unit.process === null) return "unknown";
  return holdsStop(unit.phase) ? check.health : "unknown";
}

/** Returns the detail of the last probe that failed, if the health check keeps failing. */
export function probeFailureOf(entry: Entry): string | null {
  const health = healthOf(entry);
  if (health !== "unhealthy" && health !== "degraded") return null;
  return entry.check?.results.findLast(({ kind }) => kind !== "ok")?.detail ?? null;
}

function overLimits({ unit, spec, limits }: Entry): Pick<shape.Service, "over_limits"> {
  if (spec.limits === null || limits === null || limits.run !== unit.run || unit.process === null) return {};
  const bounds = spec.limits;
  const over = LIMITS.flatMap((limit) => {
    const [max, { level, value }] = [maxOf(bounds, limit), limits.standings[limit]];
    if (level !== "over" || max === null || value === null) return [];
    return [{ limit, value: round(value, 1), max, text: limitWords({ limit, level, was: "ok", value, max }) }];
  });
  return over.length > 0 ? { over_limits: over } : {};
}

/** Returns true if the last run of the unit failed and the unit is not running again yet. */
export function isDownByFailure({ unit }: Pick<Entry, "unit">): boolean {
  const state = stateOf(unit);
  return state === "failed" || state === "fatal" || state === "backoff";
}

/** Converts monotonic time to wall clock time (ISO 8601 in UTC). Returns null if `monotonicMs` is null or `when` is false. */
export function isoOf(monotonicMs: number | null, clock: Clock, when = true): string | null {
  if (monotonicMs === null || !when) return null;
  return new Date(clock.wallMs() - clock.monotonicMs() + monotonicMs).toISOString();
}

function uptimeSeconds(unit: Unit, clock: Clock): number {
  if (unit.process === null || unit.execAtMs === null) return 0;
  return round((clock.monotonicMs() - unit.execAtMs) / 1000, 1);
}

/** Returns the exit code of the last run that ended. For a signal, it is 128 plus the number of the signal, as in a shell. */
function lastExitCode(unit: Unit): number | null {
  const exit = unit.last?.exit ?? null;
  return exit === null ? null : exitNumber(exit);
}

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
