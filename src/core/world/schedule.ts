import { nextCronMs } from "../../spec/cron.ts";
import type { ScheduleSpec } from "../../spec/spec.ts";
import { isDown, type Phase } from "../unit/phase.ts";

/**
 * When a scheduled oneshot runs. A schedule speaks of the wall clock ("at half past two"), so its times are wall
 * milliseconds; the daemon compares them with the wall clock and tells of steps of it.
 */
export interface Timer {
  /** Of the schedule that `nextMs` was made of: a changed one begins anew. */
  readonly signature: string;
  /** When it is due next; null: never (30 February). */
  readonly nextMs: number | null;
  /** When it was last due and something came of it: a run, or one left out because the last was not over. */
  readonly lastMs: number | null;
  /** A run is owed as soon as the one under way is over (`overlap: queue`). */
  readonly queued: boolean;
}

export const signatureOf = ({ cron, timezone, everyMs }: ScheduleSpec): string => JSON.stringify([cron, timezone, everyMs]);

/**
 * The timer of a unit that was just loaded. `known` is what an earlier daemon left; `missedMs` is a time at which that one
 * would have run, had there been a daemon. A unit never seen before has missed nothing: loading it is no reason to run it.
 */
export function beginTimer(
  schedule: ScheduleSpec,
  known: Timer | null,
  nowMs: number,
): { readonly timer: Timer; readonly missedMs: number | null } {
  const signature = signatureOf(schedule);
  if (known?.signature !== signature) {
    const fresh = { signature, nextMs: nextMs(schedule, nowMs, nowMs), lastMs: known?.lastMs ?? null, queued: false };
    return { timer: fresh, missedMs: null };
  }
  if (known.nextMs !== null && known.nextMs <= nowMs) return { timer: passed(schedule, known, nowMs), missedMs: known.nextMs };
  return { timer: stepped(schedule, known, 0, nowMs), missedMs: null };
}

/** The slot that was due is used up: the next one that is still to come. */
export const passed = (schedule: ScheduleSpec, timer: Timer, nowMs: number): Timer => ({
  ...timer,
  nextMs: nextMs(schedule, nowMs, timer.nextMs ?? nowMs),
});

/** Past this, a cron time that the clock was set back behind comes again (cron(8) draws the line at the same place). */
const FAR_BACK_MS = 3 * 3_600_000;

/**
 * The wall clock was set by `byMs`. `every` is a distance and moves with the clock. A cron time stays: set back a little,
 * what has run does not run again; set back far, the days begin anew.
 */
export function stepped(schedule: ScheduleSpec, timer: Timer, byMs: number, nowMs: number): Timer {
  if (timer.nextMs === null) return timer;
  if (schedule.everyMs !== null) {
    const moved = timer.nextMs + byMs;
    return { ...timer, nextMs: moved > nowMs + schedule.everyMs ? nowMs + schedule.everyMs : moved };
  }
  const farBack = -byMs > FAR_BACK_MS || (byMs === 0 && timer.lastMs !== null && timer.lastMs - nowMs > FAR_BACK_MS);
  return farBack ? { ...timer, nextMs: nextMs(schedule, nowMs, nowMs) } : timer;
}

/** Later than this after its time, a run is not the one that was planned: the machine slept, or the clock was set. */
export const LATE_MS = 60_000;

/** What comes of a time that is due. */
export type Firing = "run" | "skip" | "queue" | "restart" | "missed";

export function firing(schedule: ScheduleSpec, phase: Phase, lateMs: number): Firing {
  if (lateMs > LATE_MS && !schedule.catchUp) return "missed";
  if (isDown(phase)) return "run";
  return schedule.overlap === "kill" ? "restart" : schedule.overlap;
}

/** The first time after `afterMs`; slots of `every` are counted from `slotMs`, so that runs do not drift. */
export function nextMs({ cron, timezone, everyMs }: ScheduleSpec, afterMs: number, slotMs: number): number | null {
  if (everyMs !== null) return slotMs + Math.max(1, Math.floor((afterMs - slotMs) / everyMs) + 1) * everyMs;
  if (cron === null) return null;
  return nextCronMs(cron, afterMs, timezone);
}
