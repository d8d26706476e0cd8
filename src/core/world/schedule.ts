import { nextCronMs } from "../../spec/cron.ts";
import type { ScheduleSpec } from "../../spec/spec.ts";
import { isDown, type Phase } from "../unit/phase.ts";

/**
 * The times at which a scheduled oneshot runs. Schedules refer to the wall clock ("at half past two"), so all times here are
 * wall clock milliseconds. The daemon compares them with the wall clock, and calls `stepped` when the clock was set.
 */
export interface Timer {
  /** Identifies the schedule that `nextMs` was computed from. If the schedule has changed since, the timer starts afresh. */
  readonly signature: string;
  /** When the next run is due, or null if it never is (for example on 30 February). */
  readonly nextMs: number | null;
  /**
   * The time of the last run that was due and was handled: it was started, queued, or skipped because the previous run had not ended.
   * Null if there was none.
   */
  readonly lastMs: number | null;
  /** True if another run must start as soon as the current one ends (`overlap: queue`). */
  readonly queued: boolean;
}

export const signatureOf = ({ cron, timezone, everyMs }: ScheduleSpec): string => JSON.stringify([cron, timezone, everyMs]);

/**
 * Returns the timer of a unit that was just loaded. `known` is the timer that an earlier daemon stored. `missedMs` is a time at which
 * a run was due while no daemon was running. A unit that was never loaded before has missed no run. Therefore loading it does not
 * start it.
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

/** Returns the timer with its next time in the future, after the run that was due has been handled. */
export const passed = (schedule: ScheduleSpec, timer: Timer, nowMs: number): Timer => ({
  ...timer,
  nextMs: nextMs(schedule, nowMs, timer.nextMs ?? nowMs),
});

/** If the clock is set back further than this, cron times that have already passed come again. cron(8) has the same threshold. */
const FAR_BACK_MS = 3 * 3_600_000;

/**
 * Adapts a timer after the wall clock was changed by `byMs`. With `every`, the next time moves with the clock, so that the interval
 * stays the same. With `cron`, the next time does not change after a small step, so that no run is repeated. If the clock was set
 * back far, the next time is computed again.
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

/** A run that is late by more than this counts as missed. This happens when the machine was suspended or the clock was set. */
export const LATE_MS = 60_000;

/** What to do with a run that is due. */
export type Firing = "run" | "skip" | "queue" | "restart" | "missed";

export function firing(schedule: ScheduleSpec, phase: Phase, lateMs: number): Firing {
  if (lateMs > LATE_MS && !schedule.catchUp) return "missed";
  if (isDown(phase)) return "run";
  return schedule.overlap === "kill" ? "restart" : schedule.overlap;
}

/**
 * Returns the first time of the schedule after `afterMs`, or null if there is none. With `every`, the times are multiples of the
 * interval after `slotMs`, so that runs do not drift.
 */
export function nextMs({ cron, timezone, everyMs }: ScheduleSpec, afterMs: number, slotMs: number): number | null {
  if (everyMs !== null) return slotMs + Math.max(1, Math.floor((afterMs - slotMs) / everyMs) + 1) * everyMs;
  if (cron === null) return null;
  return nextCronMs(cron, afterMs, timezone);
}
