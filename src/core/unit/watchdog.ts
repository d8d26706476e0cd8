import type { SdNotifyFields } from "./sd-notify.ts";
import { isProbed } from "./phase.ts";
import type { Unit } from "./record.ts";

/**
 * The keep-alive watchdog of sd_watchdog_enabled(3): once ready, a unit with `watchdog` must send WATCHDOG=1 within each
 * period. Its state is kept outside the unit's memory and never stored, because a keep-alive must not cost a write.
 */
export interface Watchdog {
  readonly run: number;
  /** Null: the service disabled it (WATCHDOG_USEC=0). */
  readonly periodMs: number | null;
  /** Monotonic; null while no keep-alive is expected. */
  readonly dueMs: number | null;
  /** The period has ended and the grace time runs. */
  readonly overdue: boolean;
}

/** A keep-alive sent just before the end of the period may still wait in the socket; by then it has been read. */
const GRACE_MS = 50;

/** A check this late means that the daemon itself did not run (stopped, or the machine slept), and so the service could not send either. */
const SUSPENDED_MS = 1000;

/** Starts, keeps or ends the watchdog according to the unit's phase. */
export function watchdogOf(state: Watchdog | null, unit: Unit, periodMs: number | null, nowMs: number): Watchdog | null {
  if (!isProbed(unit)) return null;
  if (state === null && periodMs === null) return null;
  const current = state?.run === unit.run ? state : { run: unit.run, periodMs, dueMs: null, overdue: false };
  const armed = unit.phase !== "starting" && current.periodMs !== null;
  if (armed === (current.dueMs !== null)) return current;
  return { ...current, dueMs: armed ? nowMs + current.periodMs! : null, overdue: false };
}

/** Handles a message of the unit: WATCHDOG=1 restarts the period, WATCHDOG_USEC= changes it. */
export function keptAlive(state: Watchdog | null, unit: Unit, notice: SdNotifyFields, nowMs: number): Watchdog | null {
  if (notice.watchdogMs === null && notice.watchdog !== "alive") return state;
  const periodMs = notice.watchdogMs === null ? (state?.periodMs ?? null) : notice.watchdogMs || null;
  return watchdogOf({ run: unit.run, periodMs, dueMs: null, overdue: false }, unit, null, nowMs);
}

/** Checks the deadline. `expired`: the unit missed its period and the grace time. */
export function checkWatchdog(state: Watchdog, nowMs: number): { readonly state: Watchdog; readonly expired: boolean } {
  const { dueMs, periodMs, overdue } = state;
  if (dueMs === null || periodMs === null || dueMs > nowMs) return { state, expired: false };
  if (nowMs - dueMs > SUSPENDED_MS) return { state: { ...state, dueMs: nowMs + periodMs, overdue: false }, expired: false };
  if (!overdue) return { state: { ...state, dueMs: nowMs + GRACE_MS, overdue: true }, expired: false };
  return { state: { ...state, dueMs: null }, expired: true };
}
