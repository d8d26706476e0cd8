import { formatDuration } from "../../base/duration.ts";
import { conditionOf } from "../world/dependencies.ts";
import type { Timer } from "../world/schedule.ts";
import { backoffMs } from "../unit/restart.ts";
import type { Entry } from "../world/types.ts";
import { isDown, isProbed, stateOf } from "../unit/phase.ts";
import type { DueWhy, Unit } from "../unit/record.ts";
import type { World } from "../world/world.ts";

/** What will happen to a unit by itself. `atMs` is monotonic, `wallMs` of the wall clock; both null: when something else happens. */
export interface Upcoming {
  readonly text: string;
  readonly atMs: number | null;
  readonly wallMs: number | null;
}

const event = (text: string): Upcoming => ({ text, atMs: null, wallMs: null });

export function upcomingOf(world: World, entry: Entry, plan: Timer | undefined): Upcoming[] {
  const { unit } = entry;
  const coming: Upcoming[] = [];
  if (unit.due !== null) coming.push({ text: DUE[unit.due.why](entry), atMs: unit.due.atMs, wallMs: null });
  if (unit.phase === "waiting") coming.push(...waiting(world, entry));
  if (isProbed(unit) && entry.check?.dueMs != null)
    coming.push({ text: "Its health is asked next", atMs: entry.check.dueMs, wallMs: null });
  if (unit.want === "up" && unit.phase === "running") coming.push(...ifItFails(entry));
  if (plan?.nextMs != null) coming.push({ text: "Its next run is", atMs: null, wallMs: plan.nextMs });
  if (plan?.queued) coming.push(event("Another run follows as soon as this one is over."));
  if (isDown(unit.phase) && unit.due === null && plan?.nextMs == null)
    coming.push(event(`Nothing by itself. \`sup start ${unit.id}\` starts it.`));
  if (unit.want === "down" && !isDown(unit.phase)) coming.push(event("Then it stays stopped."));
  if (entry.retired) coming.push(event("Its file is gone: it is forgotten once it is down."));
  return coming;
}

const DUE: Record<DueWhy, (entry: Entry) => string> = {
  "start-timeout": ({ unit }) =>
    unit.phase === "starting" ? "Unless it is ready before, its start fails" : "Unless it is done before, it fails",
  "reload-timeout": () => "The reload is given up",
  "stop-timeout": () => "What is left of it gets SIGKILL",
  "kill-again": () => "What is left of it gets SIGKILL again",
  "hook-timeout": () => "Its commands are ended",
  backoff: ({ unit, spec }) => `${retryName(unit, spec.restart.maxRetries)} comes`,
  "fatal-retry": () => "It is tried again",
};

function retryName({ ledger }: Unit, maxRetries: number): string {
  if (ledger.retries === 0) return "Its next start";
  return maxRetries < 0 ? `Retry ${ledger.retries}` : `Retry ${ledger.retries} of ${maxRetries}`;
}

function waiting(world: World, { unit, spec }: Entry): Upcoming[] {
  const obstacles = world.waitingFor(unit.id);
  if (obstacles.length === 0) return [event("It starts when it is its turn (start_concurrency).")];
  return obstacles.map((id) => {
    const other = world.get(id);
    const dependency = spec.dependencies.find((one) => one.unit === id)!;
    const wanted = CONDITION[conditionOf(dependency, other?.spec)];
    const now = other === undefined ? "there is no such unit" : `it is ${stateOf(other.unit)} now`;
    return event(`It starts when ${id} ${wanted}; ${now}.`);
  });
}

const CONDITION = { started: "is started", ready: "is ready", completed: "has ended", succeeded: "has succeeded" } as const;

function ifItFails({ unit, spec }: Entry): Upcoming[] {
  const { restart } = spec;
  if (!restart.autoRestart) return [];
  const coming: Upcoming[] = [];
  if (unit.ledger.retries > 0 && unit.readyAtMs !== null)
    coming.push({
      text: `Its count of retries (${unit.ledger.retries}) returns to 0`,
      atMs: unit.readyAtMs + restart.resetAfterMs,
      wallMs: null,
    });
  if (restart.maxRetries >= 0 && unit.ledger.retries >= restart.maxRetries) {
    coming.push(event("If it fails before, it is given up: no retry is left."));
  } else {
    const delay = formatDuration(backoffMs(restart, unit.ledger.retries + 1, 0.5));
    const limit = restart.maxRetries < 0 ? "" : ` of ${restart.maxRetries}`;
    coming.push(event(`If it fails, retry ${unit.ledger.retries + 1}${limit} comes after ${delay}.`));
  }
  return coming;
}
