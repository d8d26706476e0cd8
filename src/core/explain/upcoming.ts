import { formatDuration } from "../../base/duration.ts";
import { conditionOf } from "../world/dependencies.ts";
import type { Timer } from "../world/schedule.ts";
import { backoffMs } from "../unit/restart.ts";
import type { Entry } from "../world/types.ts";
import { isDown, isProbed, stateOf } from "../unit/phase.ts";
import type { DueWhy, Unit } from "../unit/record.ts";
import type { World } from "../world/world.ts";

/**
 * Something that will happen to a unit automatically. Its time is either `atMs` (monotonic) or `wallMs` (wall clock). Both are null if
 * it happens after another event, at no fixed time.
 */
export interface Upcoming {
  readonly text: string;
  readonly atMs: number | null;
  readonly wallMs: number | null;
}

const untimed = (text: string): Upcoming => ({ text, atMs: null, wallMs: null });

export function upcomingOf(world: World, entry: Entry, plan: Timer | undefined): Upcoming[] {
  const { unit } = entry;
  const coming: Upcoming[] = [];
  if (unit.due !== null) coming.push({ text: DUE[unit.due.why](entry), atMs: unit.due.atMs, wallMs: null });
  if (unit.phase === "waiting") coming.push(...waiting(world, entry));
  if (isProbed(unit) && entry.check?.dueMs != null) coming.push({ text: "Next health check", atMs: entry.check.dueMs, wallMs: null });
  if (unit.want === "up" && unit.phase === "running") coming.push(...ifItFails(entry));
  if (plan?.nextMs != null) coming.push({ text: "Next scheduled run", atMs: null, wallMs: plan.nextMs });
  if (plan?.queued) coming.push(untimed("Another run starts right after this one."));
  if (isDown(unit.phase) && unit.due === null && plan?.nextMs == null)
    coming.push(untimed(`Nothing automatically. \`sup start ${unit.id}\` starts it.`));
  if (unit.want === "down" && !isDown(unit.phase)) coming.push(untimed("The unit stays stopped afterwards."));
  if (entry.retired) coming.push(untimed("The unit file was deleted. The unit is removed once it is down."));
  return coming;
}

const DUE: Record<DueWhy, (entry: Entry) => string> = {
  "start-timeout": ({ unit }) => (unit.phase === "starting" ? "The start times out" : "The run times out"),
  "reload-timeout": () => "The reload times out",
  "reload-notice": () => "The reload counts as done, unless the service announces it (RELOADING=1)",
  "drain-timeout": () => "The time to drain ends, and the unit gets its stop signal",
  "stop-timeout": () => "Remaining processes get SIGKILL",
  "kill-again": () => "Remaining processes get SIGKILL again",
  "hook-timeout": ({ unit }) => `The ${unit.phase === "preparing" ? "pre_start" : "post_stop"} commands time out`,
  backoff: ({ unit, spec }) => retryName(unit, spec.restart.maxRetries),
  "fatal-retry": () => "Next attempt (fatal_retry_after)",
};

function retryName({ ledger }: Unit, maxRetries: number): string {
  if (ledger.retries === 0) return "Next start";
  return maxRetries < 0 ? `Retry ${ledger.retries}` : `Retry ${ledger.retries} of ${maxRetries}`;
}

function waiting(world: World, { unit, spec }: Entry): Upcoming[] {
  const obstacles = world.waitingFor(unit.id);
  if (obstacles.length === 0) return [untimed("Starts when fewer units are starting (start_concurrency).")];
  return obstacles.map((id) => {
    const other = world.get(id);
    const dependency = spec.dependencies.find((one) => one.unit === id)!;
    const wanted = CONDITION[conditionOf(dependency, other?.spec)];
    if (other === undefined) return untimed(`Starts when ${id} ${wanted}; no such unit exists.`);
    const state = stateOf(other.unit);
    const isGivenUp = state === "failed" || state === "fatal" || (state === "stopped" && other.unit.due === null);
    const command = isGivenUp ? ` \`sup start ${id}\` starts it.` : "";
    return untimed(`Starts when ${id} ${wanted}; its state is ${state}.${command}`);
  });
}

const CONDITION = { started: "has started", ready: "is ready", completed: "has exited", succeeded: "has succeeded" } as const;

function ifItFails({ unit, spec }: Entry): Upcoming[] {
  const { restart } = spec;
  if (!restart.autoRestart) return [];
  const coming: Upcoming[] = [];
  if (unit.ledger.retries > 0 && unit.readyAtMs !== null)
    coming.push({
      text: `The retry counter (${unit.ledger.retries}) resets`,
      atMs: unit.readyAtMs + restart.resetAfterMs,
      wallMs: null,
    });
  if (restart.maxRetries >= 0 && unit.ledger.retries >= restart.maxRetries) {
    coming.push(untimed("The next failure is fatal: no retries are left."));
  } else {
    const delay = formatDuration(backoffMs(restart, unit.ledger.retries + 1, 0.5));
    const limit = restart.maxRetries < 0 ? "" : ` of ${restart.maxRetries}`;
    coming.push(untimed(`If it fails: retry ${unit.ledger.retries + 1}${limit} after ${delay}.`));
  }
  return coming;
}
