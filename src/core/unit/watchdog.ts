import type { SdNotifyFields } from "./sd-notify.ts";
import { isProbed } from "./phase.ts";
import type { Unit } from "./record.ts";

/**
 * The keep-alive watchdog of sd_watchdog_enabled(3). Once ready, a unit with `watchdog` must send WATCHDOG=1 within each period.
 * This state is not part of the unit's stored state, because a keep-alive must not cost a write to disk.
 */
export interface Watchdog {
  readonly run: number;
  /** The period in milliseconds, or null if the service disabled the watchdog (WATCHDOG_USEC=0). */
  readonly periodMs: number | null;
  /** Monotonic time by which the next keep-alive must arrive; null while none is expected. */
  readonly dueMs: number | null;
  /** True if the period has ended and the grace period runs. */
  readonly overdue: boolean;
}

/** The grace period. A keep-alive that was sent just before the period ended may still wait in the socket; this is enough time to read it. */
const GRACE_MS = 50;

/** If a check is this late, the daemon itself did not run, for example because the machine slept. Then the service may not have run either. */
const SUSPENDED_MS = 1000;

/** Starts, continues or ends the watchdog according to the unit's phase. */
export function watchdogOf(state: Watchdog | null, unit: Unit, periodMs: number | null, nowMs: number): Watchdog | null {
  if (!isProbed(unit)) return null;
  if (state === null && periodMs === null) return null;
  const current = state?.run === unit.run ? state : { run: unit.run, periodMs, dueMs: null, overdue: false };
  const armed = unit.phase !== "starting" && current.periodMs !== null;
  if (armed === (current.dueMs !== null)) return current;
  return { ...current, dueMs: armed ? nowMs + current.periodMs! : null, overdue: false };
}

/** Handles a message of the service. WATCHDOG=1 restarts the period, and WATCHDOG_USEC= changes its length. */
export function keptAlive(state: Watchdog | null, unit: Unit, notice: SdNotifyFields, nowMs: number): Watchdog | null {
  if (notice.watchdogMs === null && notice.watchdog !== "alive") return state;
  const periodMs = notice.watchdogMs === null ? (state?.periodMs ?? null) : notice.watchdogMs || null;
  return watchdogOf({ run: unit.run, periodMs, dueMs: null, overdue: false }, unit, null, nowMs);
}

/** Checks the deadline. `expired` is true if the service sent no keep-alive within the period and the grace period. */
export function checkWatchdog(state: Watchdog, nowMs: number): { readonly state: Watchdog; readonly expired: boolean } {
  const { dueMs, periodMs, overdue } = state;
  if (dueMs === null || periodMs === null || dueMs > nowMs) return { state, expired: false };
  if (nowMs - dueMs > SUSPENDED_MS) return { state: { ...state, dueMs: nowMs + periodMs, overdue: false }, expired: false };
  if (!overdue) return { state: { ...state, dueMs: nowMs + GRACE_MS, overdue: true }, expired: false };
  return { state: { ...state, dueMs: null }, expired: true };
}
