import { awaitsReadyNotice, isDown, isStarting, holdsStop, type Phase } from "../../src/core/unit/phase.ts";
import { retriesResetAtMs } from "../../src/core/unit/restart.ts";
import type { Unit } from "../../src/core/unit/record.ts";
import type { Entry, World } from "../../src/core/world/world.ts";
import type { Outside } from "./outside.ts";

/** Checks the rules that hold between any two events. Returns the first broken rule, or null. */
export function wrongInWorld(world: World, startConcurrency: number): string | null {
  const next = world.nextDueMs();
  let starting = 0;
  for (const [id, entry] of world.entries()) {
    const wrong = wrongInUnit(entry) ?? missedDeadline(entry, next) ?? heldStop(world, id, entry);
    if (wrong !== null) return `${id}: ${wrong}`;
    if (isStarting(entry.unit.phase)) starting++;
  }
  if (startConcurrency > 0 && starting > startConcurrency) return `${starting} units start at once`;
  return missedLaunch(world, starting, startConcurrency);
}

const NEEDS_DUE: ReadonlySet<Phase> = new Set(["preparing", "reloading", "stopping", "killing", "cleaning", "finishing", "backoff"]);
const MAY_LIVE: ReadonlySet<Phase> = new Set(["starting", "running", "reloading", "stopping", "killing"]);

function wrongInUnit({ unit, spec, check, watchdog }: Entry): string | null {
  const { phase, want, due, process } = unit;
  if (process !== null && !MAY_LIVE.has(phase)) return `a process while ${phase}`;
  if (NEEDS_DUE.has(phase) && due === null) return `${phase} without a deadline`;
  if (phase === "starting" && spec.startTimeoutMs !== null && due === null) return "starting without a deadline";
  if (due !== null && !Number.isFinite(due.atMs)) return "the deadline is not a number";
  if (want === "down" && (phase === "waiting" || phase === "backoff")) return `wanted down, and about to start: ${phase}`;
  if (want === "up" && phase === "idle") return "wanted up, and nothing will start it";
  if (check !== null && check.dueMs !== null && (process === null || check.run !== unit.run)) return "a check without a live process";
  if (awaitsReadyNotice(unit, spec) && check !== null && check.dueMs !== null) return "it is probed before its READY=1";
  if (watchdog !== null && (process === null || watchdog.run !== unit.run)) return "a watchdog without a live process";
  if (watchdog !== null && watchdog.dueMs !== null && phase !== "running" && phase !== "reloading")
    return `a keep-alive is expected while ${phase}`;
  return null;
}

function missedDeadline({ unit, spec, check, watchdog }: Entry, next: number | null): string | null {
  for (const atMs of [unit.due?.atMs, check?.dueMs, watchdog?.dueMs, retriesResetAtMs(unit, spec.restart)])
    if (atMs != null && (next === null || next > atMs)) return `its deadline at ${atMs} is forgotten; the next is ${next ?? "none"}`;
  return null;
}

/** A held stop must be held by a dependent. */
function heldStop(world: World, id: string, { unit, retired }: Entry): string | null {
  if (retired && isDown(unit.phase)) return "its file is gone and it is down, but it was not removed";
  if (unit.want === "up" || !holdsStop(unit.phase)) return null;
  const holders = [...world.dependentsOf(id)].map((user) => world.get(user)?.unit);
  if (holders.some((user) => user !== undefined && user.want === "down" && !isDown(user.phase))) return null;
  return `its stop is held (${unit.phase}) without a dependent`;
}

/** A waiting unit must have something to wait for. */
function missedLaunch(world: World, starting: number, startConcurrency: number): string | null {
  if (startConcurrency > 0 && starting >= startConcurrency) return null;
  for (const [id, { unit }] of world.entries())
    if (unit.phase === "waiting" && world.waitingFor(id).length === 0) return `${id}: it waits for nothing`;
  return null;
}

/** Checks the rules between the world and the actual processes. */
export function wrongOutside(world: World, outside: Outside): string | null {
  if (outside.wrongs.length > 0) return outside.wrongs[0]!;
  for (const [id, { unit }] of world.entries()) {
    if (!outside.alive(id)) continue;
    if (!MAY_LIVE.has(unit.phase)) return `${id}: a live process while ${unit.phase}`;
    if (outside.runOf(id) !== unit.run) return `${id}: a live process of run ${outside.runOf(id)} in run ${unit.run}`;
  }
  return null;
}

/** After the environment has been reliable for a while, no unit may be in transition. */
export function wrongAtRest(world: World): string | null {
  for (const [id, { unit }] of world.entries()) {
    if (restsWell(world, id, unit)) continue;
    return `${id}: stuck in ${unit.phase}, wanted ${unit.want}, waiting for ${world.waitingFor(id).join(" ") || "nothing"}`;
  }
  return null;
}

function restsWell(world: World, id: string, { want, phase }: Unit): boolean {
  if (isDown(phase)) return true;
  if (want === "down") return false;
  return phase === "running" || phase === "exited" || (phase === "waiting" && world.waitingFor(id).length > 0);
}

/** After a start of all units in a reliable environment, every unit that can run is up. */
export function wrongWhenAllIsWell(world: World): string | null {
  for (const [id, { unit, spec }] of world.entries()) {
    const possible = [...world.needs([id])].every((needed) => !isMissingSomething(world, needed));
    const up = unit.phase === "running" || unit.phase === "exited" || (spec.type === "oneshot" && unit.phase === "idle" && unit.succeeded);
    if (possible && !up) return `${id}: all units were started, but it is ${unit.phase}, waiting for ${world.waitingFor(id).join(" ")}`;
  }
  return null;
}

const isMissingSomething = (world: World, id: string): boolean =>
  world.get(id)!.spec.dependencies.some(({ required, unit, quorum }) => required && world.unitsOf(unit).length < Math.max(1, quorum ?? 1));

/** At rest nobody waits for a job any more: each has ended one way or another. */
export function wrongJobs(world: World, jobs: readonly string[]): string | null {
  for (const id of jobs) {
    const job = world.job(id);
    if (job !== undefined && job.endedMs === null)
      return `the job ${job.action} of ${job.units.map((unit) => unit.id).join(" ")} never ends`;
  }
  return null;
}
